"""What a language model has to beat as a classifier: TF-IDF with a linear support vector machine.

The report names "TFIDF+SVC" and neither its units nor its settings. Here they are runs of characters, and words; there
is no dictionary of Japanese words, so a word is a run of letters of one script, which is where most Japanese words
begin and end. The penalty is chosen by cross-validation on training texts alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Float
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.svm import LinearSVC

from emotion_utils.core.errors import UserError, suggestion

UNITS = ("characters", "words", "both")
PENALTIES = (0.1, 1.0, 10.0, 30.0)
"""Values of C among which is chosen."""
FOLDS = 3
WORD = r"(?u)[\u30a1-\u30ff]+|[\u3041-\u309f]+|[\u3400-\u9fff\u3005-\u3007]+|[^\W\u3005-\u30ff\u3400-\u9fff]+|[^\w\s]"
"""A run of katakana, of hiragana, of Chinese characters, or of letters of other scripts; or one mark."""


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline.

    Attributes
    ----------
    pipeline
        Of scikit-learn.
    units
        One of :data:`UNITS`.
    penalty
        C of the support vector machine.
    choice
        Columns `penalty, macro_f1`: the mean over folds of the training texts; NaN where nothing could be tried.
    """

    pipeline: Pipeline = field(repr=False)
    units: str
    penalty: float
    choice: pd.DataFrame = field(repr=False)

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The label of each text."""
        return self.pipeline.predict(list(texts)).tolist() if len(texts) else []

    def scores(self, texts: Sequence[str]) -> Float[np.ndarray, "text label"]:
        """Signed distance of each text from the plane of each label, columns as in ``pipeline.classes_``."""
        found = np.asarray(self.pipeline.decision_function(list(texts)))
        return np.stack([-found, found], axis=1) if found.ndim == 1 else found


def fit_baseline(
    texts: Sequence[str],
    labels: Sequence[str],
    units: str = "both",
    *,
    penalties: Sequence[float] = PENALTIES,
    seed: int = 0,
) -> Baseline:
    """Fit the baseline on training texts.

    Parameters
    ----------
    texts, labels
    units
        One of :data:`UNITS`.
    penalties
        Values of C; the one with the highest mean macro F1 over stratified folds of the training texts is taken, the
        smallest of several. There are at most :data:`FOLDS` folds, and no more than the rarest label has texts; where
        it has one, nothing can be tried and the middle value is taken.
    seed
        Of the folds and of the support vector machine.

    Raises
    ------
    UserError
        For other units, and for fewer than two labels.
    """
    if units not in UNITS:
        raise UserError(f'There are no units "{units}": {suggestion(str(units), UNITS)}')
    sizes = pd.Series(list(labels), dtype=object).value_counts()
    if len(sizes) < 2:
        raise UserError(f"The training texts have {len(sizes)} label: two at least are needed to tell apart.")
    texts, labels = list(texts), list(labels)
    tried, folds = sorted(penalties), min(FOLDS, int(sizes.min()))
    table = pd.DataFrame({"penalty": tried, "macro_f1": np.nan})
    penalty = tried[len(tried) // 2]
    if folds > 1 and len(tried) > 1:
        table["macro_f1"] = _tried(texts, labels, units, tried, folds, seed)
        penalty = float(table["penalty"][int(table["macro_f1"].argmax())])
    pipeline = make_pipeline(_counts(units), _machine(penalty, seed))
    return Baseline(pipeline.fit(texts, labels), units, penalty, table)


def _tried(
    texts: list[str], labels: list[str], units: str, penalties: Sequence[float], folds: int, seed: int
) -> Float[np.ndarray, " penalty"]:
    """Mean macro F1 over folds for each penalty; words are counted once for all of them."""
    scores = np.zeros((folds, len(penalties)))
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    known = np.array(labels, dtype=object)
    for fold, (train, held) in enumerate(splitter.split(texts, labels)):
        counts = _counts(units)
        seen = counts.fit_transform([texts[i] for i in train])
        unseen = counts.transform([texts[i] for i in held])
        for at, penalty in enumerate(penalties):
            machine = _machine(penalty, seed).fit(seen, known[train].tolist())
            scores[fold, at] = f1_score(known[held].tolist(), machine.predict(unseen), average="macro")
    return scores.mean(axis=0)


def _machine(penalty: float, seed: int) -> LinearSVC:
    return LinearSVC(C=penalty, random_state=seed, max_iter=20_000)


def _counts(units: str) -> TfidfVectorizer | FeatureUnion:
    """Weights of runs of one to four characters, of one or two words, or of both."""
    characters = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True)
    words = TfidfVectorizer(token_pattern=WORD, ngram_range=(1, 2), sublinear_tf=True)
    return {"characters": characters, "words": words}.get(units) or make_union(characters, words)

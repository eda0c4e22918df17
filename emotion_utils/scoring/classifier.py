"""The project's own emotion classifier: words and pairs of words, trained when it is first asked for.

It learns from replies that the grammar of the small world wrote, whose emotion is true by construction, and from two
of the project's prompt sets, so that it also knows words beyond the small world. Of a reader's own labels a classifier
of the same kind learns from the reader's own texts.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline

from emotion_utils.core.emotions import EMOTIONS, labels_of
from emotion_utils.core.errors import UserError
from emotion_utils.prompts.bag_of_words import WORD_OR_MARK, classifier
from emotion_utils.prompts.loading import load_profile
from emotion_utils.prompts.splits import normalise
from emotion_utils.scoring.replies import drawn_replies, first_reply, reply_emotions
from emotion_utils.scoring.scorer import Rows, Scorer
from emotion_utils.statistics.resampling import connected_groups

PROMPT_SETS = ("powered", "real_world")
DRAWS = 4000
PER_TEMPLATE = 8
"""Texts of one reply template: more of the same wording teach nothing new and outvote the others."""
FOLDS = 5
UNDECIDED = "undecided"
ONE_CHARACTER = r"(?u)\w|[^\w\s]"
"""What counts as a word where there are no spaces between words."""
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
"""How the names of characters of such scripts begin."""


@dataclass(frozen=True)
class EmotionClassifier:
    """A trained classifier.

    Attributes
    ----------
    pipeline
        Weighted counts of words and pairs of words, and a logistic regression on them.
    labels
        What it tells apart.
    whole
        Whether it reads whole texts; else up to the end of the first reply.
    """

    pipeline: Pipeline
    labels: tuple[str, ...] = EMOTIONS
    whole: bool = False

    def probabilities(self, texts: Sequence[str]) -> Float[np.ndarray, "text emotion"]:
        """Probability of each of its labels; NaN where a text has no word that was seen in training."""
        if not texts:
            return np.zeros((0, len(self.labels)))
        vectors = self.pipeline[:-1].transform([text if self.whole else first_reply(text) for text in texts])
        order = [list(self.pipeline.classes_).index(label) for label in self.labels]
        found = self.pipeline[-1].predict_proba(vectors)[:, order]
        found[np.diff(vectors.indptr) == 0] = np.nan
        return found

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The most probable emotion of each text, `undecided` where the probabilities are NaN."""
        found = self.probabilities(texts)
        undecided = np.isnan(found).any(axis=1)
        best = np.where(undecided, 0, np.nan_to_num(found).argmax(axis=1))
        return [UNDECIDED if no else self.labels[i] for i, no in zip(best.tolist(), undecided, strict=True)]


def training_texts(seed: int = 0) -> pd.DataFrame:
    """What the classifier learns from.

    Returns
    -------
    Columns `text, emotion, group, source`: `source` is the small world or the name of a prompt set, `group` numbers
    the wordings that belong together (a reply template, or prompts connected by family, pair or text).
    """
    replies = drawn_replies(DRAWS, seed)
    replies = replies[replies.groupby("template").cumcount() < PER_TEMPLATE]
    parts = [replies.assign(source="small world", family=replies["template"], pair_id=None)]
    for name in PROMPT_SETS:
        prompts = load_profile(name)
        parts.append(prompts.assign(source=name, family=name + "/" + prompts["group"]))
    columns = ["text", "emotion", "source", "family", "pair_id"]
    both = pd.concat([part[columns].astype(object) for part in parts], ignore_index=True)
    both["group"] = connected_groups(both.assign(_t=both["text"].map(normalise)), ["family", "pair_id", "_t"])
    return both.drop_duplicates("text", ignore_index=True)[["text", "emotion", "group", "source"]]


@functools.cache
def trained_classifier(seed: int = 0) -> EmotionClassifier:
    """Train on all of :func:`training_texts`; about a second, once per process and seed."""
    texts = training_texts(seed)
    return EmotionClassifier(_pipeline().fit(texts["text"].map(first_reply), texts["emotion"].tolist()))


def own_classifier(texts: pd.DataFrame) -> EmotionClassifier:
    """Train on labelled texts of any kind; in a script without spaces characters stand for words.

    Parameters
    ----------
    texts
        Columns `text, emotion`.
    """
    pattern = ONE_CHARACTER if unspaced("".join(texts["text"])) else WORD_OR_MARK
    fitted = _pipeline(pattern).fit(texts["text"].tolist(), texts["emotion"].tolist())
    return EmotionClassifier(fitted, labels_of(texts), whole=True)


def unspaced(text: str) -> bool:
    """Whether most letters of a text are of scripts that write no space between words."""
    letters = [character for character in text if character.isalpha()]
    return 2 * sum(unicodedata.name(letter, "").startswith(UNSPACED) for letter in letters) > len(letters)


def held_out_predictions(seed: int = 0) -> pd.DataFrame:
    """Classify every training text by a classifier that has seen no text of its group.

    Returns
    -------
    The columns of :func:`training_texts` and `predicted`.
    """
    texts = training_texts(seed)
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    predicted = np.empty(len(texts), dtype=object)
    for train, test in splitter.split(texts["text"], texts["emotion"].tolist(), texts["group"]):
        known = texts.iloc[train]
        fold = EmotionClassifier(_pipeline().fit(known["text"].map(first_reply), known["emotion"].tolist()))
        predicted[test] = fold.predict(texts["text"].iloc[test].tolist())
    return texts.assign(predicted=predicted)


def steered_predictions(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Classify generated texts of a bundled model beside what the small world's replies say of them.

    Parameters
    ----------
    table
        With `text`, the continuations.

    Returns
    -------
    Columns of the table, `emotion` replaced by the reference (:func:`replies.reply_emotion`; `undecided` where the
    text opens like no reply) and `predicted`, for :func:`confusion`.
    """
    if "text" not in table:
        raise UserError('The table of generated texts has no column "text".')
    texts = table["text"].tolist()
    true = [emotion or UNDECIDED for emotion in reply_emotions(texts)]
    return table.assign(emotion=true, predicted=trained_classifier(seed).predict(texts))


def confusion(predictions: pd.DataFrame, labels: Sequence[str] = EMOTIONS) -> pd.DataFrame:
    """Count texts by true `emotion` (rows) and `predicted` one (columns); `undecided` only where it occurs."""
    names = [*labels, UNDECIDED]
    counts = pd.crosstab(predictions["emotion"].tolist(), predictions["predicted"].tolist())
    counts = counts.reindex(index=names, columns=names, fill_value=0)
    used = [n for n in names if n != UNDECIDED or counts.loc[n].sum() or counts[n].sum()]
    return counts.loc[used, used].rename_axis(index="emotion", columns="predicted")


def summarise_accuracy(counts: pd.DataFrame) -> str:
    """Share of texts on the diagonal of a table of :func:`confusion`, with their number.

    Texts that open like no reply have no true emotion and are left out.
    """
    known = counts.drop(index="undecided", errors="ignore")
    right, n = sum(int(known.loc[e, e]) for e in known.index), int(known.to_numpy().sum())
    return f"{right / n:.1%} of {n:,}" if n else "none of 0"


def emotion_probability(trained: EmotionClassifier | None = None) -> Scorer:
    """Probability of the row's emotion by the project's classifier, or by one of own labels.

    Parameters
    ----------
    trained
        From :func:`own_classifier`.
    """
    labels = EMOTIONS if trained is None else trained.labels

    def measure(rows: Rows) -> Float[np.ndarray, " text"]:
        found = (trained or trained_classifier()).probabilities(rows.texts)
        return found[np.arange(len(found)), [labels.index(target) for target in rows.emotions]]

    known = (
        "knows the words of the small world and of two prompt sets, reads up to the end of the first reply"
        if trained is None
        else "knows the words of the texts that it learnt from"
    )
    return Scorer(
        "classifier",
        (0, 1),
        "more like the texts of the row's emotion",
        f"A bag of words, so blind to order and irony; {known}; NaN where it knows no word.",
        measure,
        ("text", "emotion"),
        labels,
    )


def _pipeline(pattern: str = WORD_OR_MARK) -> Pipeline:
    weigh = TfidfVectorizer(token_pattern=pattern, ngram_range=(1, 2), sublinear_tf=True)
    return make_pipeline(weigh, classifier())


def emotions_said(texts: Sequence[str], *, small_world: bool) -> list[str | None]:
    """What each text says: an emotion, or None.

    Parameters
    ----------
    texts
    small_world
        Whether they are replies of a model that knows the small world: then the opening tells their emotion. Of others
        it is what the project's classifier finds most probable.
    """
    if small_world:
        return reply_emotions(texts)
    return [None if found == UNDECIDED else found for found in trained_classifier().predict(texts)]

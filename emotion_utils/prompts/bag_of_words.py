"""Bags of words and the folds they are classified in."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from emotion_utils.core.emotions import REFERENCE
from emotion_utils.core.errors import UserError
from emotion_utils.prompts.splits import normalise
from emotion_utils.statistics.resampling import connected_groups, resampling_units

PENALTY = 10.0
"""Inverse strength of the L2 penalty; rows of TF-IDF have norm 1, so that 1 would shrink almost everything."""

WORD_OR_MARK = r"(?u)\b\w+(?:['’]\w+)?\b|[^\w\s]"
"""A word, or a mark of punctuation, which is a cue as well."""

_TOKEN = re.compile(WORD_OR_MARK)
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f]+"
)
"""Writing without spaces between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""


class Fold(NamedTuple):
    """Rows to train on and to test on, and their weighted words."""

    train: np.ndarray
    test: np.ndarray
    x_train: csr_matrix
    x_test: csr_matrix


def count_words(texts: pd.Series) -> tuple[csr_matrix, np.ndarray]:
    """Count words and punctuation marks, shape (text, word), and name the words.

    Where words are written without spaces between them, single characters and pairs of neighbours stand for words.
    """
    vectorizer = CountVectorizer(analyzer=words_and_marks)
    return vectorizer.fit_transform(texts).tocsr(), vectorizer.get_feature_names_out()


def words_and_marks(text: str) -> list[str]:
    """Cut a text into words and marks in small letters, and writing without spaces into characters and pairs.

    >>> words_and_marks("Well done!")
    ['well', 'done', '!']
    >>> words_and_marks("嬉しい。")
    ['嬉', 'し', 'い', '嬉し', 'しい', '。']
    """
    text = text.lower()
    if not without_spaces(text):
        return _TOKEN.findall(text)
    runs = _UNSPACED.findall(text)
    pieces = [*"".join(runs), *(run[i : i + 2] for run in runs for i in range(len(run) - 1))]
    return [*pieces, *_TOKEN.findall(_UNSPACED.sub(" ", text))]


def without_spaces(text: str) -> bool:
    """Whether some of a text is in a script that writes words without spaces between them."""
    return _UNSPACED.search(text) is not None


def within(prompts: pd.DataFrame, folds: int, seed: int) -> Callable[[np.ndarray], list[Fold]]:
    """Make the grouped folds for given labels: stratified by them, or the null would be less balanced than the data."""
    units = resampling_units(prompts)
    counts, _ = count_words(prompts["text"])

    def prepare(labels: np.ndarray) -> list[Fold]:
        # as many folds as the largest class can be in
        largest = int(np.unique(labels, return_counts=True)[1].max())
        splitter = StratifiedGroupKFold(min(folds, len(set(units)), largest), shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a rare class cannot be in every fold
            return [_fold(counts, counts, a, b) for a, b in splitter.split(labels, labels, units)]

    return prepare


def across(train: pd.DataFrame, test: pd.DataFrame) -> Callable[[np.ndarray], list[Fold]]:
    """Make the one fold from set to set, without training rows that share a family or a text with the test set.

    Raises
    ------
    UserError
        Where no training row is left.
    """
    both = pd.concat([train, test], ignore_index=True)
    units = connected_groups(both.assign(_text=both["text"].map(normalise)), ["group", "_text"])
    free = np.flatnonzero(~np.isin(units[: len(train)], units[len(train) :]))
    if not len(free):
        raise UserError(
            f"All {len(train)} texts to train a bag of words on share a group or their text with the {len(test)} to "
            "test it on: give texts of different splits different groups."
        )
    counts, _ = count_words(both["text"])
    only = _fold(counts[: len(train)], counts[len(train) :], free, np.arange(len(test)))
    return lambda labels: [only]


def _fold(counts: csr_matrix, others: csr_matrix, train: np.ndarray, test: np.ndarray) -> Fold:
    """Weigh by what the training rows know: words that they lack do not exist."""
    seen = np.flatnonzero(np.diff(counts[train].tocsc().indptr))
    weigh = TfidfTransformer(sublinear_tf=True).fit(counts[train][:, seen])
    parts = weigh.transform(counts[train][:, seen]), weigh.transform(others[test][:, seen])
    return Fold(train, test, *(part.tocsr() for part in parts))


def classifier() -> LogisticRegression:
    """Make the multinomial logistic regression of the baseline."""
    return LogisticRegression(C=PENALTY, tol=1e-3, max_iter=300)


def predict(folds: list[Fold], labels: np.ndarray, n: int, names: Sequence[str]) -> np.ndarray:
    """Log-probabilities of labels on held-out rows, shape (n, label); -inf for a label that no training row has.

    Parameters
    ----------
    folds
        From :func:`within` or :func:`across`.
    labels
        Of the rows that folds train on.
    n
        Rows to predict.
    names
        Of all labels, in the order of the columns.
    """
    scores = np.full((n, len(names)), -np.inf)
    for fold in folds:
        known = sorted(set(labels[fold.train]))
        columns = np.array([names.index(label) for label in known])
        scores[np.ix_(fold.test, columns)] = _log_probabilities(fold, labels) if len(known) > 1 else 0.0
    return scores


def _log_probabilities(fold: Fold, labels: np.ndarray) -> np.ndarray:
    model = classifier()
    with warnings.catch_warnings():  # scikit-learn only warns, and the baseline would be too weak
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(fold.x_train, labels[fold.train])
        except ConvergenceWarning:
            raise UserError(
                f"The bag of words is not settled after {model.max_iter} steps on {len(fold.train)} prompts: look "
                "for texts of thousands of words among them, and take those apart."
            ) from None
    return model.predict_log_proba(fold.x_test)


def log_odds(scores: np.ndarray, names: Sequence[str], emotion: str) -> np.ndarray:
    """Log-odds of a label against the reference, or where there is none against all other labels together.

    Parameters
    ----------
    scores
        Log-probabilities from :func:`predict`, shape (n, label).
    names
        Of the labels, in the order of the columns.
    emotion
        One of them.

    Returns
    -------
    Shape (n,), finite: 0 where no training row has either side, the smallest number where none has the label.
    """
    own = scores[:, names.index(emotion)]
    if REFERENCE in names:
        others = scores[:, names.index(REFERENCE)]
    else:
        others = logsumexp(np.delete(scores, names.index(emotion), axis=1), axis=1)
    # a class that no training row has is -inf on every row; the difference then says nothing
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(own - others, nan=0.0)

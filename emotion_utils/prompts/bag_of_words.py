"""Bags of words and the folds they are classified in."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.core.errors import UserError
from emotion_utils.prompts.splits import normalise
from emotion_utils.statistics.resampling import connected_groups, resampling_units

PENALTY = 10.0
"""Inverse strength of the L2 penalty; rows of TF-IDF have norm 1, so that 1 would shrink almost everything."""

WORD_OR_MARK = r"(?u)\b\w+(?:['’]\w+)?\b|[^\w\s]"
"""A word, or a mark of punctuation, which is a cue as well."""


class Fold(NamedTuple):
    """Rows to train on and to test on, and their weighted words."""

    train: np.ndarray
    test: np.ndarray
    x_train: csr_matrix
    x_test: csr_matrix


def count_words(texts: pd.Series) -> tuple[csr_matrix, np.ndarray]:
    """Count words and punctuation marks, shape (text, word), and name the words."""
    vectorizer = CountVectorizer(token_pattern=WORD_OR_MARK)
    return vectorizer.fit_transform(texts).tocsr(), vectorizer.get_feature_names_out()


def within(prompts: pd.DataFrame, folds: int, seed: int) -> Callable[[np.ndarray], list[Fold]]:
    """Make the grouped folds for given labels: stratified by them, or the null would be less balanced than the data."""
    units = resampling_units(prompts)
    counts, _ = count_words(prompts["text"])

    def prepare(labels: np.ndarray) -> list[Fold]:
        splitter = StratifiedGroupKFold(min(folds, len(set(units))), shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a rare class cannot be in every fold
            return [_fold(counts, counts, a, b) for a, b in splitter.split(labels, labels, units)]

    return prepare


def across(train: pd.DataFrame, test: pd.DataFrame) -> Callable[[np.ndarray], list[Fold]]:
    """Make the one fold from set to set, without training rows that share a family or a text with the test set."""
    both = pd.concat([train, test], ignore_index=True)
    units = connected_groups(both.assign(_text=both["text"].map(normalise)), ["group", "_text"])
    free = np.flatnonzero(~np.isin(units[: len(train)], units[len(train) :]))
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


def predict(folds: list[Fold], labels: np.ndarray, n: int) -> np.ndarray:
    """Log-probabilities of the emotions on held-out rows, shape (n, emotion)."""
    scores = np.full((n, len(EMOTIONS)), -np.inf)
    for fold in folds:
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
        columns = [EMOTIONS.index(emotion) for emotion in model.classes_]
        scores[np.ix_(fold.test, np.array(columns))] = model.predict_log_proba(fold.x_test)
    return scores

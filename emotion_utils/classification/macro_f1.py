"""Macro F1 of a classifier with its interval, and the difference between two classifiers on the same texts.

Texts are resampled within each label, since their number there is a choice and no outcome, one fewer than there are and
weighted up to their number, so that the variance of the draws is that of the statistic {cite:p}`rao1988`. Which text is
drawn matters only by what was said of it, so a resample is a draw of the counts of each row of the confusion table, for
two classifiers of the counts of each pair of answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from emotion_utils.core.errors import UserError
from emotion_utils.statistics.resampling import interval

RESAMPLES = 2000


@dataclass(frozen=True)
class F1:
    """Macro F1, or a difference of two, with its interval (95 %).

    Attributes
    ----------
    value
        Mean over labels; a label that is never right has 0, as in scikit-learn.
    low, high
        NaN where some label has a single text, of which nobody knows how it varies.
    n
        Texts.
    """

    value: float
    low: float
    high: float
    n: int


def macro_f1_interval(
    true: Sequence[str], predicted: Sequence[str], *, n_resamples: int = RESAMPLES, seed: int = 0
) -> F1:
    """Macro F1 of answers.

    Parameters
    ----------
    true, predicted
        Labels of the same texts.
    n_resamples, seed
        Of the bootstrap.

    Raises
    ------
    UserError
        For no texts, and for as many answers as there are texts.

    Returns
    -------
    The mean of F1 over all labels that are true or predicted somewhere, with a t interval of as many degrees of freedom
    as there are texts beyond one for each label.

    Examples
    --------
    >>> from emotion_utils.classification.macro_f1 import macro_f1_interval
    >>> found = macro_f1_interval(["a"] * 8 + ["b"] * 8, ["a"] * 8 + ["b"] * 4 + ["a"] * 4)
    >>> round(found.value, 3)
    0.733
    """
    codes, n_labels = _codes(true, predicted)
    draws = _draws(codes, n_labels, n_resamples, seed)
    value = float(_by_label(_tables(codes, n_labels)[0]).mean())
    low, high = interval(draws[0], _units(codes[0]), value, (0.0, 1.0))
    return F1(value, low, high, len(true))


def macro_f1_difference(
    true: Sequence[str],
    first: Sequence[str],
    second: Sequence[str],
    *,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> F1:
    """How much higher the macro F1 of the first classifier is than that of the second, texts resampled in step.

    Parameters
    ----------
    true, first, second
        Labels of the same texts.
    n_resamples, seed
        Of the bootstrap.

    Raises
    ------
    UserError
        As :func:`macro_f1_interval`.
    """
    codes, n_labels = _codes(true, first, second)
    ours, theirs = _draws(codes, n_labels, n_resamples, seed)
    one, other = (float(_by_label(table).mean()) for table in _tables(codes, n_labels))
    low, high = interval(ours - theirs, _units(codes[0]), one - other, (-1.0, 1.0))
    return F1(one - other, low, high, len(true))


def f1_by_label(true: Sequence[str], predicted: Sequence[str]) -> pd.DataFrame:
    """Precision, recall and F1 of each label.

    Returns
    -------
    One row per label, columns `label, n, precision, recall, f1`; where nothing is counted, 0.
    """
    codes, n_labels = _codes(true, predicted)
    names = np.unique([*true, *predicted])
    (table,) = _tables(codes, n_labels)
    hits, size, said = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    return pd.DataFrame(
        {
            "label": names,
            "n": size.astype(int),
            "precision": hits / np.maximum(said, 1),
            "recall": hits / np.maximum(size, 1),
            "f1": _by_label(table),
        }
    )


def _codes(true: Sequence[str], *answers: Sequence[str]) -> tuple[Int[np.ndarray, "column text"], int]:
    """Labels as numbers: the true ones, then those of each classifier."""
    if not len(true):
        raise UserError("There are no texts to score: give at least one with its true label.")
    wrong = next((own for own in answers if len(own) != len(true)), None)
    if wrong is not None:
        raise UserError(
            f"There are {len(true)} true labels and {len(wrong)} answers: give one answer for each text."
        )
    codes, names = pd.factorize(
        np.concatenate([np.asarray(own, dtype=object) for own in (true, *answers)]), sort=True
    )
    return codes.reshape(1 + len(answers), len(true)), len(names)


def _tables(codes: Int[np.ndarray, "column text"], n: int) -> list[Float[np.ndarray, "label label"]]:
    """The confusion table of each classifier: true labels are rows."""
    return [np.bincount(codes[0] * n + own, minlength=n * n).reshape(n, n).astype(float) for own in codes[1:]]


def _by_label(table: Float[np.ndarray, "label label"]) -> Float[np.ndarray, " label"]:
    return 2 * np.diag(table) / np.maximum(table.sum(axis=1) + table.sum(axis=0), 1)


def _units(true: Int[np.ndarray, " text"]) -> float:
    """One more than the degrees of freedom of a variance within labels."""
    return float(len(true) - len(np.unique(true)) + 1)


def _draws(
    codes: Int[np.ndarray, "column text"], n: int, n_resamples: int, seed: int
) -> Float[np.ndarray, "classifier draw"]:
    """Macro F1 of each classifier in each resample; NaN where a label has one text."""
    rng = np.random.default_rng(seed)
    hits, said = (np.zeros((len(codes) - 1, n_resamples, n)) for _ in range(2))
    size = np.bincount(codes[0], minlength=n)
    for label in np.flatnonzero(size).tolist():
        answers, counts = np.unique(codes[1:, codes[0] == label], axis=1, return_counts=True)
        fewer = size[label] - 1
        if not fewer:
            return np.full((len(codes) - 1, n_resamples), np.nan)
        # (draw, answer)
        drawn = rng.multinomial(fewer, counts / size[label], size=n_resamples) * (size[label] / fewer)
        for classifier, own in enumerate(answers):
            hits[classifier, :, label] += drawn[:, own == label].sum(axis=1)
            for answer in np.unique(own).tolist():
                said[classifier, :, answer] += drawn[:, own == answer].sum(axis=1)
    return (2 * hits / np.maximum(size + said, 1)).mean(axis=-1)

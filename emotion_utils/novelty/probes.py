"""Linear probes of representations: class-weighted logistic regression, F1, intervals over documents, and their null.

A probe is fitted on training rows, standardised by them; its penalty is chosen on validation rows by macro F1; it is
scored on test rows that it has not seen. All that is said of a score comes from one table of counts for each document,
of true and predicted classes: its resamples give the interval, and labels exchanged between whole documents the null
of a probe that tells nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Num, Shaped
from scipy.sparse import issparse, spmatrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from emotion_utils.core.errors import UserError
from emotion_utils.novelty.resampled import RESAMPLES, Resampled, exchanged_windows
from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.resampling import effective_units, unit_weights

PENALTIES = (0.001, 0.01, 0.1, 1.0)
"""Inverse strengths of the L2 penalty (``C``) that are tried, from the strongest penalty on."""
STEPS, TOLERANCE = 1000, 1e-4
SPLITS = ("train", "validation", "test")
METRICS = ("macro", "micro")
Features: TypeAlias = Float[np.ndarray, "row feature"] | spmatrix


@dataclass(frozen=True, eq=False)
class Rows:
    """What probes of one task share: labels, splits and documents of places in windows.

    Attributes
    ----------
    labels
        Class of each place of each window, numbered from 0.
    documents
        Of each window: the unit.
    split
        Of each window, of :data:`SPLITS`; no document is in two of them.
    """

    labels: Int[np.ndarray, "window place"]
    documents: Shaped[np.ndarray, " window"]
    split: Shaped[np.ndarray, " window"]

    def __post_init__(self) -> None:
        lacking = [name for name in SPLITS if not (self.split == name).any()]
        if lacking:
            raise UserError(
                f'No window is in the split "{lacking[0]}": a probe needs all of {", ".join(SPLITS)}.'
            )
        shared = pd.Series(self.split).groupby(np.asarray(self.documents)).nunique()
        if (shared > 1).any():
            raise UserError(
                f"The document {shared.idxmax()} is in {shared.max()} splits: a probe would be tested on what it has "
                "read. Split by documents."
            )
        if len(np.unique(self.of("train"))) < 2:
            raise UserError(
                "All training rows are of one class: a probe needs two. Give more documents or domains."
            )

    def of(self, name: str) -> Int[np.ndarray, " row"]:
        """Labels of a split, window by window."""
        return self.labels[self.split == name].ravel()

    def rows(self, name: str) -> Int[np.ndarray, " row"]:
        """Numbers of the rows of a split, where places of a window follow each other."""
        places = self.labels.shape[1]
        windows = np.flatnonzero(self.split == name)
        return (windows[:, None] * places + np.arange(places)).ravel()


@dataclass(frozen=True, eq=False)
class ProbeScore:
    """Predictions of a probe on test rows.

    Attributes
    ----------
    truth, predicted
        Class of each place of each test window.
    documents
        Of each test window.
    penalty
        The ``C`` that was chosen.
    dimensions
        Of what the probe reads.
    """

    truth: Int[np.ndarray, "window place"] = field(repr=False)
    predicted: Int[np.ndarray, "window place"] = field(repr=False)
    documents: Shaped[np.ndarray, " window"] = field(repr=False)
    penalty: float
    dimensions: int

    def counts(
        self, truth: Int[np.ndarray, "window place"] | None = None
    ) -> Float[np.ndarray, "window cell"]:
        """How often a true class (of other labels, if given) meets a predicted one in each window."""
        truth = self.truth if truth is None else truth
        n = int(max(self.truth.max(), self.predicted.max())) + 1
        windows = np.broadcast_to(np.arange(len(truth))[:, None], truth.shape)
        found = np.zeros((len(truth), n * n))
        np.add.at(found, (windows, truth * n + self.predicted), 1)
        return found

    def resampled(self, metric: str, n_resamples: int = RESAMPLES, seed: int = 0) -> Resampled:
        """A score and its draws over test documents; probes of the same rows are resampled in step."""
        counts = self.counts()
        weights = unit_weights(self.documents, n_resamples, np.random.default_rng(seed))
        value = float(f1(counts.sum(axis=0)[None], metric)[0])
        return Resampled(value, f1(weights @ counts, metric), effective_units(self.documents))

    def null(self, metric: str, n: int = 199, seed: int = 0) -> Float[np.ndarray, " draw"]:
        """Scores of the same predictions after true labels were exchanged between whole test documents."""
        rng = np.random.default_rng(seed)
        drawn = [self.truth[exchanged_windows(self.documents, rng)] for _ in range(n)]
        return np.concatenate([f1(self.counts(truth).sum(axis=0)[None], metric) for truth in drawn])


def f1(counts: Float[np.ndarray, "draw cell"], metric: str) -> Float[np.ndarray, " draw"]:
    """F1 from counts of true (slow axis) and predicted (fast axis) classes.

    ``macro`` is the mean over the classes that occur among the true ones; ``micro`` counts all rows alike, which with
    one label a row is the share of right ones.
    """
    n = round(np.sqrt(counts.shape[1]))
    square = counts.reshape(-1, n, n)
    right, true, told = np.diagonal(square, axis1=1, axis2=2), square.sum(axis=2), square.sum(axis=1)
    if metric == "micro":
        return np.asarray(right.sum(axis=1) / square.sum(axis=(1, 2)))
    if metric != "macro":
        raise UserError(f'There is no F1 of the kind "{metric}": choose {" or ".join(METRICS)}.')
    with np.errstate(invalid="ignore"):
        each = np.where(true > 0, 2 * right / (true + told), 0.0)
    return np.asarray(each.sum(axis=1) / (true > 0).sum(axis=1))


def probe(features: Features, rows: Rows, penalties: Sequence[float] = PENALTIES) -> ProbeScore:
    """Fit a probe and predict the test rows.

    Parameters
    ----------
    features
        One row for each place of each window, places of a window one after the other; dense features are standardised
        by the training rows, sparse ones divided by their largest value there.
    rows
        Labels, documents and splits.
    penalties
        Values of ``C``, of which the one with the highest macro F1 on validation rows is taken; the smallest of equals.

    Raises
    ------
    UserError
        For another number of rows than of labels, and where no fit settles.
    """
    if features.shape[0] != rows.labels.size:
        raise UserError(
            f"There are {features.shape[0]} rows of features and {rows.labels.size} labels: give one each."
        )
    scaler = MaxAbsScaler() if issparse(features) else StandardScaler()
    taken = {name: features[rows.rows(name)] for name in SPLITS}
    taken["train"] = scaler.fit_transform(taken["train"])
    taken |= {name: scaler.transform(taken[name]) for name in SPLITS[1:]}
    best: np.ndarray | None = None
    score, chosen = -1.0, 0.0
    for penalty, fitted in _path(taken["train"], rows.of("train"), sorted(penalties)):
        reached = _macro(rows.of("validation"), fitted.predict(taken["validation"]))
        if reached > score:
            best, score, chosen = fitted.predict(taken["test"]), reached, penalty
    held = rows.split == "test"
    predicted = np.asarray(best).reshape(-1, rows.labels.shape[1])
    return ProbeScore(rows.labels[held], predicted, rows.documents[held], chosen, features.shape[1])


def _path(
    values: Features, labels: Int[np.ndarray, " row"], penalties: Sequence[float]
) -> list[tuple[float, _Linear]]:
    """Fits of all penalties, each started where the one before ended."""
    model = LogisticRegression(max_iter=STEPS, tol=TOLERANCE, class_weight="balanced", warm_start=True)
    fits = []
    for penalty in penalties:
        model.C = penalty
        with warnings.catch_warnings():  # scikit-learn only warns, and the probe would be too weak
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                model.fit(values, labels)
            except ConvergenceWarning:
                raise UserError(
                    f"A probe of {values.shape[1]} dimensions is not settled after {STEPS} steps at C = {penalty:g}: "
                    "leave large values of C out, or give more windows."
                ) from None
        fits.append((penalty, _Linear(model.classes_.copy(), model.coef_.copy(), model.intercept_.copy())))
    return fits


@dataclass(frozen=True, eq=False)
class _Linear:
    """A fitted probe, kept while the next one moves on."""

    classes: Int[np.ndarray, " label"]
    weights: Float[np.ndarray, "direction feature"]
    bias: Float[np.ndarray, " direction"]

    def predict(self, values: Features) -> Int[np.ndarray, " row"]:
        scores = values @ self.weights.T + self.bias
        told = (scores[:, 0] > 0).astype(int) if scores.shape[1] == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes[told])


def _macro(truth: Int[np.ndarray, " row"], predicted: Int[np.ndarray, " row"]) -> float:
    n = int(max(truth.max(), predicted.max())) + 1
    return float(f1(np.bincount(truth * n + predicted, minlength=n * n).astype(float)[None], "macro")[0])


def score_table(
    scores: Mapping[str, ProbeScore],
    *,
    n_permutations: int = 199,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Both kinds of F1 of every probe, with interval and null.

    Returns
    -------
    One row per representation: ``representation``, for both metrics ``<metric>, <metric>_low, <metric>_high``
    (interval over test documents), ``null, null_high, p`` (macro F1, labels exchanged between documents),
    ``dimensions, C, n`` (test rows) and ``documents`` (of the test).
    """
    rows = []
    for name, score in scores.items():
        row: dict[str, object] = {"representation": name}
        for metric in METRICS:
            one = score.resampled(metric, n_resamples, seed)
            ends = one.ends((0.0, 1.0))
            row |= dict(zip((metric, f"{metric}_low", f"{metric}_high"), (one.value, *ends), strict=True))
        held = against_null(
            score.resampled("macro", 1, seed).value, score.null("macro", n_permutations, seed)
        )
        row |= {"null": held.null, "null_high": held.null_high, "p": held.p, "dimensions": score.dimensions}
        row |= {"C": score.penalty, "n": score.truth.size, "documents": len(np.unique(score.documents))}
        rows.append(row)
    return pd.DataFrame(rows)


def gap(
    scores: Mapping[str, ProbeScore],
    pair: tuple[str, str],
    metric: str = "macro",
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> Resampled:
    """Score of the first of two probes minus that of the second, in the same test documents."""
    one, other = (scores[name].resampled(metric, n_resamples, seed) for name in pair)
    return one - other


def by_principal_components(
    values: Num[np.ndarray, "row feature"], training: Int[np.ndarray, " chosen"], dimensions: int
) -> Float[np.ndarray, "row component"]:
    """Standardise by training rows and keep their first principal components: two parts at the size of one.

    Parameters
    ----------
    values
        Such as both parts side by side.
    training
        Numbers of the rows that components are made from.
    dimensions
        How many are kept; at most as many as training rows allow.
    """
    scaler = StandardScaler().fit(values[training])
    scaled = scaler.transform(values)
    covariance = scaled[training].T @ scaled[training]
    axes = np.linalg.eigh(covariance)[1][:, ::-1][:, : min(dimensions, len(training) - 1)]
    return np.asarray(scaled @ axes)

"""How strongly single features tell labels apart: Cohen's d of every feature for every label.

Sections 4.1 and 4.2 of the report: a feature whose d for a label is above 1 reacts strongly to it; the number of such
labels is its *variety*. With many features and labels some exceed 1 by chance, the more so the fewer texts a label
has: exchanging labels between texts says how many. Features of one dictionary are learned together and share texts, so
that they are no independent units: intervals and nulls are over texts, and no test counts features. A feature that
exceeds 1 by chance does so for one label: where labels say nothing nearly all strong features are label-specific, so
that a large share of these is no sign of knowing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from emotion_utils.core.errors import UserError
from emotion_utils.features.reading import TextActivations
from emotion_utils.siblings.study import halves
from emotion_utils.statistics.permutations import permutation_p
from emotion_utils.statistics.resampling import interval, unit_weights

HIGH = 1.0
"""From above which d a feature reacts strongly, as published."""
WEAK, SPECIFIC, SHARED = "weak", "label-specific", "shared"
TOP = 20
"""Features whose share of the activation of a text is given, as published."""
ROUNDING = 1e-10
"""Of the mean square: a variance below it is none."""
MEASURES = ("mean variety", "features with a high d", "label-specific share", "features without variance")
REPLICATED = "label and feature pairs, high in both halves"
COLUMNS = ["measure", "value", "low", "high", "null", "null_low", "null_high", "p", "features", "texts"]


class Counts(NamedTuple):
    """Of the features of one dictionary.

    Attributes
    ----------
    variety
        Labels with a high d, on average over all features.
    high
        Features with a high d for any label.
    specific
        Share of these that have it for one label alone; NaN without any.
    """

    variety: float
    high: float
    specific: float


def cohens_d(
    values: Float[np.ndarray, "text feature"], weights: Float[np.ndarray, "label text"]
) -> Float[np.ndarray, "label feature"]:
    """Mean over the texts of a label minus mean over all others, in pooled standard deviations.

    Parameters
    ----------
    values
        Activations.
    weights
        How often each text counts, in the row of its label: 0 or 1, or the numbers of a bootstrap draw.

    Returns
    -------
    (mean - mean of others) / sqrt(((n - 1) s² + (m - 1) t²) / (n + m - 2)), with n texts of the label and m others; NaN
    of a feature that is constant, infinite where it is constant in both groups and differs between them.
    """
    return _Moments.of(values).d(weights)


class _Moments(NamedTuple):
    """Activations around their means, their squares, and which features vary at all."""

    x: Float[np.ndarray, "text feature"]
    squares: Float[np.ndarray, "text feature"]
    varies: Bool[np.ndarray, " feature"]

    @classmethod
    def of(cls, values: np.ndarray) -> _Moments:
        given = np.asarray(values, dtype=np.float64)
        x = given - given.mean(axis=0)
        return cls(x, x**2, given.max(axis=0) > given.min(axis=0))

    def d(self, weights: Float[np.ndarray, "label text"]) -> Float[np.ndarray, "label feature"]:
        n = weights.sum(axis=1)[:, None]
        rest = n.sum() - n
        sums, squares = weights @ self.x, weights @ self.squares
        others, other_squares = sums.sum(axis=0) - sums, squares.sum(axis=0) - squares
        total = squares.sum(axis=0) - sums.sum(axis=0) ** 2 / n.sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            gap = sums / n - others / rest
            scatter = (squares - sums**2 / n) + (other_squares - others**2 / rest)
            scatter = np.where(scatter > ROUNDING * squares.sum(axis=0), scatter, 0.0)
            found = gap / np.sqrt(scatter / (n + rest - 2))
        varies = self.varies & (total > ROUNDING * squares.sum(axis=0))
        return np.where(varies, found, np.nan)


def memberships(label: Int[np.ndarray, " text"], n_labels: int) -> Float[np.ndarray, "label text"]:
    """Which text has which label: 1 in its row.

    Raises
    ------
    UserError
        For a label with fewer than two texts, and for one alone.
    """
    counts = np.bincount(label, minlength=n_labels)
    if n_labels < 2 or counts.min() < 2:
        raise UserError(
            f"An effect takes two labels with two texts each: there are {n_labels}, the rarest with "
            f"{int(counts.min())} texts."
        )
    found: np.ndarray = np.eye(n_labels)[:, label]
    return found


def varieties(d: Float[np.ndarray, "label feature"], high: float = HIGH) -> Int[np.ndarray, " feature"]:
    """Labels for which each feature has a d above a bound; one without variance has it for none."""
    with np.errstate(invalid="ignore"):
        found: np.ndarray = (d > high).sum(axis=0)
    return found


def counted(d: Float[np.ndarray, "label feature"], high: float = HIGH) -> Counts:
    """The report's numbers of all features."""
    variety = varieties(d, high)
    strong, single = int((variety > 0).sum()), int((variety == 1).sum())
    return Counts(float(variety.mean()), float(strong), single / strong if strong else float("nan"))


def feature_table(
    d: Float[np.ndarray, "label feature"], labels: Sequence[str], high: float = HIGH
) -> pd.DataFrame:
    """What each feature tells.

    Returns
    -------
    Columns ``feature, variety, kind`` (weak, label-specific or shared), ``label, d`` (the label of its largest d; none
    and NaN without variance, which makes a feature weak).
    """
    variety, known = varieties(d, high), ~np.isnan(d).any(axis=0)
    best = np.where(known, np.nan_to_num(d, nan=-np.inf).argmax(axis=0), -1)
    names = np.array([*labels, ""], dtype=object)
    largest = np.where(known, np.take_along_axis(d, best.clip(0)[None], axis=0)[0], np.nan)
    kind = np.select([variety == 0, variety == 1], [WEAK, SPECIFIC], default=SHARED)
    columns = {"feature": np.arange(d.shape[1]), "variety": variety, "kind": kind}
    return pd.DataFrame({**columns, "label": names[best], "d": largest})


def by_label(
    d: Float[np.ndarray, "label feature"], labels: Sequence[str], high: float = HIGH
) -> pd.DataFrame:
    """Features with a high d for each label: columns ``label, high, specific`` (of these for it alone), ``largest``."""
    with np.errstate(invalid="ignore"):
        strong = d > high
    alone = strong & (strong.sum(axis=0) == 1)
    largest = np.where(np.isnan(d), -np.inf, d).max(axis=1)
    columns = {"label": list(labels), "high": strong.sum(axis=1), "specific": alone.sum(axis=1)}
    return pd.DataFrame({**columns, "largest": largest})


def label_effects(
    values: Float[np.ndarray, "text feature"],
    label: Int[np.ndarray, " text"],
    n_labels: int,
    *,
    half: Bool[np.ndarray, " text"] | None = None,
    high: float = HIGH,
    n_permutations: int = 199,
    n_resamples: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Count features with a high d, beside what labels that say nothing give.

    Parameters
    ----------
    values
        Of texts, such as means over their tokens.
    label
        Number of each text's label.
    n_labels
    half
        Texts of one half: a d counts as replicated where it is high in both. By default every other text of each
        label.
    high
        Bound of d.
    n_permutations
        Exchanges of labels between texts, each with all features and labels inside.
    n_resamples
        Of the texts of each label.
    seed

    Returns
    -------
    One row for each of :data:`MEASURES`, and :data:`REPLICATED`; columns :data:`COLUMNS`. ``low, high``: over texts,
    NaN for what draws of texts cannot change or inflate beyond use; ``null, null_low, null_high``: mean and middle 95 %
    under exchanged labels; ``p``: that it is as large under these.

    Raises
    ------
    UserError
        For a label with fewer than four texts, so that no half has two.
    """
    if np.bincount(label, minlength=n_labels).min() < 4:
        raise UserError(
            "A label has fewer than four texts: halves of it would have no variance. Leave it out."
        )
    first = halves(label) if half is None else half
    rng, one, moments = np.random.default_rng(seed), memberships(label, n_labels), _Moments.of(values)
    own = np.array(_of(moments, one, first, high))
    null = np.array(
        [_of(moments, one[:, _exchanged(first, rng)], first, high) for _ in range(n_permutations)]
    )
    drawn = np.array([_measures(moments.d(one * _within(label, rng)), high) for _ in range(n_resamples)])
    rows = []
    for at, name in enumerate((*MEASURES, REPLICATED)):
        bounds = (0.0, 1.0) if name == MEASURES[2] else None
        is_drawn = name in MEASURES[:3] and not np.isnan(own[at])
        ends = interval(drawn[:, at], len(label), own[at], bounds) if is_drawn else (np.nan, np.nan)
        rows.append((name, own[at], *ends, *_null(own[at], null[:, at]), values.shape[1], len(label)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _null(value: float, draws: Float[np.ndarray, " draw"]) -> tuple[float, ...]:
    """The columns ``null`` to ``p``."""
    known = draws[~np.isnan(draws)]
    centre = float(known.mean()) if len(known) else float("nan")
    return centre, *interval(draws), float(permutation_p(value, draws))


def _measures(d: np.ndarray, high: float) -> tuple[float, ...]:
    """In the order of :data:`MEASURES`."""
    return (*counted(d, high), float(np.isnan(d).any(axis=0).sum()))


def _of(
    moments: _Moments, one: Float[np.ndarray, "label text"], first: Bool[np.ndarray, " text"], high: float
) -> tuple[float, ...]:
    """All measures, and how many pairs of a label and a feature have a high d in either half."""
    with np.errstate(invalid="ignore"):
        strong = [moments.d(one * part) > high for part in (first, ~first)]
    return (*_measures(moments.d(one), high), float((strong[0] & strong[1]).sum()))


def _exchanged(first: Bool[np.ndarray, " text"], rng: np.random.Generator) -> Int[np.ndarray, " text"]:
    """Texts in another order within each half, which keeps the number of texts of every label in it."""
    order = np.arange(len(first))
    for part in (first, ~first):
        order[part] = rng.permutation(order[part])
    return order


def _within(label: Int[np.ndarray, " text"], rng: np.random.Generator) -> Float[np.ndarray, " text"]:
    """How often each text is drawn, those of each label among themselves."""
    found = np.zeros(len(label))
    for one in np.unique(label):
        own = np.flatnonzero(label == one)
        found[own] = unit_weights(np.arange(len(own)), 1, rng)[0]
    return found


def sparsity(read: TextActivations, *, n_resamples: int = 500, seed: int = 0) -> pd.DataFrame:
    """How many features are active, and how much of the activation the strongest have (appendix A.3 of the report).

    The report does not say whether it counts by text or by token, so that both stand here.

    Parameters
    ----------
    read
        With means.
    n_resamples, seed
        Of the texts.

    Returns
    -------
    Columns ``measure, value, low, high, texts``: features that fire anywhere in a text, at a token, and the share of
    the top 20 in the mean over a text and at a token.
    """
    mean = read["mean"].astype(np.float64)
    total = mean.sum(axis=1)
    largest = np.sort(mean, axis=1)[:, ::-1][:, :TOP].sum(axis=1)
    share = np.divide(largest, total, out=np.full(len(total), np.nan), where=total > 0)
    measures = {
        "active features of a text": (mean > 0).sum(axis=1).astype(float),
        "active features of a token": read.active,
        "top-20 share of a text": share,
        "top-20 share of a token": read.top,
    }
    rng, rows = np.random.default_rng(seed), []
    for name, values in measures.items():
        known = values[~np.isnan(values)]
        drawn = unit_weights(np.arange(len(known)), n_resamples, rng) @ known / max(len(known), 1)
        value = float(known.mean()) if len(known) else float("nan")
        rows.append((name, value, *interval(drawn, len(known), value), len(known)))
    return pd.DataFrame(rows, columns=["measure", "value", "low", "high", "texts"])

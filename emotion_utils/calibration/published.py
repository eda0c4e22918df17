"""The reports' formulas on models that share nothing: the values that were stated, and the causes one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from emotion_utils.planted.generators import random_basis, spectrum
from emotion_utils.subspaces.measures import (
    angle_cosine,
    angle_cosine_chance,
    overlap,
    principal_components,
    published_phase8,
    published_phase35,
    published_score,
)

WIDTH, ROWS, K, EXPONENT = 768, 70, 8, 1.0
SCALES = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
PRECISIONS: tuple[type[np.floating], ...] = (np.float32, np.float64)

PRINTED: dict[tuple[str, str], str] = {
    ("published_phase35", "as published, scale 1"): "0.77 to 0.84",
    ("published_phase35", "as published, scale 10"): "0.97 to 1.00",
    ("published_phase35", "as published, scale 100"): "0.97 to 1.00",
    ("published_phase35", "float64, scale 1"): "0.10 to 0.13",
    ("published_phase35", "float64, scale 10"): "0.64 to 0.69",
    ("published_phase35", "float64, orthonormal"): "0.56 to 0.63",
    ("published_phase35", "float64, orthonormal, shuffled pairs"): "0.56 to 0.63",
    ("published_phase8", "scale 0.01"): "0.96",
    ("published_phase8", "scale 0.1"): "0.62",
    ("published_phase8", "scale 0.3"): "0.31",
    ("published_phase8", "scale 1"): "0.11",
    ("published_phase8", "scale 3"): "0.014",
    ("published_phase8", "scale 10"): "0.004",
    ("published_phase8", "scale 100"): "0.0000",
    ("published_phase8", "before alignment"): "0.0013",
    ("published_phase8", "before alignment, target of width 4096"): "0.00024",
    ("published_phase8", "before alignment, target of width 3840"): "0.00026",
    ("published_phase35", "before alignment, k = 2"): "0.0026",
    ("overlap", "before alignment, k = 2"): "0.0026",
    ("top 5 of 10 angles", "random subspaces"): "0.137 to 0.159",
}
"""By formula and setting, as printed: what the project's methods page states for models that share nothing, measured by
other code on its own simulation. "About twice" 1/768 at k = 2 is tried in both senses: as the mean over all pairs of
directions, which is what the reports print, and as the overlap of the subspaces."""


def bounds(printed: str) -> tuple[float, float]:
    """The range that a printed statement allows: its own ends, or all that rounds to the digits of a single number."""
    ends = printed.split(" to ")
    if len(ends) == 2:
        return float(ends[0]), float(ends[1])
    half = 0.5 * 10.0 ** -len(printed.partition(".")[2])
    return float(printed) - half, float(printed) + half


STATED = {key: bounds(printed) for key, printed in PRINTED.items()}
"""The lowest and the highest value that each statement allows."""


class Rows(NamedTuple):
    """States of one simulated model: of neutral and of emotional prompts."""

    neutral: np.ndarray
    emotional: np.ndarray


def unrelated(
    seed: int, *, d: int = WIDTH, rows: int = ROWS, exponent: float = EXPONENT
) -> tuple[Rows, Rows]:
    """Two models that share nothing: Gaussian rows with a power-law spectrum in a random basis each."""
    models = []
    for part in np.random.SeedSequence(seed).spawn(2):
        rng = np.random.default_rng(part)
        basis = spectrum(d, exponent)[:, None] * random_basis(d, rng)
        models.append(Rows(*(rng.normal(size=(rows, d)) @ basis for _ in range(2))))
    return models[0], models[1]


def draws(
    seeds: Iterable[int], *, d: int = WIDTH, rows: int = ROWS, exponent: float = EXPONENT, k: int = K
) -> pd.DataFrame:
    """Every stated setting, once for each pair of unrelated models.

    Returns
    -------
    Columns ``seed, formula, setting, value``.
    """
    found = []
    for seed in seeds:
        one, other = unrelated(seed, d=d, rows=rows, exponent=exponent)
        order = np.random.default_rng([seed, 1]).permutation(rows)
        values = _phase35(one, other, k, order) | _phase8(one, other, k) | _before(seed, d, k)
        values[("top 5 of 10 angles", "random subspaces")] = float(angle_cosine_chance(10, d, 5, 1, seed)[0])
        found += [(seed, *key, value) for key, value in values.items()]
    return pd.DataFrame(found, columns=["seed", "formula", "setting", "value"])


def _phase35(one: Rows, other: Rows, k: int, order: np.ndarray) -> dict[tuple[str, str], float]:
    formula, out = "published_phase35", {}
    for scale in (1, 10, 100):
        scaled = one.neutral, scale * other.neutral, one.emotional, other.emotional
        out[formula, f"as published, scale {scale}"] = published_phase35(*scaled, k)
        if scale < 100:
            out[formula, f"float64, scale {scale}"] = published_phase35(*scaled, k, dtype=np.float64)
    for name, neutral in (("", other.neutral), (", shuffled pairs", other.neutral[order])):
        out[formula, f"float64, orthonormal{name}"] = published_phase35(
            one.neutral, neutral, one.emotional, other.emotional, k, dtype=np.float64, renormalised=True
        )
    return out


def _phase8(one: Rows, other: Rows, k: int) -> dict[tuple[str, str], float]:
    formula, out = "published_phase8", {}
    for scale in SCALES:
        before, after = published_phase8(
            one.neutral, scale * other.neutral, one.emotional, other.emotional, k
        )
        out[formula, f"scale {scale:g}"] = after
        out[formula, "before alignment"] = before
    return out


def _before(seed: int, d: int, k: int, n: int = 100) -> dict[tuple[str, str], float]:
    """Scores before any map, mean of n random subspaces against the first axes, which may as well be fixed."""
    rng, out = np.random.default_rng([seed, 2]), {}
    for width in (4096, 3840):
        bases = [np.linalg.qr(rng.normal(size=(width, k)))[0].T for _ in range(n)]
        score = np.mean([published_score(basis[:, :d], np.eye(k, d)) for basis in bases])
        out["published_phase8", f"before alignment, target of width {width}"] = float(score)
    pairs = [(np.linalg.qr(rng.normal(size=(d, 2)))[0].T, np.eye(2, d)) for _ in range(n)]
    for formula, score_of in (("published_phase35", published_score), ("overlap", overlap)):
        out[formula, "before alignment, k = 2"] = float(np.mean([score_of(*pair) for pair in pairs]))
    return out


def beside_stated(found: pd.DataFrame) -> pd.DataFrame:
    """What was stated beside what these simulations give.

    Parameters
    ----------
    found
        From :func:`draws`.

    Returns
    -------
    Columns ``formula, setting, stated, value`` (mean over the pairs), ``low, high`` (least and largest), ``q_low,
    q_high`` (the middle 95 %), ``n`` and ``verdict``: ``in range`` where the mean is (:func:`bounds`), else ``missed``.
    """
    rows = []
    for (formula, setting), own in found.groupby(["formula", "setting"], sort=False)["value"]:
        low, high = STATED[formula, setting]
        verdict = "in range" if low <= own.mean() <= high else "missed"
        numbers = own.mean(), own.min(), own.max(), *own.quantile([0.025, 0.975]), len(own)
        rows.append((formula, setting, PRINTED[formula, setting], *numbers, verdict))
    order = {key: i for i, key in enumerate(STATED)}
    rows.sort(key=lambda row: order[row[0], row[1]])
    return pd.DataFrame(
        rows,
        columns=["formula", "setting", "stated", "value", "low", "high", "q_low", "q_high", "n", "verdict"],
    )


def causes(
    seeds: Sequence[int],
    *,
    d: int = WIDTH,
    rows: int = ROWS,
    k: int = K,
    scales: Sequence[float] = (1.0, 10.0),
    exponents: Sequence[float] = (EXPONENT, 0.0),
) -> pd.DataFrame:
    """Precision, normalisation and spectrum switched one by one, all eight combinations.

    Returns
    -------
    Columns ``scale`` (of the second model), ``spectrum, precision, basis, value, low, high`` (mean, least and largest
    over the pairs).
    """
    found = []
    for exponent, scale, seed in product(exponents, scales, seeds):
        one, other = unrelated(seed, d=d, rows=rows, exponent=exponent)
        parts = one.neutral, scale * other.neutral, one.emotional, scale * other.emotional
        for dtype, renormalised in product(PRECISIONS, (False, True)):
            value = published_phase35(*parts, k, dtype=dtype, renormalised=renormalised)
            basis = "orthonormal" if renormalised else "clipped"
            found.append((scale, "decaying" if exponent else "flat", dtype.__name__, basis, value))
    keys = ["scale", "spectrum", "precision", "basis"]
    grouped = pd.DataFrame(found, columns=[*keys, "value"]).groupby(keys, sort=False)["value"]
    return grouped.agg(value="mean", low="min", high="max").reset_index()


def angle_gains(
    seeds: Iterable[int],
    *,
    d: int = WIDTH,
    rows: int = ROWS,
    k: int = 10,
    scales: Sequence[float] = (1.0, 10.0),
) -> pd.DataFrame:
    """By how much the published map raises the mean cosine of the top five principal angles.

    The report does not say in which precision, nor whether the mapped basis was made orthonormal. If it was not, its
    singular values are no cosines, and are taken as 1 where they are larger.

    Returns
    -------
    Columns ``scale, precision, basis, value`` (mean after minus before), ``low, high`` (the middle 95 %) and ``n``.
    """
    found = []
    for seed, scale, dtype in product(seeds, scales, PRECISIONS):
        one, other = unrelated(seed, d=d, rows=rows)
        x, y = one.neutral.astype(dtype), (scale * other.neutral).astype(dtype)
        basis, goal = (principal_components(model.emotional, k) for model in (one, other))
        mapped = basis.astype(dtype) @ (y.T @ x @ np.linalg.pinv(x.T @ x)).T
        raw = np.linalg.svd(mapped @ goal.T.astype(dtype), compute_uv=False)
        after = {"orthonormal": angle_cosine(mapped, goal), "clipped": np.minimum(raw[:5], 1).mean()}
        before = angle_cosine(basis, goal)
        found += [(scale, dtype.__name__, name, value - before) for name, value in after.items()]
    keys = ["scale", "precision", "basis"]
    grouped = pd.DataFrame(found, columns=[*keys, "value"]).groupby(keys, sort=False)["value"]
    out = grouped.agg(
        value="mean", low=lambda v: v.quantile(0.025), high=lambda v: v.quantile(0.975), n="size"
    )
    return out.reset_index()

"""The reports' formulas on models that share nothing: the values that were stated, and the causes one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from emotion_utils.calibration.generators import random_basis, spectrum
from emotion_utils.subspaces import angle_cosine_chance, published_phase8, published_phase35

__all__ = ["EXPONENT", "STATED", "K", "Rows", "beside_stated", "causes", "draws", "unrelated"]

WIDTH, ROWS, K, EXPONENT = 768, 70, 8, 1.0
SCALES = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)

STATED: dict[tuple[str, str], tuple[float, float]] = {
    ("published_phase35", "as published, scale 1"): (0.77, 0.84),
    ("published_phase35", "as published, scale 10"): (0.97, 1.00),
    ("published_phase35", "as published, scale 100"): (0.97, 1.00),
    ("published_phase35", "float64, scale 1"): (0.10, 0.13),
    ("published_phase35", "float64, scale 10"): (0.64, 0.69),
    ("published_phase35", "float64, orthonormal"): (0.56, 0.63),
    ("published_phase35", "float64, orthonormal, shuffled pairs"): (0.56, 0.63),
    ("published_phase8", "scale 0.01"): (0.96, 0.96),
    ("published_phase8", "scale 0.1"): (0.62, 0.62),
    ("published_phase8", "scale 0.3"): (0.31, 0.31),
    ("published_phase8", "scale 1"): (0.11, 0.11),
    ("published_phase8", "scale 3"): (0.014, 0.014),
    ("published_phase8", "scale 10"): (0.004, 0.004),
    ("published_phase8", "scale 100"): (0.0, 0.00005),
    ("published_phase8", "before alignment"): (0.0013, 0.0013),
    ("top 5 of 10 angles", "random subspaces"): (0.137, 0.159),
}
"""By formula and setting: the lowest and the highest value that the project's methods page states for models that share
nothing, measured by other code on its own simulation."""


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
        values = _phase35(one, other, k, order) | _phase8(one, other, k)
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


def beside_stated(found: pd.DataFrame) -> pd.DataFrame:
    """What was stated beside what these simulations give.

    Parameters
    ----------
    found
        From :func:`draws`.

    Returns
    -------
    Columns ``formula, setting, stated, value`` (mean over the pairs), ``low, high`` (least and largest), ``n`` and
    ``verdict``: ``mean in range``; ``ranges meet`` where only some pairs are; ``missed``.
    """
    rows = []
    for (formula, setting), own in found.groupby(["formula", "setting"], sort=False)["value"]:
        low, high = STATED[formula, setting]
        mean, least, most = own.mean(), own.min(), own.max()
        meet = "ranges meet" if least <= high and low <= most else "missed"
        stated = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        verdict = "mean in range" if low <= mean <= high else meet
        rows.append((formula, setting, stated, mean, least, most, len(own), verdict))
    order = {key: i for i, key in enumerate(STATED)}
    rows.sort(key=lambda row: order[row[0], row[1]])
    return pd.DataFrame(
        rows, columns=["formula", "setting", "stated", "value", "low", "high", "n", "verdict"]
    )


def causes(
    seeds: Sequence[int],
    *,
    d: int = WIDTH,
    rows: int = ROWS,
    k: int = K,
    scale: float = 1.0,
    exponents: Sequence[float] = (EXPONENT, 0.0),
) -> pd.DataFrame:
    """Precision, normalisation and spectrum switched one by one, all eight combinations.

    Returns
    -------
    Columns ``spectrum, precision, basis, value, low, high`` (mean, least and largest over the pairs).
    """
    found = []
    for exponent in exponents:
        for seed in seeds:
            one, other = unrelated(seed, d=d, rows=rows, exponent=exponent)
            parts = one.neutral, scale * other.neutral, one.emotional, scale * other.emotional
            for dtype in (np.float32, np.float64):
                for renormalised in (False, True):
                    value = published_phase35(*parts, k, dtype=dtype, renormalised=renormalised)
                    basis = "orthonormal" if renormalised else "clipped"
                    found.append(("decaying" if exponent else "flat", dtype.__name__, basis, value))
    table = pd.DataFrame(found, columns=["spectrum", "precision", "basis", "value"])
    grouped = table.groupby(["spectrum", "precision", "basis"], sort=False)["value"]
    return grouped.agg(value="mean", low="min", high="max").reset_index()

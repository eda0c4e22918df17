"""What kind of numbers differences are, since the size of a test and the coverage of an interval depend on it.

Tests are exact and intervals honest for differences that are spread evenly around their mean. How far they are not for
others was measured; the table is in ``data/calibration.json`` and the warning is carried beside each result.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from emotion_utils.calibration import ledger
from emotion_utils.statistics.units import FEWEST_UNITS, scales

__all__ = ["MOSTLY_ZERO", "SKEWED", "shapes", "warning"]

MOSTLY_ZERO = 0.8
"""Share of differences that are exactly 0 from which on they are called sparse."""
SKEWED = 1.0
"""Skewness, without a sign, above which differences are called skewed."""
SECTION = "statistics"


def shapes(differences: Float[np.ndarray, "pair test"]) -> list[str]:
    """Name the kind of differences of every test.

    Parameters
    ----------
    differences
        NaN where a side of a pair is missing.

    Returns
    -------
    The first of these that fits: ``too few`` (fewer than 8 pairs), ``constant``, ``sparse`` (:data:`MOSTLY_ZERO` or
    more are 0), ``skewed`` (beyond :data:`SKEWED`), ``counts`` (all are whole numbers), ``symmetric``.
    """
    values = np.asarray(differences, dtype=np.float64)
    known = ~np.isnan(values)
    n, filled = known.sum(axis=0), np.where(known, values, 0.0)
    pairs = np.maximum(n, 1)
    scaled = filled / scales(values)
    gap = np.where(known, scaled - scaled.sum(axis=0) / pairs, 0.0)
    largest = np.abs(filled).max(axis=0, initial=0.0)
    # numpy's `where` of an extreme needs a start beyond all values
    width = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
    width = width - np.where(known, values, np.inf).min(axis=0, initial=np.inf)
    spread = (gap**2).sum(axis=0) / pairs
    skew = np.divide((gap**3).sum(axis=0) / pairs, spread**1.5, out=np.zeros(len(n)), where=spread > 0)
    rules = {
        "too few": n < FEWEST_UNITS,
        "constant": width <= 1e-12 * largest,
        "sparse": (known & (values == 0)).sum(axis=0) >= MOSTLY_ZERO * pairs,
        "skewed": np.abs(skew) > SKEWED,
        "counts": (~known | (filled == np.round(filled))).all(axis=0),
    }
    return np.select(list(rules.values()), list(rules), default="symmetric").tolist()


def warning(shape: str) -> str:
    """A sentence fragment for results of this kind, from the committed measurement; empty where nothing is amiss."""
    table = ledger.read(SECTION).tables["shapes"]
    row = table[table["shape"] == shape]
    if row.empty or bool(row["within"].all()):
        return ""
    size = f"{row['size_low'].min():.1%} to {row['size_high'].max():.1%}"
    covered = f"{row['coverage_low'].min():.1%} to {row['coverage_high'].max():.1%}"
    return f"{shape}: in simulations of such data the 5 % test rejects in {size}, the 95 % interval holds in {covered}"

"""Every effect tested the same way: one call from paired differences to a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped

from emotion_utils.statistics.bootstrap import bootstrap
from emotion_utils.statistics.equivalence import equivalence, equivalence_power, half_widths
from emotion_utils.statistics.flips import sign_flip_p
from emotion_utils.statistics.resampling import FEWEST_UNITS
from emotion_utils.statistics.units import cohens_d_z, correction, means, scales, unit_sums

N_RESAMPLES, N_FLIPS = 2000, 10_000


def paired_effects(
    differences: Float[np.ndarray, "pair test"],
    units: Shaped[np.ndarray, " label"] | None = None,
    *,
    n_resamples: int = N_RESAMPLES,
    n_flips: int = N_FLIPS,
    seed: int = 0,
    bounds: Float[np.ndarray, " test"] | None = None,
) -> pd.DataFrame:
    """Sizes, intervals and p values of paired differences, one row per test.

    Parameters
    ----------
    differences
        Changed minus untouched; NaN where a side of the pair is missing.
    units
        What is resampled and flipped together, such as the template of a prompt; by default each pair on its own.
    n_resamples, n_flips, seed
        Of the bootstrap and of the sign flips, whose seeds are spawned from this one.
    bounds
        The smallest effect that matters of each test, in the outcome's unit; where it is NaN, and by default, 0.2
        standard deviations.

    Returns
    -------
    Columns ``n, n_units, mean, low, high`` (BCa, expanded for the number of units, 95 %, in the
    outcome's unit), ``d_z, d_low, d_high`` (standard
    deviations), ``g`` (Hedges), ``p`` (sign flips, alone), ``bound`` (the smallest effect that matters, in the
    outcome's unit), ``p_equivalence`` (two one-sided tests against it), ``power_equivalence`` (the chance that
    an effect of exactly 0 passes them) and ``shape``, from :func:`emotion_utils.statistics.paired.shapes`. NaN where a
    test has fewer than 3 pairs or 8 units.

    Raises
    ------
    UserError
        Where there is not one unit for each pair.

    Examples
    --------
    Does the cause in a prompt move the log-odds of the reply? Per pair of an emotional and a neutral prompt, in nats:

    >>> import emotion_utils as eu
    >>> pairs = eu.head_pairs(eu.load("small-gpt2"), n=4)
    >>> emotional, neutral = pairs.log_odds()[:, :, 0]
    >>> effect = eu.paired_effects((emotional - neutral)[:, None], pairs.table["unit"].to_numpy())
    >>> effect[["n", "n_units", "mean", "low", "high", "p"]].round(3).values.tolist()
    [[36.0, 12.0, 13.677, 13.506, 13.882, 0.0]]
    """
    size = scales(differences)
    sums = unit_sums(np.asarray(differences) / size, units)
    drawn, flipped = (int(s.generate_state(1)[0]) for s in np.random.SeedSequence(seed).spawn(2))
    scaled = None if bounds is None else np.asarray(bounds, dtype=float) / size
    d_z = cohens_d_z(sums)
    mean_ends = bootstrap(sums, "mean", n_resamples=n_resamples, seed=drawn)
    d_ends = bootstrap(sums, "d_z", n_resamples=n_resamples, seed=drawn)
    return pd.DataFrame(
        {
            "n": sums.pairs,
            "n_units": sums.units,
            "mean": means(sums) * size,
            "low": mean_ends.low * size,
            "high": mean_ends.high * size,
            "d_z": d_z,
            "d_low": d_ends.low,
            "d_high": d_ends.high,
            "g": d_z * correction(sums.pairs),
            "p": sign_flip_p(sums, n_flips, flipped),
            "bound": half_widths(sums, scaled) * size,
            "p_equivalence": equivalence(sums, scaled).p,
            "power_equivalence": equivalence_power(sums, scaled),
            "shape": shapes(np.asarray(differences)),
        }
    )


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

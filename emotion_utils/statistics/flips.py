"""Tests by exchanging the two sides of pairs: the signs of whole units are flipped.

Where an intervention does nothing, a prompt's changed and untouched side can change places; the mean difference is
compared with what that gives. With the largest of all tests kept in each flip, looking at many costs what it must
{cite:p}`westfall1993`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Shaped

from emotion_utils.statistics.permutations import TIE, permutation_p
from emotion_utils.statistics.resampling import FEWEST_UNITS
from emotion_utils.statistics.units import UnitSums, scales, unit_sums

MANY_UNITS = 24
EXACTLY = 1e-7
"""A standard error that is a smaller share of its mean is rounding."""
CHUNK = 512
"""Tests whose flips are held in memory at once."""


def signs(units: int, n: int, seed: int) -> Float[np.ndarray, "draw unit"]:
    """Signs of units: every pattern but the observed one where these are few enough, random ones otherwise."""
    if _all_patterns(units, n):
        return 1.0 - 2.0 * ((np.arange(1, 2**units)[:, None] >> np.arange(units)) & 1)
    return np.random.default_rng(seed).choice([-1.0, 1.0], size=(n, units))


def sign_flip_p(sums: UnitSums, n_flips: int = 10_000, seed: int = 0) -> Float[np.ndarray, " test"]:
    """P value of each mean difference on its own, two-sided; the observed signs are a draw {cite:p}`phipson2010`.

    Parameters
    ----------
    sums
        From :func:`emotion_utils.statistics.units.unit_sums`.
    n_flips, seed
        Of the signs, which all tests share; every pattern is taken where there are not more.

    Returns
    -------
    (1 + flips that give at least as much) / (1 + flips); 1 where all differences are 0; NaN where a test has too few
    pairs or units.
    """
    flips = signs(len(sums.sums), n_flips, seed)
    n_tests = sums.sums.shape[1]
    found = np.full(n_tests, np.nan)
    for start in range(0, n_tests, CHUNK):
        part = sums.sums[:, start : start + CHUNK]
        # as `permutation_p`, without its copies, which take as long as the rest
        null = np.abs(flips @ part)
        ours = np.abs(part.sum(axis=0))
        least = ours - TIE * np.maximum(null.max(axis=0), ours)
        found[start : start + CHUNK] = (1 + (null >= least).sum(axis=0)) / (1 + len(flips))
    return np.where(sums.usable, found, np.nan)


def max_t(
    effects: Float[np.ndarray, "row test"],
    units: Shaped[np.ndarray, " row"],
    n_permutations: int = 1000,
    seed: int = 0,
) -> Float[np.ndarray, " test"]:
    """P value of each mean, two-sided, adjusted for all tests: signs of whole units are flipped, the largest |t| kept.

    Parameters
    ----------
    effects
        Paired differences; NaN where a row is not part of a test.
    units
        What is flipped together.
    n_permutations, seed
        Of the flips; where there are not more patterns of signs than that, all of them are taken.

    Returns
    -------
    One p value per test; NaN for a test with fewer than `resampling.FEWEST_UNITS` units, which is no part of the
    maximum either.
    """
    sums = unit_sums(effects / scales(effects), units)
    found, usable = np.full(effects.shape[1], np.nan), sums.units >= FEWEST_UNITS
    if not usable.any():
        return found
    own, present = sums.sums[:, usable], sums.units[usable]
    flips = signs(len(own), n_permutations, seed)
    ours, null = _t(np.ones((1, len(own))), own, present)[0], _t(flips, own, present)
    found[usable] = permutation_p(ours, np.broadcast_to(null.max(axis=1)[:, None], null.shape))
    return found


def least_p(units: int, n_flips: int) -> float:
    """Smallest p value that flips of so many units can give, two-sided."""
    return 2.0 ** (1 - units) if _all_patterns(units, n_flips) else 1 / (1 + n_flips)


def _all_patterns(units: int, n: int) -> bool:
    """Whether every pattern of signs can be taken in so many flips."""
    return units < MANY_UNITS and 2**units <= n + 1


def max_t_by_emotion(
    effects: Float[np.ndarray, "row test"],
    emotion: Shaped[np.ndarray, " row"],
    units: Shaped[np.ndarray, " row"],
    n_permutations: int = 1000,
    seed: int = 0,
) -> Float[np.ndarray, "emotion test"]:
    """:func:`max_t` of each measurement for each emotion, adjusted for all of them; emotions in order of appearance."""
    named = list(dict.fromkeys(emotion.tolist()))
    wide = [np.where((emotion == own)[:, None], effects, np.nan) for own in named]
    return max_t(np.concatenate(wide, axis=1), units, n_permutations, seed).reshape(len(named), -1)


def _t(signs: np.ndarray, sums: np.ndarray, n: np.ndarray) -> Float[np.ndarray, "draw test"]:
    """|t| of signed sums of the units of each test; infinite where all agree exactly, 0 where they are all 0."""
    means = signs @ sums / n
    variance = ((sums**2).sum(axis=0) / n - means**2).clip(min=0) * n / (n - 1)
    scale = np.sqrt(variance / n)
    sure = np.where(means == 0, 0.0, np.inf)
    return np.divide(np.abs(means), scale, out=sure, where=scale > EXACTLY * np.abs(means))

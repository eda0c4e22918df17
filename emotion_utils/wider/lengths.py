"""Why Llama > Qwen > Gemma: the published score as a function of how long the wider model's states are.

The map from the target is fitted by a pseudo-inverse, which shrinks as the target's states grow; the score grows with
the square of the map until it is clipped. What two models share plays no part in that. Here it is measured on two real
models: the target multiplied by a thousandth to a thousand, for the true pairing of the rows and for wrong ones, beside
the sound scores, computed anew at each factor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import linregress

from emotion_utils.alignment.align import align
from emotion_utils.core.errors import UserError
from emotion_utils.planted.generators import rescaled
from emotion_utils.reports.published_alignment import Case, phase8
from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.permutations import permutation_p
from emotion_utils.statistics.resampling import interval
from emotion_utils.subspaces.measures import principal_components
from emotion_utils.subspaces.readings import PairedStates
from emotion_utils.wider.layers import best_of_columns, beyond_wrong_pairs

FACTORS = tuple(float(10.0 ** (step / 4)) for step in range(-12, 13))
"""What the target's states are multiplied by: 0.001 to 1,000."""
AS_IT_IS, DIVIDED = 1.0, 0.001
MARKS = {AS_IT_IS: "as it is", DIVIDED: "divided by 1,000"}
FLAT = 1e-6
"""A score that moves by no more over all factors is said not to move."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """Scores at each factor, of the true pairing and of others.

    Attributes
    ----------
    factors
        What the target's states were multiplied by.
    published
        Shape (1 + draw, factor); the first is the true pairing.
    sound
        By score, of the same shape and pairings.
    reach
        From this factor on no entry of the published score is clipped, whatever the pairing.
    ratio
        Root mean square of a coordinate of the target's centred neutral states over that of the source's.
    n
        Neutral rows.
    """

    factors: tuple[float, ...]
    published: Float[np.ndarray, "draw factor"] = field(repr=False)
    sound: Mapping[str, Float[np.ndarray, "draw factor"]] = field(repr=False)
    reach: float
    ratio: float
    n: int

    def table(self) -> pd.DataFrame:
        """One row per factor.

        Returns
        -------
        Columns ``factor, ratio`` (of lengths, target over source), ``after, permuted, permuted_low, permuted_high``
        (mean and middle 95 % of wrong pairs), ``p, clipped`` (whether an entry may be), ``mark`` and, of every sound
        score, its name and the name with ``_null``.
        """
        rows = []
        for i, factor in enumerate(self.factors):
            held = against_null(self.published[0, i], self.published[1:, i])
            ends = interval(self.published[1:, i])
            sound = [v for s in self.sound.values() for v in (s[0, i], s[1:, i].mean())]
            about = held.p, factor < self.reach, MARKS.get(factor, "")
            rows.append((factor, factor * self.ratio, held.value, held.null, *ends, *about, *sound))
        columns = ["factor", "ratio", "after", "permuted", "permuted_low", "permuted_high"]
        last = [f"{score}{end}" for score in self.sound for end in ("", "_null")]
        return pd.DataFrame(rows, columns=[*columns, "p", "clipped", "mark", *last])


def sweep(
    case: Case,
    sound: tuple[PairedStates, PairedStates],
    factors: Sequence[float] = FACTORS,
    *,
    k: int = 8,
    k_sound: int = 5,
    n_permutations: int = 199,
    seed: int = 0,
) -> Sweep:
    """Compute the published score of Phase 8 and the sound ones with the target multiplied by each factor.

    Parameters
    ----------
    case
        Both models at the emotion word, from :func:`emotion_utils.reports.published_alignment.word_case`.
    sound
        Both at one layer, from :func:`emotion_utils.subspaces.readings.paired_states`, with the same neutral rows;
        emotional prompts of the two are of different units.
    factors
        Above 0, with 1 among them.
    k, k_sound
        Dimensions of the published score, where the rarest emotion allows them, and of the overlap.
    n_permutations, seed
        Of the pairing.

    Raises
    ------
    UserError
        For factors that are not above 0 or lack 1, and what :func:`emotion_utils.alignment.align.align` refuses.
    """
    if not all(np.isfinite(factor) and factor > 0 for factor in factors) or AS_IT_IS not in factors:
        raise UserError(f"The factors are {list(factors)}: all must be above 0, and 1 must be among them.")
    if not np.array_equal(case.groups, sound[0].groups):
        raise UserError("The sound scores were made of other neutral rows: pass the same rows to both.")
    orders, width = case.orders(n_permutations, seed), case.k(k)
    published = [phase8(case.scaled(factor), width, orders)[1] for factor in factors]
    scores = [
        align(sound[0], rescaled(sound[1], factor), k_sound, orders=orders).scores for factor in factors
    ]
    by_score = {name: np.stack([own[name][:, 0, 0] for own in scores], axis=1) for name in scores[0]}
    lengths = [_rms(rows) for rows in (case.source_neutral, case.target_neutral)]
    return Sweep(
        tuple(factors), np.stack(published, axis=1), by_score, _reach(case, width, orders),
        lengths[1] / lengths[0], len(case.groups),
    )  # fmt: skip


def _rms(rows: Float[np.ndarray, "row d"]) -> float:
    return float(np.sqrt(np.square(rows - rows.mean(axis=0)).mean()))


def _reach(case: Case, k: int, orders: np.ndarray) -> float:
    """The largest entry of the mapped bases at a factor of 1, over all pairings: entries shrink as the factor grows."""
    r, t = (rows - rows.mean(axis=0) for rows in (case.source_neutral, case.target_neutral))
    back, largest = np.linalg.pinv(t), 0.0
    for emotion, own in case.source.items():
        right = r @ principal_components(own, k).T
        left = principal_components(case.target[emotion], k) @ back
        largest = max(largest, *(float(np.abs(left @ right[order]).max()) for order in orders))
    return largest


class SweepFindings(NamedTuple):
    """What a sweep says.

    Attributes
    ----------
    as_it_is, as_it_is_wrong, divided, divided_wrong
        The published score of true pairs and the mean of wrong ones, at the target's own length and at a thousandth;
        NaN where that factor was not tried.
    lowest, highest
        Of true pairs, over the factors.
    above, p
        Whether true pairs lie above wrong ones at any factor, the best factor chosen anew in every pairing; False where
        they lie below at some and above at none, None where neither can be told; and the p of "above".
    slope, fit, n_unclipped
        Of log score on log factor where nothing is clipped, its R², and how many factors that are.
    by_factor
        Share of the variance of log score, over factors and all pairings, that lies between the factors.
    moved
        Largest change of any sound score over the factors, of any pairing.
    """

    as_it_is: float
    as_it_is_wrong: float
    divided: float
    divided_wrong: float
    lowest: float
    highest: float
    above: bool | None
    p: float
    slope: float
    fit: float
    n_unclipped: int
    by_factor: float
    moved: float

    @property
    def flat(self) -> bool:
        """Whether no sound score moves by more than :data:`FLAT`."""
        return bool(self.moved <= FLAT)


def sweep_findings(found: Sweep) -> SweepFindings:
    """Say what decides about the published score: the pairing or the length."""
    logs = np.log(found.published)
    above, below = best_of_columns(logs), best_of_columns(-logs)
    said = beyond_wrong_pairs(above[0], above[1:])
    if said is not True:
        said = False if beyond_wrong_pairs(below[0], below[1:]) else None
    true, line = found.published[0], _line(found)
    return SweepFindings(
        *_at(found, AS_IT_IS), *_at(found, DIVIDED), float(true.min()), float(true.max()), said,
        float(permutation_p(above[0], above[1:])), line[0], line[1], line[2], _between(logs),
        float(max(np.ptp(values, axis=1).max() for values in found.sound.values())),
    )  # fmt: skip


def _at(found: Sweep, factor: float) -> tuple[float, float]:
    if factor not in found.factors:
        return np.nan, np.nan
    own = found.published[:, found.factors.index(factor)]
    return float(own[0]), float(own[1:].mean())


def _line(found: Sweep) -> tuple[float, float, int]:
    """Slope and R² of the true pairing's log score on the log factor, and the factors without a clip."""
    kept = np.array(found.factors) >= found.reach
    if kept.sum() < 3:
        return np.nan, np.nan, int(kept.sum())
    line = linregress(np.log(np.array(found.factors)[kept]), np.log(found.published[0, kept]))
    return float(line.slope), float(line.rvalue**2), int(kept.sum())


def _between(values: Float[np.ndarray, "draw factor"]) -> float:
    return float(values.mean(axis=0).var() / values.var())

"""How much heads carry: shares of the whole difference beside p values, and effects that are surely small.

A p value says that an effect is not nothing; among a hundred heads many that carry a hundredth of the difference stand
out. So heads are counted by size: those that carry a tenth, or two hundredths, and those whose effect lies inside a
bound in nats, by two one-sided tests {cite:p}`schuirmann1987` that are corrected for all heads and emotions
{cite:p}`benjamini1995`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.heads.pairs import Pairs, measured
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.equivalence import equivalence
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.units import unit_sums

LEAST_BOUND = 0.1
"""Nats: odds that change by a tenth."""
LARGE, SMALL = 0.1, 0.02
"""Shares of the whole difference from which on a head carries much, and below which it carries next to nothing."""
HEADINGS = {
    "difference": "difference (nats)", "heads": "heads run", "large": f"carry {LARGE:.0%} or more",
    "large_surely": "surely", "some": f"carry {SMALL:.0%} or more", "found": "stand out",
    "found_small": f"of these below {SMALL:.0%}", "within": "small", "open": "open",
}  # fmt: skip
"""Columns of :func:`by_size` for readers."""


def within(
    pairs: Pairs, effects: Float[np.ndarray, "pair head"], bound: float
) -> Float[np.ndarray, "emotion head"]:
    """P value of each effect lying inside plus and minus a bound (nats), adjusted for all heads and emotions.

    NaN for heads that were not run, and with too few units.
    """
    emotion, units = pairs.table["emotion"].to_numpy(dtype=object), pairs.table["unit"].to_numpy()
    run = measured(effects)
    parts = [np.where((emotion == own)[:, None], effects[:, run], np.nan) for own in pairs.emotions]
    wide = np.concatenate(parts, axis=1)
    p = adjusted(equivalence(unit_sums(wide, units), np.full(wide.shape[1], bound)).p, "fdr_bh")
    found = np.full((len(parts), effects.shape[1]), np.nan)
    found[:, run] = p.reshape(len(parts), -1)
    return found


def by_size(table: pd.DataFrame, p_within: Float[np.ndarray, "emotion head"], pairs: Pairs) -> pd.DataFrame:
    """Count heads by how much of the difference they carry.

    Parameters
    ----------
    table
        From `screening.effect_table`: columns ``emotion, name, effect, low, high, share, p``.
    p_within
        From :func:`within`.
    pairs
        The same pairs.

    Returns
    -------
    One row per emotion: ``emotion, difference`` (whole, nats), ``heads`` (run), ``large`` (carry a tenth or more, in
    either direction), ``large_surely`` (with the whole interval), ``some`` (two hundredths or more), ``found`` (p of
    at most 5 %), ``found_small`` (of these below two hundredths), ``within`` (inside the bound), ``open`` (neither
    found nor inside), ``tested`` (with a p).
    """
    rows = []
    for i, emotion in enumerate(pairs.emotions):
        own = table[table["emotion"] == emotion]
        at = [pairs.heads.index((row.layer, row.head)) for row in own.itertuples()]
        kept = (pairs.table["emotion"] == emotion).to_numpy()
        whole = float(np.subtract(*pairs.untouched)[kept].mean())
        share, found = own["share"].abs(), (own["p"] <= LEVEL).to_numpy()
        nearest = np.where(own["low"] * own["high"] > 0, np.minimum(own["low"].abs(), own["high"].abs()), 0.0)
        surely = np.where(own["low"].isna(), False, nearest >= LARGE * abs(whole))
        inside = p_within[i, at] <= LEVEL
        rows.append(
            (emotion, whole, len(own), int((share >= LARGE).sum()), int(surely.sum()), int((share >= SMALL).sum()),
             int(found.sum()), int((found & (share < SMALL)).sum()), int(inside.sum()), int((~found & ~inside).sum()),
             int(own["p"].notna().sum()))
        )  # fmt: skip
    columns = [
        "emotion",
        "difference",
        "heads",
        "large",
        "large_surely",
        "some",
        "found",
        "found_small",
        "within",
    ]
    return pd.DataFrame(rows, columns=[*columns, "open", "tested"])


def capped(reply: float, wholes: Sequence[float]) -> float:
    """The bound for an effect in nats: what genuine replies differ by, and a tenth of the whole effect at most.

    A model from elsewhere finds the small world's replies strange, and they differ by more than the emotion makes: a
    bound as wide would call everything small. Where the emotion makes next to nothing, or nobody knows how much, it is
    :data:`LEAST_BOUND` at most.

    Parameters
    ----------
    reply
        Nats, from `effects.bounds`.
    wholes
        The whole effect of each emotion on the outcome (nats), of which the smallest counts; without NaN.
    """
    return min(reply, max(LARGE * min(map(abs, wholes), default=0.0), LEAST_BOUND))


def bound_in_nats(reply: float, pairs: Pairs) -> float:
    """The bound for effects of heads: :func:`capped` by the differences between partners.

    Parameters
    ----------
    reply
        Nats, from `effects.bounds`.
    pairs
        On which effects are scored.
    """
    whole, emotion = np.subtract(*pairs.untouched), pairs.table["emotion"].to_numpy()
    return capped(reply, [float(whole[emotion == own].mean()) for own in pairs.emotions])


class Carried(NamedTuple):
    """Effects of heads on emotions, counted by size: sums over emotions of the columns of :func:`by_size`."""

    effects: int
    large: int
    large_surely: int
    some: int
    found: int
    found_small: int
    within: int
    open: int
    tested: int


def carried(sizes: pd.DataFrame) -> Carried:
    """From :func:`by_size`."""
    return Carried(int(sizes["heads"].sum()), *(int(sizes[name].sum()) for name in Carried._fields[1:]))


def carried_in_words(found: Carried, bound: float) -> str:
    """How much, not whether: counts by size.

    Parameters
    ----------
    found
    bound
        Nats, of the tests that call an effect small.
    """
    text = (
        f"Of {found.effects} effects (heads times emotions) **{found.large}** carry a tenth of the difference or more, "
        f"and **{found.some}** carry {SMALL:.0%} or more."
    )
    if not found.tested:
        return f"{text} There are too few units to test any of them."
    return (
        f"{text} The whole interval lies beyond a tenth for {found.large_surely}. {found.found} stand out from the "
        f"null, of which {found.found_small} carry less than {SMALL:.0%}. {found.within} are surely smaller than "
        f"{bound:.2f} nats; {found.open} are open: neither found nor "
        f"shown to be small."
    )

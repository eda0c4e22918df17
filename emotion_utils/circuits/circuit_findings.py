"""What chapter 07's tables say: small records of numbers on patched heads and circuits, for the page's sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from emotion_utils.circuits.faithfulness import GOAL
from emotion_utils.circuits.findings import RECORDED, LargestHead, differences
from emotion_utils.core.errors import listing
from emotion_utils.heads.pairs import Head
from emotion_utils.statistics.permutations import LEVEL

RANDOM = "random sets of "
"""Begins what random sets of each kind are called."""


class PatchedHeads(NamedTuple):
    """Single heads put into neutral prompts.

    ``strongest`` is the head that moves each emotion furthest; ``found`` of ``effects`` stand out from the null;
    ``correlation`` is that of the shares in the two directions, over heads and pairs.
    """

    strongest: tuple[LargestHead, ...]
    found: int
    effects: int
    correlation: float


def patched_heads(effects: pd.DataFrame, there: np.ndarray, back: np.ndarray) -> PatchedHeads:
    """From the effects of heads put into neutral prompts, and shares of the way in both directions."""
    best = effects.loc[effects.groupby("emotion", sort=False)["share"].idxmax()]
    run = ~np.isnan(there)
    return PatchedHeads(
        tuple(
            LargestHead(row.emotion, row.name, row.share)
            for row in best[["emotion", "name", "share"]].itertuples(index=False)
        ),
        int((effects["p"] <= LEVEL).sum()),
        len(effects),
        float(np.corrcoef(there[run], back[run])[0, 1]),
    )


class ModesApart(NamedTuple):
    """How far *pattern_v* and *z* differ at most; what several heads do by *v_only* and *pattern_v*, by direction."""

    most: float
    together: dict[str, tuple[float, float]]


def modes_apart(shares: pd.DataFrame, heads: str) -> ModesApart:
    """From shares of the way by direction and heads (rows) and mode (columns)."""
    several = shares.xs(heads, level="heads")
    together = {
        str(name): (float(row["v_only"]), float(row["pattern_v"])) for name, row in several.iterrows()
    }
    return ModesApart(float((shares["pattern_v"] - shares["z"]).abs().max()), together)


class CircuitKept(NamedTuple):
    """What a circuit keeps of the difference between partners, beside random sets of heads.

    Attributes
    ----------
    size, heads
        Of the circuit and of the model.
    share, low, high
        What it keeps.
    pairs, units
        On which.
    enough
        Whether it reaches the goal with fewer than half of the heads.
    random
        By kind of set: mean and best.
    near
        Whether some random set does as well as the lower end of the interval, or there is no interval.
    shared
        Heads that random sets of equal norm share with it, on average.
    without
        What all other heads keep.
    whole
        Difference between partners (nats).
    """

    size: int
    heads: int
    share: float
    low: float
    high: float
    pairs: int
    units: int
    enough: bool
    random: dict[str, tuple[float, float]]
    near: bool
    shared: float
    without: float
    whole: float


def circuit_kept(
    kept: pd.Series,
    beside: pd.DataFrame,
    circuit: Sequence[Head],
    heads: int,
    alike: Sequence[Sequence[Head]],
    without: float,
    whole: float,
) -> CircuitKept:
    """From the circuit's row of shares, those of random sets by kind, the random sets of equal norm, and the whole."""
    drawn = beside.groupby("kind")["share"].agg(["mean", "max"])
    size = len(circuit)
    return CircuitKept(
        size,
        heads,
        float(kept["share"]),
        float(kept["low"]),
        float(kept["high"]),
        int(kept["n"]),
        int(kept["n_groups"]),
        bool(kept["share"] >= GOAL and 2 * size < heads),
        {str(kind): (float(row["mean"]), float(row["max"])) for kind, row in drawn.iterrows()},
        not beside["share"].max() < kept["low"],
        float(np.mean([len({*own} & {*circuit}) for own in alike])),
        without,
        whole,
    )


def kept_in_words(own: CircuitKept) -> str:
    """What a circuit keeps, and what is left without it."""
    return (
        f"A circuit of **{own.size} of {own.heads}** heads keeps "
        f"**{own.share:.0%}**{ends_in_words(own.low, own.high)} of "
        f"the difference on {own.pairs} other pairs in {own.units} units: it "
        f"{'reaches' if own.enough else 'does not reach'} {GOAL:.0%} with fewer than half of the heads. Without it all "
        f"other heads keep {own.without:.0%} (completeness). Of the heads of random sets of equal norm "
        f"{own.shared:.0f} "
        "are also in the circuit."
    )


class BeyondTheSum(NamedTuple):
    """What heads do at once in one direction, and how much more than one by one, with its interval."""

    direction: str
    at_once: float
    more: float
    low: float
    high: float


class AtOnce(NamedTuple):
    """The heads of a circuit patched together.

    ``dependent``: in both directions the interval leaves the sum of the heads out; ``understated``: together they do
    more everywhere; ``random``: what random sets do, on average by kind.
    """

    directions: tuple[BeyondTheSum, ...]
    dependent: bool
    understated: bool
    random: dict[str, float]


def at_once(together: pd.DataFrame) -> AtOnce:
    """From rows by direction and ``what`` was patched."""
    more = together[together["what"] == "more than the sum"].set_index("direction")
    whole = together[together["what"] == "all at once"].set_index("direction")["share"]
    drawn = together[together["what"].str.startswith(RANDOM)].groupby("what", sort=False)["share"].mean()
    directions = tuple(
        BeyondTheSum(
            str(name), float(whole[name]), *(float(row[column]) for column in ("share", "low", "high"))
        )
        for name, row in more.iterrows()
    )
    clear = (more["low"] > 0) | (more["high"] < 0)
    return AtOnce(
        directions,
        bool(clear.all()),
        bool((more["share"] > 0).all()),
        {str(what).removeprefix(RANDOM): float(share) for what, share in drawn.items()},
    )


LITTLE = 0.1
"""Share of the way that counts as next to nothing."""


def company_in_words(side: AtOnce) -> str:
    """What random sets of heads do beside those of a circuit, both patched at once."""
    own = float(np.mean([way.at_once for way in side.directions]))
    listed = listing([f"{share:.0%} ({kind})" for kind, share in side.random.items()])
    told = f"Random sets move a prompt by {listed} on average"
    if own < LITTLE:
        return (
            f"{told}; beside heads that do next to nothing when they are patched at once, that says little."
        )
    if max(side.random.values()) >= own / 2:
        return (
            f"{told}: patched together, random sets of strong heads do half of what the circuit does, or more, and "
            "*faithfulness* above is the sharper test."
        )
    return f"{told}: less than half of what the circuit does."


class Repair(NamedTuple):
    """Direct effects for an emotion that stand out, beside what is lost without the head.

    ``repaired`` are larger than that, ``built_on`` smaller, each beyond the null; ``ratio`` is the median of total over
    direct, NaN where none stands out.
    """

    direct: int
    repaired: int
    built_on: int
    ratio: float


def repair(direct: pd.DataFrame, gap: pd.DataFrame) -> Repair:
    """From direct and total effects of heads, with ``p`` of the direct ones, and from what is lost beyond them."""
    sure = direct[(direct["p"] <= LEVEL) & (direct["direct"] > 0)]
    later = gap.loc[sure.index]
    found = later["p"] <= LEVEL
    repaired = found & (later["effect"] < 0) & (sure["total"] > 0)
    ratio = float((sure["total"] / sure["direct"]).median()) if len(sure) else float("nan")
    return Repair(len(sure), int(repaired.sum()), int((found & (later["effect"] > 0)).sum()), ratio)


def repair_in_words(mended: Repair) -> str:
    """What :func:`repair` found."""
    if not mended.direct:
        return (
            "No direct effect for the emotion stands out from the null, so that there is nothing to repair."
        )
    return (
        f"{mended.direct} direct effects for the emotion stand out from the null. Beyond the null, "
        f"{mended.repaired} of them are larger than what is really lost without the head (repaired), "
        f"{mended.built_on} are smaller (later blocks build on the head). In the median {mended.ratio:.1f} times "
        "the direct effect is lost. The last norm alone can look like a little repair."
    )


class CircuitsOfModels(NamedTuple):
    """Circuits of several models.

    Attributes
    ----------
    enough
        Models whose circuits reach the goal for every emotion with fewer than half of the heads.
    clear
        Models whose interval lies above the best of the random sets of equal norm.
    kept
        By model: heads, and the least share of the emotions.
    random, equal_norm
        Least and most that random sets keep on average.
    """

    enough: tuple[str, ...]
    clear: tuple[str, ...]
    kept: dict[str, tuple[int, float]]
    random: tuple[float, float]
    equal_norm: tuple[float, float]


def circuits_of_models(each: pd.DataFrame) -> CircuitsOfModels:
    """From one row per model: ``size, kept, random, equal_norm, enough, clear``."""
    ends = [(float(each[name].min()), float(each[name].max())) for name in ("random", "equal_norm")]
    chosen = [tuple(map(str, each.index[each[name].astype(bool)])) for name in ("enough", "clear")]
    kept = {str(name): (int(row["size"]), float(row["kept"])) for name, row in each.iterrows()}
    return CircuitsOfModels(chosen[0], chosen[1], kept, ends[0], ends[1])


def ends_in_words(low: float, high: float, sign: str = "") -> str:
    """An interval of shares in brackets, with a blank before it; nothing where there are too few units for one."""
    return "" if np.isnan(low) or np.isnan(high) else f" ({low:{sign}.0%} to {high:{sign}.0%})"


def share_in_words(row: pd.Series) -> str:
    """A share of replies with its interval, or why there is none."""
    if np.isnan(row["low"]):
        return f"**{row['share']:.0%}** ({row['n_groups']:.0f} units are too few for an interval)"
    return f"**{row['share']:.0%}** ({row['low']:.0%} to {row['high']:.0%})"


def main_numbers(
    outcome: pd.DataFrame,
    effects: pd.DataFrame,
    patched: PatchedHeads,
    kept: CircuitKept,
    together: AtOnce,
    said: pd.DataFrame,
) -> pd.DataFrame:
    """What chapter 07 found, for the record: the columns of `record.findings.keep_findings`.

    Parameters
    ----------
    outcome
        From :func:`emotion_utils.heads.openings.outcome`.
    effects
        Of heads put into neutral prompts, from :func:`screening.effect_table`.
    patched, kept, together
    said
        Shares of replies that say the emotion, from :func:`texts.share_of_texts`.
    """
    nothing, units = float("nan"), float(effects["n_groups"].min())
    best, n = max(patched.strongest, key=lambda one: one.share), float(kept.units)
    mean, share = float(np.mean([own for own, _ in kept.random.values()])), said.set_index("set")
    turned = share.loc["the circuit"]
    beside = float(share.loc["random sets", "share"])
    rows = [
        *differences(outcome),
        ("largest share of the way that one head moves a neutral prompt", best.share, nothing, nothing, 0.0, units),
        ("effects of patched heads beyond the null, share", patched.found / patched.effects, nothing, nothing, LEVEL,
         units),
        ("heads of the circuit, share of all", kept.size / kept.heads, nothing, nothing, nothing, n),
        ("difference that the circuit keeps, share; null: random sets", kept.share, kept.low, kept.high, mean, n),
        ("difference left without the circuit, share", kept.without, nothing, nothing, 1.0, n),
        ("replies that the circuit turns, share; null: random sets", turned["share"], turned["low"], turned["high"],
         beside, float(turned["n_groups"])),
    ]  # fmt: skip
    rows += [
        (f"more than the sum of its heads, {way.direction}, share", way.more, way.low, way.high, 0.0, n)
        for way in together.directions
    ]
    return pd.DataFrame(rows, columns=RECORDED)

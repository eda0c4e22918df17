"""What the tables on circuits chosen anew say: small records of numbers, for the page's sentences and its answer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from emotion_utils.circuits.findings import RECORDED
from emotion_utils.core.errors import listing
from emotion_utils.stability.beside import FEWEST_SETS, NATS, STRONG, TEXTS, does_no_more, verdict
from emotion_utils.stability.kinds import MEAN, RESAMPLE
from emotion_utils.stability.membership import CORE, RARE
from emotion_utils.stability.rechosen import ABOVE, Rechosen
from emotion_utils.statistics.permutations import LEVEL, TIE


class Membership(NamedTuple):
    """Which heads belong to the circuits that were chosen anew.

    ``always`` and ``sometimes`` are names of heads by how often they are chosen; ``missed`` are heads of the page's
    circuit that most choices leave out.
    """

    always: tuple[str, ...]
    sometimes: tuple[str, ...]
    missed: tuple[str, ...]


def members_found(frequencies: pd.DataFrame) -> Membership:
    """From :func:`membership.frequencies`."""
    often = frequencies["frequency"]
    always, sometimes = often >= CORE, (often > RARE) & (often < CORE)
    missed = frequencies["member"] & (often < 1 / 2)
    return Membership(*(tuple(frequencies.loc[kept, "name"]) for kept in (always, sometimes, missed)))


def membership_in_words(again: Rechosen) -> str:
    """How far circuits that are chosen anew have the same heads."""
    found, (least, most) = members_found(again.frequencies), again.sizes
    size = f"{least} heads" if least == most else f"{least} to {most} heads"
    always = f"{len(found.always)} heads are in at least {CORE:.0%} of them ({listing(found.always)})"
    missed = listing(found.missed) if found.missed else "none"
    return (
        f"On {again.draws} resamples of the units the rule chooses {size}: "
        f"{always if found.always else f'no head is in {CORE:.0%} of them'}, and {len(found.sometimes)} come and go. "
        f"Two such circuits share **{again.resampled.mean:.0%}** of their heads (Jaccard; random ones as large "
        f"{again.resampled.chance:.0%}). The circuits of two halves of all units, which have no unit in common, share "
        f"**{again.shared:.0%}**, {halves_in_words(again)}. Heads of the circuit above that most choices leave "
        f"out: {missed}."
    )


def kinds_in_words(again: Rechosen) -> str:
    """Whether both kinds of ablation keep, and choose, the same circuit."""
    shares = again.by_kind.set_index(["circuit", "kind"])["share"]
    text = (
        f"The circuit above keeps **{shares[ABOVE, MEAN]:.0%}** of the difference where the other heads are set to "
        f"their means, and **{shares[ABOVE, RESAMPLE]:.0%}** where they give what they give on another prompt. "
    )
    if again.between_kinds is None or again.between_seeds is None:
        return f"{text}Choosing by resample ablation is not paid for on this model."
    errors = again.errors.set_index("kind")["error"]
    return (
        f"{text}Circuits that are chosen by the two kinds share {again.between_kinds.mean:.0%} of their heads (random "
        f"{again.between_kinds.chance:.0%}), and those of different draws of other prompts "
        f"{again.between_seeds.mean:.0%}. The effect of a head has a standard error of {errors[MEAN]:.3f} nats by the "
        f"mean and {errors[RESAMPLE]:.3f} by resampling (median over heads); the draw alone makes "
        f"{again.of_draws:.3f} of it."
    )


def same_heads(again: Rechosen) -> bool | None:
    """Whether circuits of two halves share more heads than random ones.

    True where their mean overlap lies beyond that of shuffled heads (p <= 5 %); False where it is no larger than the
    shuffles' mean; None between the two.
    """
    if again.p_halves <= LEVEL:
        return True
    return False if again.shared <= again.by_chance + TIE else None


def halves_in_words(again: Rechosen) -> str:
    """What random circuits share beside those of two halves, and whether they can be told apart, in a clause."""
    if np.isnan(again.p_halves):
        return "which cannot be compared: a half has no circuit"
    word = {True: "more than", False: "no more than", None: "which cannot be told from"}[same_heads(again)]
    return f"{word} random ones ({again.by_chance:.0%}, p = {again.p_halves:.3f})"


def kept_under(again: Rechosen, kind: str) -> pd.Series:
    """Share of the difference that the page's circuit keeps under a kind of ablation, with its interval."""
    return (
        again.by_kind.set_index(["circuit", "kind"])
        .loc[(ABOVE, kind), ["share", "low", "high"]]
        .astype(float)
    )


def main_numbers(again: Rechosen) -> pd.DataFrame:
    """What chapter 07 found about circuits chosen anew, for the record: as `record.findings` keeps it."""
    nothing, halves = float("nan"), float(len(again.halves))
    above = again.by_kind.set_index(["circuit", "kind"]).loc[(ABOVE, RESAMPLE)]
    rows = [
        ("heads that circuits of two halves of the units share (Jaccard); null: random", again.shared, nothing, nothing,
         again.by_chance, halves),
        ("difference that the circuit keeps under resample ablation, share", above["share"], above["low"],
         above["high"], nothing, float(above["n_groups"])),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=RECORDED)


def beside_title(both: pd.DataFrame) -> str:
    """What the figure of the circuit beside random sets of equal norm says, by both measures."""
    rows = both[both["kind"] == STRONG].set_index("measure")
    nats, texts = (does_no_more(rows.loc[name]) for name in (NATS, TEXTS))
    if nats is texts:
        return {
            False: "The circuit does more than random heads, in log-odds and in texts",
            True: "Random heads do as well as the circuit",
            None: "The circuit cannot be told from random heads, in log-odds or in texts",
        }[nats]
    said = {"log-odds": nats, "texts": texts}
    first, other = sorted(said, key=lambda name: (False, True, None).index(said[name]))
    lead = (
        "random heads do as well as the circuit" if said[first] else "the circuit does more than random heads"
    )
    then = "such heads do as well" if said[other] else "it cannot be told from such heads"
    return f"In {first} {lead}; in {other} {then}"


def value_in_words(row: pd.Series, whole: float) -> str:
    """The circuit beside random sets, by one measure; of the log-odds there are so many nats in all."""
    if row["measure"] == NATS:
        return f"in log-odds {row['circuit']:.2f} nats beside {row['random']:.2f} of {whole:.2f}"
    return f"in texts {row['circuit']:.0%} of the replies beside {row['random']:.0%}"


def sets_in_words(both: pd.DataFrame, whole: float) -> str:
    """The circuit beside random sets of each kind, by both measures."""
    said = [
        f"Random sets of {kind}: " + "; ".join(beside_in_words(row, whole) for _, row in rows.iterrows())
        for kind, rows in both.groupby("kind", sort=False)
    ]
    return ". ".join(said) + "."


def beside_in_words(row: pd.Series, whole: float) -> str:
    """A row of :func:`beside.beside_sets` in a clause; ``whole`` as of :func:`value_in_words`."""
    return f"{value_in_words(row, whole)}: {told_in_words(row)}"


def told_in_words(row: pd.Series) -> str:
    """What :func:`beside.verdict` says of a row, with the numbers that decide."""
    sets = f"{row['as_much']:.0f} of {row['sets']:.0f} do as much"
    few = "" if row["sets"] >= FEWEST_SETS else f", too few sets to say more: at least {FEWEST_SETS}"
    return {
        "more": f"the circuit does more than random sets ({sets}, p = {row['p']:.2f})",
        "as much": f"random sets do as well on average ({sets}; the gap is smaller than the bound)",
        "as well": f"random sets do as well ({sets}, p = {row['p']:.2f})",
        "open": f"the circuit cannot be told from random sets ({sets}, p = {row['p']:.2f}{few})",
    }[verdict(row)]

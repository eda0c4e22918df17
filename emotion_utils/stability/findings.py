"""What the tables on circuits chosen anew say: small records of numbers, for the page's sentences and its answer."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from emotion_utils.circuits.faithfulness import GOAL
from emotion_utils.core.errors import listing
from emotion_utils.stability.beside import FEWEST_SETS, does_no_more, verdict
from emotion_utils.stability.kinds import MEAN, RESAMPLE
from emotion_utils.stability.membership import CORE, RARE
from emotion_utils.stability.rechosen import ABOVE, Rechosen


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
        f"**{again.shared:.0%}** (random {again.by_chance:.0%}). Heads of the circuit above that most choices leave "
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
    """Whether circuits of two halves share more heads than random ones: all of the splits do, some (None), or none."""
    above = again.halves["shared"] > again.by_chance
    return bool(above.iloc[0]) if above.all() or not above.any() else None


def kept_by_both(again: Rechosen) -> bool:
    """Whether the page's circuit reaches the goal under both kinds of ablation."""
    own = again.by_kind[again.by_kind["circuit"] == ABOVE]
    return bool((own["share"] >= GOAL).all())


def beside_in_words(row: pd.Series, what: str) -> str:
    """A row of :func:`beside.beside_sets` in a sentence.

    Parameters
    ----------
    row
    what
        The value of the circuit beside that of random sets, in words.
    """
    sets = f"{row['as_much']:.0f} of {row['sets']:.0f} random sets do at least as much"
    told = {
        "more": f"the circuit does more than random sets ({sets}, p = {row['p']:.2f})",
        "as much": f"random sets do as much on average ({sets}; the gap is smaller than the bound)",
        "open": f"the circuit cannot be told from random sets ({sets}, p = {row['p']:.2f})",
    }[verdict(row)]
    if verdict(row) == "open" and does_no_more(row) is None:
        told = f"{sets}; {row['sets']:.0f} sets are too few to say more (at least {FEWEST_SETS})"
    return f"{what}: {told}"

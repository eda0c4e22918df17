"""Chapter 7: whether a few heads carry an emotion, these and no others."""

from __future__ import annotations

import pandas as pd

from emotion_utils.answers.answer import Answer, Falsifier
from emotion_utils.circuits.circuit_findings import AtOnce, CircuitKept, PatchedHeads, ends_in_words
from emotion_utils.circuits.faithfulness import GOAL
from emotion_utils.heads.openings import anything_to_carry
from emotion_utils.reports.replication import any_holds
from emotion_utils.stability.beside import NATS, STRONG, TEXTS, does_no_more
from emotion_utils.stability.findings import (
    halves_in_words,
    kept_under,
    kinds_in_words,
    membership_in_words,
    same_heads,
    sets_in_words,
    told_in_words,
)
from emotion_utils.stability.kinds import RESAMPLE
from emotion_utils.stability.rechosen import Rechosen
from emotion_utils.statistics.resampling import FEWEST_UNITS

QUESTION = "Do a few heads carry the emotion, these and no others?"


def answer(
    model: str,
    kept: CircuitKept,
    beside: pd.DataFrame,
    patched: PatchedHeads,
    again: Rechosen,
    side: AtOnce,
    outcome: pd.DataFrame,
) -> Answer:
    """What chapter 7 answers.

    Parameters
    ----------
    model
        As a reader calls it.
    kept
        What the circuit keeps, from `circuit_findings.circuit_kept`.
    beside
        Beside random sets in nats and in texts, from `beside.in_nats` and `beside.in_texts`.
    patched
        Single heads, from `circuit_findings.patched_heads`.
    again
        Circuits chosen anew, from `rechosen.rechosen`.
    side
        Heads patched together, from `circuit_findings.at_once`.
    outcome
        From `openings.outcome`: whether there is a difference that heads could carry.
    """
    moves, ends = anything_to_carry(outcome), ends_in_words(kept.low, kept.high)
    enough = moves and kept.units >= FEWEST_UNITS
    rows = {str(row["measure"]): row for _, row in beside[beside["kind"] == STRONG].iterrows()}
    no_more = [does_no_more(row) for row in rows.values()]
    same = same_heads(again)
    resampled = kept_under(again, RESAMPLE)
    single = max(patched.strongest, key=lambda one: one.share)
    return Answer(
        QUESTION,
        _finding(model, kept, rows, again) if moves else _nothing(model, outcome),
        (
            Falsifier(
                "random sets of as many heads that write as much do as well, in log-odds or in texts",
                any_holds(no_more) if enough else None,
                "; ".join(
                    f"{'in log-odds' if name == NATS else 'in texts'} {told_in_words(row)}"
                    for name, row in rows.items()
                ),
            ),
            Falsifier(
                "no head moves a prompt beyond the null when it is patched alone",
                patched.found == 0 if enough else None,
                f"{patched.found} of {patched.effects} effects do; the most, {single.name}, moves {single.emotion} "
                f"{single.share:.0%} of the way",
            ),
            Falsifier(
                "the circuits of two halves of the units share no more heads than random ones",
                None if same is None or not enough else not same,
                f"they share {again.shared:.0%}, {halves_in_words(again)} (Jaccard, mean of "
                f"{len(again.halves) // 2} splits)",
            ),
            Falsifier(
                f"the circuit keeps less than {GOAL:.0%} when other heads give what they give on another prompt",
                bool(resampled["share"] < GOAL) if enough else None,
                f"it keeps {resampled['share']:.0%}{ends_in_words(resampled['low'], resampled['high'])}",
            ),
        ),
        (
            f"{kept.size} of {kept.heads} heads keep {kept.share:.0%}{ends} of the difference on other pairs; "
            f"without them all others keep {kept.without:.0%}.",
            sets_in_words(beside, kept.whole),
            membership_in_words(again),
            kinds_in_words(again),
            _together(side),
        ),
    )  # fmt: skip


def _finding(model: str, kept: CircuitKept, rows: dict[str, pd.Series], again: Rechosen) -> str:
    """Three sentences: in nats, in texts, chosen anew."""
    nats, texts, ends = rows[NATS], rows[TEXTS], ends_in_words(kept.low, kept.high)
    return (
        f"On {model} {kept.size} of {kept.heads} heads keep **{kept.share:.0%}**{ends} of the {kept.whole:.1f} nats "
        f"that the emotion makes, random sets that write as much {nats['random'] / kept.whole:.0%}: "
        f"{told_in_words(nats)}. In texts the circuit turns **{texts['circuit']:.0%}** of the replies, such random "
        f"sets **{texts['random']:.0%}**: {told_in_words(texts)}. Chosen anew on two halves of the prompts, circuits "
        f"share {again.shared:.0%} of their heads, {halves_in_words(again)}."
    )


def _nothing(model: str, outcome: pd.DataFrame) -> str:
    most = outcome["difference"].abs().max()
    return f"On {model} the emotions move the outcome by {most:.2f} nats at most: too little to ask what carries it."


def _together(side: AtOnce) -> str:
    """What heads do at once, beside what each does alone, added up."""
    listed = ", ".join(
        f"{way.more:+.0%}{ends_in_words(way.low, way.high, '+')} in {way.direction}"
        for way in side.directions
    )
    word = "do not work" if side.dependent else "may work"
    return (
        f"Beyond the sum of what each does alone, the heads of the circuit patched at once move a prompt by {listed} "
        f"of the way: they {word} independently of each other."
    )

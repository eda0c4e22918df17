"""Chapter 6: whether heads that look at emotion words are heads that carry the emotion."""

from __future__ import annotations

import numpy as np
import pandas as pd

from emotion_utils.answers.answer import Answer, Falsifier
from emotion_utils.circuits.findings import (
    PEARSON_AT_LEAST,
    SPEARMAN_AT_LEAST,
    AcrossModels,
    CheapMethod,
    EffectsFound,
)
from emotion_utils.heads.carried import LARGE, SMALL, Carried, carried_in_words
from emotion_utils.heads.looking import go_together, looking_in_words, value_in_words
from emotion_utils.heads.openings import anything_to_carry
from emotion_utils.statistics.resampling import FEWEST_UNITS

QUESTION = "Are heads that look at emotion words the heads that carry the emotion?"
FEW = "too few units for an interval"


def answer(
    model: str,
    looking: pd.DataFrame,
    found: EffectsFound,
    sizes: Carried,
    bound: float,
    outcome: pd.DataFrame,
    cheap: CheapMethod,
    beside: AcrossModels,
) -> Answer:
    """What chapter 6 answers.

    Parameters
    ----------
    model
        As a reader calls it.
    looking
        From `looking.looking_and_acting`.
    found, sizes
        Of exact effects, from `findings.effects_found` and `carried.carried`.
    bound
        Nats, below which an effect is small.
    outcome
        From `openings.outcome`: whether there is a difference that heads could carry.
    cheap
        From `findings.cheap_method`.
    beside
        Other models and the blind one, from `findings.across_models`.
    """
    moves = anything_to_carry(outcome)
    enough = bool(outcome["n_groups"].min() >= FEWEST_UNITS)
    first = looking.iloc[0]
    finding = f"On {model} {looking_in_words(first)}. {_carry(found, sizes, outcome)}"
    each = "; ".join(f"{row['emotion']} {value_in_words(row)}" for _, row in looking.iloc[1:].iterrows())
    return Answer(
        QUESTION,
        finding,
        (
            Falsifier(
                "attention to emotion words goes together with what a head does, more than heads at random do",
                go_together(first) if moves and enough else None,
                _correlation(first) if enough else FEW,
            ),
            Falsifier(
                f"no head carries {LARGE:.0%} of the difference",
                _none_carries(sizes) if moves and enough else None,
                f"{sizes.large} of {sizes.effects} effects do, {sizes.large_surely} with the whole interval",
            ),
            Falsifier(
                "as many effects stand out in the model that was trained on exchanged reactions",
                beside.blind_found >= beside.found_least if beside.models and enough else None,
                _others(beside),
            ),
            Falsifier(
                f"attribution reaches no Pearson correlation of {PEARSON_AT_LEAST} or no rank correlation of "
                f"{SPEARMAN_AT_LEAST} with the exact effects",
                _too_cheap(cheap),
                f"{cheap.pearson_least:.2f} (Pearson) and {cheap.spearman_least:.2f} (Spearman), least of the emotions",
            ),
        ),
        (
            f"By emotion looking and acting correlate at {each} (rank correlation over {first['heads']:.0f} heads).",
            carried_in_words(sizes, bound),
            f"Attribution agrees with the exact effects at {cheap.pearson_least:.2f} to {cheap.pearson_most:.2f} "
            f"(Pearson) and {cheap.spearman_least:.2f} to {cheap.spearman_most:.2f} (Spearman).",
        ),
    )  # fmt: skip


def _correlation(row: pd.Series) -> str:
    """What decides whether looking and acting go together."""
    text = f"rank correlation {value_in_words(row)}"
    if np.isnan(row["p"]):
        return text
    return f"{text}, heads at random {row['null_low']:+.2f} to {row['null_high']:+.2f} (p = {row['p']:.2f})"


def _carry(found: EffectsFound, sizes: Carried, outcome: pd.DataFrame) -> str:
    """Whether heads carry something, in one or two sentences."""
    if not anything_to_carry(outcome):
        most = outcome["difference"].abs().max()
        return f"The emotions move the outcome by {most:.2f} nats at most: too little to ask what carries it."
    best = max(found.largest, key=lambda one: one.share)
    text = (
        f"{sizes.large} of {sizes.effects} effects carry {LARGE:.0%} of the difference or more, most of all "
        f"{best.name} ({best.share:.0%} for {best.emotion})."
    )
    if not sizes.tested:
        return f"{text} There are too few units to test any of them."
    small = f"{sizes.found_small} of these carry less than {SMALL:.0%}"
    return f"{text} {sizes.found} stand out from the null, and {small}."


def _others(beside: AcrossModels) -> str:
    """Effects that stand out in the blind model, and in others."""
    own = f"at most {beside.blind_found} there for an emotion"
    if not beside.models:
        return f"{own}; no other model stands beside it in this run"
    return f"{own}, {beside.found_least} to {beside.found_most} in {beside.models} other models"


def _none_carries(sizes: Carried) -> bool | None:
    """No head surely; None where some seem to, and no interval does."""
    if sizes.large_surely:
        return False
    return None if sizes.large else True


def _too_cheap(cheap: CheapMethod) -> bool | None:
    values = np.array([cheap.pearson_least, cheap.spearman_least])
    return None if np.isnan(values).any() else bool((values < (PEARSON_AT_LEAST, SPEARMAN_AT_LEAST)).any())

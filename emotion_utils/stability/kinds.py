"""Two ways of taking heads out, and whether they name the same circuit: the mean, and what a head gives elsewhere.

What a circuit is said to keep depends on what stands in for the heads outside it {cite:p}`miller2024`. Under *resample*
ablation that is what they give on another prompt, drawn anew for each pair and the same for both of its prompts, so
that the draw itself makes no difference between partners.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.activations.forward import chunks, head_outputs
from emotion_utils.circuits.ablation import by_position, resampled
from emotion_utils.circuits.faithfulness import share_table
from emotion_utils.engine.interventions import Condition
from emotion_utils.heads.pairs import Head, Pairs
from emotion_utils.stability.membership import draws_of_units

MEAN, RESAMPLE = "mean ablation", "resample ablation"
SEEDS = 3
"""Draws of other prompts."""


def resample_differences(
    pairs: Pairs, sets: Sequence[Sequence[Head]], donors: Pairs, *, keep: bool = True, seed: int = 0
) -> Float[np.ndarray, "pair set"]:
    """Difference of log-odds between partners (nats) where heads give what they give on another prompt.

    Parameters
    ----------
    pairs
    sets
        Heads that are kept while all others are replaced, or that are replaced while all others are kept.
    donors
        Pairs whose prompts, emotional and neutral ones, are drawn from.
    keep
    seed
        Of the draw: one prompt for each pair.
    """
    drawn = np.random.default_rng([seed, 7]).integers(len(donors.ids), size=len(pairs))
    found = np.empty((len(pairs), len(sets)))
    for part in chunks(pairs.model, pairs.emotional, copies=4):
        rows = range(*part.indices(len(pairs)))
        if not rows:
            continue
        given = head_outputs(pairs.model, [donors.ids[i] for i in drawn[part]])
        conditions: list[Condition] = []
        plan: list[tuple[int, int]] = []
        for i, row in enumerate(rows):
            for prompt in (row, len(pairs) + row):
                values = resampled(given, i, len(pairs.ids[prompt]))
                for number, heads in enumerate(sets):
                    own = {*heads}
                    gone = [head for head in pairs.heads if (head in own) != keep]
                    plan.append((prompt, len(conditions)))
                    conditions.append(by_position(pairs, gone, values, f"{prompt} set {number}"))
        odds = pairs.log_odds(conditions, np.array(plan)).reshape(len(rows), 2, len(sets))
        found[part] = odds[:, 0] - odds[:, 1]
    return found


def resample_effects(pairs: Pairs, donors: Pairs, seed: int = 0) -> Float[np.ndarray, "pair head"]:
    """What each head adds to the difference between partners, by what it gives on another prompt (nats)."""
    without = resample_differences(pairs, [[head] for head in pairs.heads], donors, keep=False, seed=seed)
    return np.subtract(*pairs.untouched)[:, None] - without


def scored_by_kind(
    held: Pairs, kept: Mapping[str, Float[np.ndarray, "pair kind"]], kinds: Sequence[str], **options: int
) -> pd.DataFrame:
    """What circuits keep under each kind of ablation, on pairs that nothing was chosen on.

    Parameters
    ----------
    held
    kept
        By what the circuit was chosen by: difference that it keeps (nats) under each kind.
    kinds
        Names of the columns.
    options
        ``n_resamples`` and ``seed``.

    Returns
    -------
    One row per circuit and kind: ``circuit, kind, share, low, high, n, n_groups``.
    """
    parts = []
    for circuit, found in kept.items():
        table = share_table(held, found, **options)
        table.insert(0, "kind", list(kinds))
        table.insert(0, "circuit", circuit)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def standard_errors(
    pairs: Pairs, effects: Mapping[str, Float[np.ndarray, "pair head"]], n: int = 200, seed: int = 0
) -> pd.DataFrame:
    """How sure the effect of a head is by each kind: the error that resampled units leave.

    Parameters
    ----------
    pairs
    effects
        By kind, on the same pairs (nats).
    n, seed
        Of the bootstrap over units.

    Returns
    -------
    One row per kind: ``kind, effect`` (median size over heads, nats), ``error`` (median standard error over heads,
    nats).
    """
    drawn = draws_of_units(pairs, n, seed)
    drawn /= drawn.sum(axis=1, keepdims=True)
    rows = [
        (kind, float(np.median(np.abs(own.mean(axis=0)))), float(np.median((drawn @ own).std(axis=0))))
        for kind, own in effects.items()
    ]
    return pd.DataFrame(rows, columns=["kind", "effect", "error"])


def error_of_draws(effects: Sequence[Float[np.ndarray, "pair head"]]) -> float:
    """How far the effect of a head differs between draws of other prompts: median over heads, nats."""
    means = np.stack([own.mean(axis=0) for own in effects])
    return float(np.median(means.std(axis=0, ddof=1)))

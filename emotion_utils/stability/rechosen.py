"""The circuit of a model chosen anew: on resampled pairs, on both halves of other splits, by another ablation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.circuits.faithfulness import differences, share_table, sizes_to_try
from emotion_utils.circuits.methods import EXACT, Screened
from emotion_utils.heads.budget import Plan
from emotion_utils.heads.pairs import Head, Pairs, few
from emotion_utils.stability import kinds, membership
from emotion_utils.stability.membership import (
    Overlap,
    Paired,
    as_members,
    chosen,
    jaccard,
    overlap,
    paired_overlap,
)

DRAWS = 30
"""Resamples of the units where each choice runs the model, at most."""
FREE = 200
"""The same where the size is that of the circuit, and effects that are known choose."""
SPLITS = 3
ABOVE = "the circuit above"
"""What the page's own circuit is called among those that are chosen anew."""


@dataclass(frozen=True, eq=False)
class Rechosen:
    """Circuits that were chosen anew, by the heads' own effects.

    Attributes
    ----------
    draws
        Resamples of the units of the build split.
    sizes
        Least and most heads of their circuits.
    frequencies
        Of the heads among them, from :func:`membership.frequencies`; ``member``: of the page's circuit.
    resampled
        Overlap of these circuits with each other; they share units.
    above
        With the page's own circuit, which another search may have found.
    halves
        One row per half of a split: ``split, half, heads`` (of its circuit), ``shared`` (Jaccard overlap with the
        circuit of the other half, which shares no unit with it), ``kept`` (share of the difference in the other half)
        with ``low, high``.
    by_chance, p_halves
        Mean overlap of random circuits as large as those of the halves, and share of the draws of as many splits, the
        observed one among them, whose mean overlap is at least as large: from :func:`membership.paired_overlap`.
    by_kind
        From :func:`kinds.scored_by_kind`, on pairs that nothing was chosen on.
    between_kinds, between_seeds
        Overlap of the circuit by mean ablation with those by resample ablation, and of these with each other, which
        differ by the prompts that are drawn; None where resampling all heads is not paid for.
    errors
        From :func:`kinds.standard_errors`; empty then.
    of_draws
        From :func:`kinds.error_of_draws` (nats); NaN then.
    """

    draws: int
    sizes: tuple[int, int]
    frequencies: pd.DataFrame = field(repr=False)
    resampled: Overlap
    above: Overlap
    halves: pd.DataFrame = field(repr=False)
    by_chance: float
    p_halves: float
    by_kind: pd.DataFrame = field(repr=False)
    between_kinds: Overlap | None
    between_seeds: Overlap | None
    errors: pd.DataFrame = field(repr=False)
    of_draws: float

    @property
    def shared(self) -> float:
        """Mean overlap of the circuits of two halves, which have no unit in common."""
        return float(self.halves["shared"].mean())


def rechosen(
    found: Screened,
    plan: Plan,
    circuit: Sequence[Head],
    kept: Float[np.ndarray, " pair"],
    seed: int = 0,
) -> Rechosen:
    """Choose circuits anew: on resampled units of the build split, on halves of all units, by resample ablation.

    Where the plan does not pay for all heads, estimates choose, circuits are as large as the page's own, and no circuit
    is chosen by resample ablation.

    Parameters
    ----------
    found
        From `methods.screen`.
    plan
    circuit
        The page's own, chosen on the build split.
    kept
        Difference between partners that it keeps on the other pairs (nats), from `faithfulness.differences`.
    seed
        Of resamples, splits and the draw of other prompts.
    """
    build, heads = found.build, found.pairs.heads
    sizes = sizes_to_try(len(heads))[1:] if plan.whole else [len(circuit)]
    n = min(DRAWS if plan.whole else FREE, plan.size.resamples // 10)
    some, drawn = _thinned(build), membership.draws_of_units(build, n, seed)
    members = _chosen(build, some, found.to_choose_by(), drawn, sizes, found)
    own = as_members(circuit, heads)
    halves, beside = _halves(found, plan, sizes, seed)
    alone = chosen_by_all(found, sizes, some)
    by_kind, between, seeds, errors, of_draws = _kinds(found, plan, circuit, kept, alone, sizes, some, seed)
    return Rechosen(
        n, (int(members.sum(axis=1).min()), int(members.sum(axis=1).max())),
        membership.frequencies(members, heads, circuit), overlap(members, seed=seed),
        overlap(members, own[None], seed=seed), halves, beside.chance, beside.p, by_kind, between, seeds, errors,
        of_draws,
    )  # fmt: skip


def chosen_by_all(found: Screened, sizes: Sequence[int], some: Pairs) -> np.ndarray:
    """The circuit by the heads' own effects on the whole build split, as members."""
    build = found.build
    return _chosen(build, some, found.to_choose_by(), np.ones((1, len(build))), sizes, found)[0]


def _thinned(pairs: Pairs) -> Pairs:
    """One pair of each unit and emotion, or nearly: units, not pairs, make the choice differ."""
    return few(pairs, int(pairs.table["unit"].nunique()), int(pairs.table["unit"].nunique()))


def _chosen(
    pairs: Pairs, some: Pairs, effects: np.ndarray, weights: np.ndarray, sizes: Sequence[int], found: Screened
) -> np.ndarray:
    kept = partial(_kept, some, found)
    on_some = membership.weights_on(some, pairs, weights)
    return chosen(effects, weights, pairs.heads, sizes, kept, np.subtract(*some.untouched), on_some)


def _kept(pairs: Pairs, found: Screened, sets: Sequence[Sequence[Head]]) -> np.ndarray:
    return differences(pairs, sets, found.means)


def _halves(found: Screened, plan: Plan, sizes: Sequence[int], seed: int) -> tuple[pd.DataFrame, Paired]:
    """Circuits of both halves of the units, each scored on the other half where that is paid for."""
    pairs, method = found.pairs, EXACT if plan.whole else "attribution"
    weights = membership.halves_of_units(pairs, SPLITS, seed)
    some = _thinned(pairs)
    members = _chosen(pairs, some, found.effects[method], weights, sizes, found)
    on_some, rows = membership.weights_on(some, pairs, weights), []
    sets = [[pairs.heads[i] for i in np.flatnonzero(own)] for own in members]
    kept = _kept(some, found, sets) if plan.whole else None
    for at, own in enumerate(members):
        score: tuple[float, ...] = (np.nan, np.nan, np.nan)
        if kept is not None:
            rest = on_some[at] == 0
            table = share_table(some.where(rest), kept[rest][:, at : at + 1], n_resamples=plan.size.resamples)
            score = tuple(float(table[name].iloc[0]) for name in ("share", "low", "high"))
        rows.append((at // 2 + 1, "first" if at % 2 == 0 else "second", int(own.sum()),
                     jaccard(own, members[at ^ 1]), *score))  # fmt: skip
    columns = ["split", "half", "heads", "shared", "kept", "low", "high"]
    return pd.DataFrame(rows, columns=columns), paired_overlap(members[::2], members[1::2], seed=seed)


def _kinds(
    found: Screened, plan: Plan, circuit: Sequence[Head], kept: np.ndarray, alone: np.ndarray, sizes: Sequence[int],
    some: Pairs, seed: int,
) -> tuple[pd.DataFrame, Overlap | None, Overlap | None, pd.DataFrame, float]:  # fmt: skip
    """Circuits by both kinds of ablation, scored by both."""
    heads, build, held = found.pairs.heads, found.build, found.held
    circuits: dict[str, Sequence[Head]] = {ABOVE: circuit}
    between, seeds, errors, of_draws = None, None, pd.DataFrame(), float("nan")
    if plan.whole:
        whole, one = np.subtract(*some.untouched), np.ones((1, len(some)))
        effects = [kinds.resample_effects(some, build, seed + i) for i in range(kinds.SEEDS)]
        by_seed = np.concatenate(
            [
                chosen(own, one, heads, sizes, partial(_resampled, some, build, seed + i), whole, one)
                for i, own in enumerate(effects)
            ]
        )
        between, seeds = overlap(by_seed, alone[None], seed=seed), overlap(by_seed, seed=seed)
        by_mean = found.on_build(EXACT)[build.table["pair"].isin(some.table["pair"]).to_numpy()]
        errors = kinds.standard_errors(some, {kinds.MEAN: by_mean, kinds.RESAMPLE: effects[0]}, seed=seed)
        of_draws = kinds.error_of_draws(effects)
        circuits |= {
            f"chosen by {name}": [heads[i] for i in np.flatnonzero(own)]
            for name, own in ((kinds.MEAN, alone), (kinds.RESAMPLE, by_seed[0]))
        }
    sets = list(circuits.values())
    others = [_kept(held, found, sets[1:])] if len(sets) > 1 else []
    both = [np.concatenate([kept[:, None], *others], axis=1), _resampled(held, build, seed, sets)]
    scores = {name: np.stack([own[:, i] for own in both], axis=1) for i, name in enumerate(circuits)}
    options = {"n_resamples": plan.size.resamples, "seed": seed}
    table = kinds.scored_by_kind(held, scores, (kinds.MEAN, kinds.RESAMPLE), **options)
    return table, between, seeds, errors, of_draws


def _resampled(pairs: Pairs, donors: Pairs, seed: int, sets: Sequence[Sequence[Head]]) -> np.ndarray:
    return kinds.resample_differences(pairs, sets, donors, seed=seed)

"""Sets of heads that carry an emotion together: what is left when all other heads are set to their mean.

*Faithfulness* of a set is the share of the emotional difference that it keeps alone; *completeness* is how little is
left without it; a set is *minimal* as far as each of its heads is missed {cite:p}`wang2023ioi`. The end of both prompts
of a pair is the same, so that with no head at all nearly no difference is left (only learned positions tell partners of
different length apart): the share needs no baseline to be taken off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.activations.forward import forward_batches
from emotion_utils.circuits.ablation import ablated, pair_effects, without
from emotion_utils.circuits.attribution import attribution_patching
from emotion_utils.circuits.masks import learned_mask, mask_slopes
from emotion_utils.circuits.methods import Screened
from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import Condition
from emotion_utils.heads.budget import Plan
from emotion_utils.heads.pairs import Head, Pairs, name_of
from emotion_utils.models.families import written_by_heads
from emotion_utils.models.hooks import HookPoint
from emotion_utils.statistics.resampling import effective_units, interval, unit_weights

RANKINGS = ("attribution", "ablation", "greedy", "mask")
GOAL = 0.8
"""Share of the difference that a circuit has to keep."""
MARGIN = 0.1
"""By which it has to keep more on the prompts that it is chosen on."""
CANDIDATES = 3
DRAWS = 5000
"""Of random sets to choose from."""

Means = Float[Tensor, "layer n_head d_head"]


def differences(
    pairs: Pairs, sets: Sequence[Sequence[Head]], means: Means, keep: bool = True
) -> Float[np.ndarray, "pair set"]:
    """Difference of log-odds between partners (nats) with each set of heads alone, or without it.

    Parameters
    ----------
    pairs
    sets
    means
        What the other heads give: from :func:`ablation.means_of` the build split.
    keep
        Whether the set is kept and the others are set to their mean, or the other way round.
    """
    conditions = [_condition(pairs, heads, means, keep, number) for number, heads in enumerate(sets)]
    odds = pairs.log_odds(conditions)
    return odds[0] - odds[1]


def _condition(pairs: Pairs, heads: Sequence[Head], means: Means, keep: bool, number: int) -> Condition:
    own = set(heads)
    gone = [head for head in pairs.heads if (head in own) != keep]
    return without(pairs, gone, means, f"set {number}") if gone else Condition(f"set {number}")


def ranking(
    pairs: Pairs,
    means: Means,
    method: str = "attribution",
    *,
    steps: int = 80,
    seed: int = 0,
    points: int | None = None,
) -> list[Head]:
    """All heads, those that should be kept first before the others.

    Parameters
    ----------
    pairs
        Of the build split.
    means
        From :func:`ablation.means_of`.
    method
        ``attribution`` and ``ablation`` order heads by their own effect, the most helpful first; ``greedy`` adds to a
        set, one by one, the head that helps most; ``mask`` learns how much of each head to keep.
    steps, seed
        Of the learning.
    points
        Sizes that are tried, as of :func:`sizes_to_try`: ``greedy`` then adds all heads up to the next size at once.
    """
    if method == "greedy":
        return greedy(pairs, means) if points is None else grown(pairs, means, points)
    if method == "mask":
        return ordered(pairs, learned_mask(pairs, means, steps=steps, seed=seed)[None])
    if method not in RANKINGS:
        raise UserError(f'Heads are not ordered by "{method}": choose one of {", ".join(RANKINGS)}.')
    effects = (
        attribution_patching(pairs, means) if method == "attribution" else ablated(pairs, "mean", means=means)
    )
    return ordered(pairs, pair_effects(effects))


def orders(found: Screened, plan: Plan, seed: int = 0) -> dict[str, list[Head]]:
    """All heads in several orders, made on the build split: those of :data:`RANKINGS`, and a random one.

    Where the plan does not pay for all heads, there is no order by ``ablation``, and where it pays for no step of
    learning none by ``mask``.
    """
    build, means, steps = found.build, found.means, plan.size.steps
    made = {"ablation" if plan.whole else "attribution": ordered(build, found.to_choose_by())}
    asked = [name for name in RANKINGS if name not in made and (name != "mask" or steps)]
    if not plan.whole:
        asked.remove("ablation")
    for name in asked:
        made[name] = ranking(build, means, name, steps=steps, seed=seed, points=plan.points)
    drawn = np.random.default_rng(seed).permutation(len(build.heads))
    last = {name: made.pop(name) for name in ("ablation",) if name in made}
    return made | last | {"one random order": [build.heads[i] for i in drawn]}


def ordered(pairs: Pairs, effects: Float[np.ndarray, "row head"]) -> list[Head]:
    """All heads by the mean of a measurement, the largest first."""
    return [pairs.heads[i] for i in np.argsort(-effects.mean(axis=0), kind="stable")]


def greedy(pairs: Pairs, means: Means) -> list[Head]:
    """Grow a set from nothing: the slope of the difference names candidates, an exact run chooses among them.

    Once the set keeps the whole difference the rest follows in the order of its slopes.
    """
    whole = float(np.subtract(*pairs.untouched).mean())
    chosen: list[Head] = []
    mask, left = np.zeros(len(pairs.heads)), list(range(len(pairs.heads)))
    while left:
        slope = mask_slopes(pairs, means, mask)[1]
        left.sort(key=lambda i: -slope[i])
        some = left[:CANDIDATES]
        gained = differences(pairs, [[*chosen, pairs.heads[i]] for i in some], means).mean(axis=0)
        best = some[int(np.argmax(gained))]
        left.remove(best)
        chosen.append(pairs.heads[best])
        mask[best] = 1.0
        if gained.max() >= whole:
            return chosen + [pairs.heads[i] for i in left]
    return chosen


def grown(pairs: Pairs, means: Means, points: int) -> list[Head]:
    """Grow a set in a few steps: the heads with the steepest slopes at the present set join it, up to the next size.

    What is beyond the largest size that is tried follows in the order of the last slopes.
    """
    chosen: list[int] = []
    mask, left = np.zeros(len(pairs.heads)), list(range(len(pairs.heads)))
    for size in sizes_to_try(len(mask), points)[1:]:
        slope = mask_slopes(pairs, means, mask)[1]
        left.sort(key=lambda i: -slope[i])
        joined = size - len(chosen)
        chosen, left = [*chosen, *left[:joined]], left[joined:]
        mask[chosen] = 1.0
    return [pairs.heads[i] for i in [*chosen, *left]]


def share_table(
    pairs: Pairs, found: Float[np.ndarray, "pair set"], *, n_resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Share of the whole difference that each set gives, of all pairs together, with an interval over units.

    Returns
    -------
    One row per set: ``share, low, high, n`` (pairs), ``n_groups``.
    """
    whole, units = np.subtract(*pairs.untouched), pairs.table["unit"].to_numpy()
    weights = unit_weights(units, n_resamples, np.random.default_rng(seed))
    draws = (weights @ found) / (weights @ whole)[:, None]
    rows = []
    for own, drawn in zip(found.T, draws.T, strict=True):
        share = float(own.mean() / whole.mean())
        rows.append((share, *interval(drawn, effective_units(units), share), len(pairs), len(set(units))))
    return pd.DataFrame(rows, columns=["share", "low", "high", "n", "n_groups"])


def curve(
    pairs: Pairs,
    order: Sequence[Head],
    means: Means,
    sizes: Sequence[int] | None = None,
    *,
    keep: bool = True,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """What the first heads of an order keep alone (faithfulness), or what is left without them (completeness).

    Returns
    -------
    One row per size: ``size, share, low, high, n, n_groups``.
    """
    wanted = list(range(len(order) + 1)) if sizes is None else list(sizes)
    found = differences(pairs, [order[:size] for size in wanted], means, keep)
    table = share_table(pairs, found, n_resamples=n_resamples, seed=seed)
    table.insert(0, "size", wanted)
    return table


def curves(
    pairs: Pairs,
    orders: Mapping[str, Sequence[Head]],
    means: Means,
    sizes: Sequence[int],
    *,
    keep: bool = True,
    **options: int,
) -> pd.DataFrame:
    """:func:`curve` of several orders; a set that several of them begin with is run once."""
    sets = {frozenset(order[:size]): order[:size] for order in orders.values() for size in sizes}
    found = differences(pairs, list(sets.values()), means, keep)
    table = share_table(pairs, found, **options).assign(own=list(sets))
    table = table.set_index("own")
    parts = [
        table.loc[[frozenset(order[:size]) for size in sizes]].assign(size=list(sizes), order=name)
        for name, order in orders.items()
    ]
    first = ["size", "share", "low", "high", "n", "n_groups", "order"]
    return pd.concat(parts, ignore_index=True)[first]


def sizes_to_try(heads: int, points: int | None = None) -> list[int]:
    """Numbers of heads to try, from none to half: every second one, or so many in equal steps of their logarithm."""
    if points is None:
        return list(range(0, heads // 2 + 1, 2))
    return [0, *sorted(set(np.geomspace(2, heads // 2, points).round().astype(int).tolist()))]


def choose_size(built: pd.DataFrame) -> int:
    """The smallest number of heads that keeps enough on the build split; the largest one tried where none does."""
    enough = built[built["share"] >= GOAL + MARGIN]
    return int(enough["size"].min()) if len(enough) else int(built["size"].max())


def minimality(
    pairs: Pairs, heads: Sequence[Head], means: Means, first: int | None = None, **options: int
) -> pd.DataFrame:
    """What a set loses with each of its heads, or with each of the first ones.

    Returns
    -------
    One row per head: ``layer, head, name, share`` (of the whole difference that is lost without it), ``low, high``.
    """
    asked = list(heads[:first])
    found = differences(pairs, [heads, *([h for h in heads if h != gone] for gone in asked)], means)
    table = share_table(pairs, found[:, :1] - found[:, 1:], **options)
    table.insert(0, "name", [name_of(head) for head in asked])
    return pd.DataFrame(asked, columns=["layer", "head"]).join(table)


def output_norms(pairs: Pairs, means: Means) -> Float[np.ndarray, " head"]:
    """Root mean square of what each head writes beyond its mean at the last position of the prompts."""
    model = pairs.model
    where = [HookPoint(layer, "z") for layer in range(len(means))]
    weights = [written_by_heads(model.network, layer) for layer in range(len(means))]
    total = torch.zeros(means.shape[:2], dtype=torch.float64)
    passes = forward_batches(model, pairs.ids, where, side="left", take=lambda z: z[:, -1].float().cpu())
    for _, _, caught in passes:
        for point, last in caught.items():
            wrote = torch.einsum("bhd,hdm->bhm", last - means[point.layer], weights[point.layer])
            total[point.layer] += wrote.double().square().sum(dim=(0, 2))
    return np.asarray((total / len(pairs.ids)).sqrt().flatten().numpy())


def random_sets(
    pairs: Pairs,
    heads: Sequence[Head],
    n: int,
    norms: Float[np.ndarray, " head"] | None = None,
    *,
    seed: int = 0,
) -> list[list[Head]]:
    """Random sets of as many heads; with norms those among many draws that write about as much together.

    Parameters
    ----------
    pairs
    heads
        The set that they are compared with; it is not drawn itself.
    n
        How many.
    norms
        From :func:`output_norms`: sets are taken whose root of summed squares is nearest to that of ``heads``.
    seed
    """
    rng, place = np.random.default_rng(seed), {head: i for i, head in enumerate(pairs.heads)}
    own = np.sort(np.array([place[head] for head in heads], dtype=np.int64))
    if not len(own):
        return []
    drawn = np.sort(np.argsort(rng.random((DRAWS, len(place))), axis=1)[:, : len(own)], axis=1)
    drawn = np.unique(drawn[(drawn != own).any(axis=1)], axis=0)
    order = rng.permutation(len(drawn))
    if norms is not None:
        far = np.abs((norms[drawn] ** 2).sum(axis=1) - (norms[own] ** 2).sum())
        order = np.argsort(far, kind="stable")
    return [[pairs.heads[i] for i in row] for row in drawn[order[:n]]]

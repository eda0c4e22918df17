"""All heads of a model, screened by every method on the same pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotion_utils.circuits.ablation import ablated, means_of, pair_effects
from emotion_utils.circuits.attribution import attributions
from emotion_utils.circuits.screening import effect_table
from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.core.hashing import digest
from emotion_utils.core.sources import code_of
from emotion_utils.core.store import Store
from emotion_utils.heads.budget import Plan
from emotion_utils.heads.pairs import Pairs, measured

EXACT = "mean ablation"

METHODS = (EXACT, "zero ablation", "resample ablation", "attribution", "direct")
CHEAP = ("attribution", "direct")
"""From gradients, for all heads at once."""


@dataclass(frozen=True, eq=False)
class Screened:
    """Effects of all heads on the difference between the prompts of each pair.

    Attributes
    ----------
    pairs
    means
        What each head gives on average over the build split, which stands in for a head that is taken out.
    effects
        By method, of :data:`METHODS`: shape (pair, head), in nats. NaN where a method was not run: those that choose
        nothing on the build split, exact ones for heads that the budget does not pay for. Where it does not pay for
        all heads, estimates choose, and exact runs are on the other pairs alone.
    sample
        Numbers of the heads that were drawn at random for the exact run; all others that were run were chosen.
    """

    pairs: Pairs
    means: Float[Tensor, "layer n_head d_head"] = field(repr=False)
    effects: Mapping[str, Float[np.ndarray, "pair head"]] = field(repr=False)
    sample: tuple[int, ...] = ()

    @property
    def built(self) -> Bool[np.ndarray, " pair"]:
        """Which pairs are of the build split, on which everything is chosen."""
        return np.asarray(self.pairs.table["split"] == "build")

    @property
    def build(self) -> Pairs:
        """The pairs of the build split."""
        return self.pairs.where(self.built)

    @property
    def held(self) -> Pairs:
        """The other pairs, on which everything is scored."""
        return self.pairs.where(~self.built)

    @property
    def exactly(self) -> Bool[np.ndarray, " head"]:
        """Which heads were run exactly."""
        return measured(self.effects[EXACT])

    @property
    def run(self) -> Bool[np.ndarray, " pair"]:
        """On which pairs heads were run exactly: on all, or on those that nothing is chosen on."""
        return measured(self.effects[EXACT].T)

    @property
    def weights(self) -> Float[np.ndarray, " head"]:
        """How many heads each stands for: itself, one of the sample for those it was drawn from, others for none."""
        drawn = np.isin(np.arange(len(self.pairs.heads)), self.sample)
        first = self.exactly & ~drawn
        return np.where(drawn, (~first).sum() / max(1, drawn.sum()), first)

    def on_held(self, method: str) -> Float[np.ndarray, "pair head"]:
        """Effects on the pairs that nothing was chosen on."""
        return self.effects[method][~self.built]

    def on_build(self, method: str) -> Float[np.ndarray, "pair head"]:
        """Effects on the pairs that everything is chosen on."""
        return self.effects[method][self.built]

    def to_choose_by(self) -> Float[np.ndarray, "pair head"]:
        """On the build split: exact effects, or estimates by attribution where not all heads were run exactly."""
        exact = self.on_build(EXACT)
        return self.on_build("attribution") if np.isnan(exact).any() else exact


def screen(
    pairs: Pairs,
    methods: Sequence[str] = METHODS,
    seed: int = 0,
    *,
    plan: Plan | None = None,
    store: Store | None = None,
) -> Screened:
    """Screen all heads by each method; where a plan does not pay for all of them, exactly the first and a sample.

    Parameters
    ----------
    pairs
        Of all splits; means are taken over the build split alone.
    methods
        Of :data:`METHODS`. Attribution is added where it has to choose.
    seed
        Of the draw of other prompts, and of the sample of heads.
    plan
        From `budget.planned`; by default all heads are run by every method.
    store
        Keeps the effects by each method.
    """
    build = pairs.of("build")
    means, everything = means_of(build), plan is None or plan.whole
    asked = list(methods) if everything or "attribution" in methods else ["attribution", *methods]
    gradients = list(CHEAP) if any(name in CHEAP for name in asked) else []
    effects = _kept(
        pairs, gradients, seed, store, partial(_attributions, pairs, means, gradients, everything)
    )
    chosen, sample = list(range(len(pairs.heads))), np.empty(0, dtype=np.int64)
    if plan is not None and not everything:
        first, sample = to_confirm(
            effects["attribution"][np.asarray(pairs.table["split"] == "build")], plan, seed
        )
        chosen = sorted([*first.tolist(), *sample.tolist()])
    for name in (name for name in asked if name not in CHEAP):
        own = chosen if name == EXACT or everything or plan is None else sample[: plan.checked].tolist()
        everywhere = everything and name == EXACT
        compute = partial(_exact, pairs, means, name, own, seed, everywhere)
        effects |= _kept(pairs, [name], seed, store, compute, own)
    return Screened(pairs, means, {name: effects[name] for name in asked}, tuple(sample.tolist()))


def to_confirm(
    estimated: Float[np.ndarray, "pair head"], plan: Plan, seed: int
) -> tuple[Int[np.ndarray, " first"], Int[np.ndarray, " sample"]]:
    """Heads for the exact run: the largest estimates by size, over all pairs of the build split, and some others."""
    order = np.argsort(-np.abs(estimated.mean(axis=0)), kind="stable")
    first, rest = order[: plan.first], np.sort(order[plan.first :])
    return first, np.random.default_rng([seed, 6]).permutation(rest)[: plan.sample]


def _attributions(
    pairs: Pairs, means: Tensor, names: Sequence[str], everything: bool
) -> dict[str, Float[np.ndarray, "pair head"]]:
    """Estimates; where they choose nothing on the scored pairs alone."""
    kept = np.asarray(pairs.table["split"] != "build") if everything else np.full(len(pairs), True)
    found = {name: np.full((len(pairs), len(pairs.heads)), np.nan) for name in names}
    if names:
        for name, values in attributions(pairs.where(kept), means, names).items():
            found[name][kept] = pair_effects(values)
    return found


def _exact(
    pairs: Pairs, means: Tensor, name: str, heads: Sequence[int], seed: int, everywhere: bool
) -> dict[str, Float[np.ndarray, "pair head"]]:
    """Effects of some heads by one exact method, on all pairs or on those that nothing is chosen on."""
    kept = np.asarray(pairs.table["split"] != "build") | everywhere
    some, own = pairs.where(kept), [pairs.heads[i] for i in heads]
    found = np.full((len(pairs), len(pairs.heads)), np.nan)
    kind = name.removesuffix(" ablation")
    values = ablated(some, kind, means=means, heads=own, donors=pairs.of("build"), seed=seed)
    found[np.ix_(np.flatnonzero(kept), np.array(heads, dtype=np.int64))] = pair_effects(values)
    return {name: found}


def _kept(
    pairs: Pairs,
    names: Sequence[str],
    seed: int,
    store: Store | None,
    compute: Callable[[], dict[str, Float[np.ndarray, "pair head"]]],
    heads: Sequence[int] = (),
) -> dict[str, Float[np.ndarray, "pair head"]]:
    """Effects by some methods, from the store where they are kept."""
    if store is None or not names:
        return compute()
    content = [[list(map(int, row)) for row in pairs.ids], pairs.table.astype(str).to_numpy().tolist()]
    content += [[{k: list(map(int, v)) for k, v in opening.items()} for opening in pairs.openings]]
    key = {**pairs.model.identity, "code": code_of(__name__), "pairs": digest(content), "seed": seed}
    key |= {"methods": list(names), "heads": list(heads)}
    found = store.compute(
        "effects_of_heads", key, lambda: {name: torch.from_numpy(v) for name, v in compute().items()}
    )
    return {name: found[name].numpy() for name in names}


def screen_heads(
    pairs: Pairs,
    method: str = EXACT,
    *,
    n_permutations: int = 1000,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Screen all heads of a model: what each adds to the difference that an emotion makes.

    Parameters
    ----------
    pairs
        From `emotion_utils.head_pairs`, of all splits: what stands in for a head is measured on the build split, and
        heads are scored on the other pairs.
    method
        One of :data:`METHODS`; all but the attributions run the model once per head and prompt.
    n_permutations, n_resamples, seed
        Of the flips behind p, and of the bootstrap over units.

    Returns
    -------
    One row per emotion and head: ``emotion, layer, head, name, effect`` (log-odds of the whole model minus those
    without the head, of the emotional prompt minus its neutral partner, nats), ``low, high`` (95 % over units),
    ``share`` (of the whole difference), ``p`` (against the largest of all heads and emotions when the two prompts of a
    pair are exchanged {cite:p}`westfall1993`), ``n, n_groups``.

    Raises
    ------
    UserError
        For an unknown method, and pairs without a build split.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> pairs = eu.head_pairs(eu.load("small-gpt2"), n=4)
    >>> table = eu.screen_heads(pairs, "attribution", n_permutations=19, n_resamples=19)
    >>> len(table), set(table["emotion"]) == set(pairs.emotions)
    (96, True)
    """
    if method not in METHODS:
        raise UserError(f'There is no method "{method}": {suggestion(str(method), METHODS)}')
    found = screen(pairs, (method,), seed)
    options = {"n_permutations": n_permutations, "n_resamples": n_resamples, "seed": seed}
    return effect_table(found.held, found.on_held(method), **options)

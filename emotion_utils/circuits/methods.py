"""All heads of a model, screened by every method on the same pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from torch import Tensor

from emotion_utils.circuits.ablation import ablated, means_of, pair_effects
from emotion_utils.circuits.attribution import attribution_patching, direct_logit_attribution
from emotion_utils.circuits.screening import effect_table
from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.heads.pairs import Pairs

EXACT = "mean ablation"

METHODS = (EXACT, "zero ablation", "resample ablation", "attribution", "direct")


@dataclass(frozen=True, eq=False)
class Screened:
    """Effects of all heads on the difference between the prompts of each pair.

    Attributes
    ----------
    pairs
    means
        What each head gives on average over the build split, which stands in for a head that is taken out.
    effects
        By method, of :data:`METHODS`: shape (pair, head), in nats. Methods that choose nothing are run on the pairs
        that are scored alone, and are NaN elsewhere.
    """

    pairs: Pairs
    means: Float[Tensor, "layer n_head d_head"] = field(repr=False)
    effects: Mapping[str, Float[np.ndarray, "pair head"]] = field(repr=False)

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

    def on_held(self, method: str) -> Float[np.ndarray, "pair head"]:
        """Effects on the pairs that nothing was chosen on."""
        return self.effects[method][~self.built]


def screen(pairs: Pairs, methods: Sequence[str] = METHODS, seed: int = 0) -> Screened:
    """Screen all heads by each method.

    Parameters
    ----------
    pairs
        Of all splits; means are taken over the build split alone.
    methods
        Of :data:`METHODS`.
    seed
        Of the draw of other prompts.
    """
    build = pairs.of("build")
    means, scored = means_of(build), np.asarray(pairs.table["split"] != "build")
    ways: dict[str, Callable[[Pairs], Float[np.ndarray, "side pair head"]]] = {
        EXACT: lambda some: ablated(some, "mean", means=means),
        "zero ablation": lambda some: ablated(some, "zero"),
        "resample ablation": lambda some: ablated(some, "resample", donors=build, seed=seed),
        "attribution": lambda some: attribution_patching(some, means),
        "direct": lambda some: direct_logit_attribution(some, means),
    }
    effects = {}
    for name in methods:
        effects[name] = np.full((len(pairs), len(pairs.heads)), np.nan)
        kept = np.full(len(pairs), True) if name == EXACT else scored
        effects[name][kept] = pair_effects(ways[name](pairs.where(kept)))
    return Screened(pairs, means, effects)


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

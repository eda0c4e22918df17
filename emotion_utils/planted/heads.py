"""A planted head: models in which exactly one head carries the emotion, and what screening and patching make of them.

The prompts are fillers with one emotion word at a random place; the neutral partner has a filler in the place of that
word. All other heads and the MLPs write noise in all directions, and decoys look at emotion words harder than the
planted head does, but write what the answer does not depend on. Without a planted head, and with both words of a pair
drawn from one pool, the two prompts of a pair are exchangeable: nothing may be found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from emotion_utils.activations.forward import head_outputs
from emotion_utils.circuits.ablation import ABLATIONS, ablated, means_of, pair_effects
from emotion_utils.circuits.attribution import attribution_patching, direct_logit_attribution
from emotion_utils.circuits.patching import DIRECTIONS, MODES, patch
from emotion_utils.core.errors import UserError
from emotion_utils.heads.pairs import Pairs
from emotion_utils.models.model import Model
from emotion_utils.planted.generators import EMOTIONS
from emotion_utils.planted.handmade import HEADS, LAYERS, Handmade, handmade
from emotion_utils.statistics.flips import max_t
from emotion_utils.statistics.permutations import LEVEL, binomial_bounds
from emotion_utils.statistics.resampling import FEWEST_UNITS

ATTENTION = "delta attention"
BOTH = "patching z, both directions"
ALONE = "patching z, denoising"


def _ablation(kind: str, pairs: Pairs, seed: int) -> Float[np.ndarray, "pair head"]:
    return pair_effects(ablated(pairs, kind, seed=seed))


def _patching(mode: str, direction: str, pairs: Pairs, seed: int) -> Float[np.ndarray, "pair head"]:
    return patch(pairs, mode=mode, direction=direction).moved


METHODS: dict[str, Callable[[Pairs, int], Float[np.ndarray, "pair head"]]] = {
    **{f"{kind} ablation": partial(_ablation, kind) for kind in ABLATIONS},
    "attribution": lambda pairs, seed: pair_effects(attribution_patching(pairs, means_of(pairs))),
    "direct logit attribution": lambda pairs, seed: pair_effects(
        direct_logit_attribution(pairs, means_of(pairs))
    ),
    **{f"patching {mode}, {way}": partial(_patching, mode, way) for mode in MODES for way in DIRECTIONS},
    ATTENTION: lambda pairs, seed: delta_attention(pairs),
}
"""What each head does to each pair; delta attention is the only one that asks nothing about the answer."""

CAUSAL = tuple(name for name in METHODS if name != ATTENTION)
TESTED = ("mean ablation", "attribution", BOTH, ALONE, ATTENTION)
"""Methods whose effects are tested where there is nothing to find. Patching in one direction is not exactly
exchangeable: only the mean of both directions changes its sign when the prompts of a pair change places."""


@dataclass(frozen=True)
class Laboratory:
    """How models and prompts are made.

    Attributes
    ----------
    units
        Sets of prompts with the same fillers and the same place of the word: one pair per emotion each.
    shortest, longest, ending
        Tokens of a prompt, and of the ending that all prompts of a model share.
    noise
        Size of what all heads but the planted one and the decoys, and the MLPs, write into all directions; the planted
        head writes with size 1.
    decoys
        Heads that attend to emotion words and write what nothing reads.
    sharpness
        Of the planted head's attention, as of `handmade.handmade`; decoys are sharper.
    """

    units: int = 12
    shortest: int = 8
    longest: int = 14
    ending: int = 4
    noise: float = 0.1
    decoys: int = 2
    sharpness: float = 3.0

    def __post_init__(self) -> None:
        fitting = 1 <= self.ending <= self.shortest - 2 and self.shortest <= self.longest
        if self.units < FEWEST_UNITS or not fitting:
            raise UserError(
                f"Prompts need {FEWEST_UNITS} units, an ending, and two tokens before it: {self} has fewer."
            )


def made(laboratory: Laboratory, seed: int, *, planted: bool = True) -> Handmade:
    """One model, with its head at a random place."""
    layer, head = np.random.default_rng([seed, 1]).integers((LAYERS, HEADS)).tolist()
    return handmade(
        layer,
        head,
        seed,
        laboratory.noise,
        everywhere=True,
        sharpness=laboratory.sharpness,
        decoys=laboratory.decoys if planted else 0,
        planted=planted,
    )


def pairs_of(model: Handmade, laboratory: Laboratory, seed: int) -> Pairs:
    """Emotional prompts, each with a partner that has a filler in the place of the emotion word."""
    words = {emotion: [model.words[emotion]] for emotion in EMOTIONS}
    return _pairs(model, laboratory, seed, words, model.fillers)


def null_pairs(model: Handmade, laboratory: Laboratory, seed: int) -> Pairs:
    """Pairs whose "emotional" and "neutral" word come from one pool, drawn afresh for each unit."""
    pool = [*model.words.values(), *model.fillers]
    return _pairs(model, laboratory, seed, None, pool)


def _pairs(
    model: Handmade,
    laboratory: Laboratory,
    seed: int,
    words: Mapping[str, Sequence[int]] | None,
    pool: Sequence[int],
) -> Pairs:
    """Unit by unit, one pair per emotion; without words the two of a unit are drawn from the pool."""
    rng, at = np.random.default_rng([seed, 2]), laboratory
    ending = rng.choice(model.fillers, at.ending).tolist()
    rows = []
    emotional: list[list[int]] = []
    neutral: list[list[int]] = []
    for unit in range(at.units):
        length = int(rng.integers(at.shortest, at.longest + 1)) - at.ending
        told = rng.choice(model.fillers, length).tolist()
        place = int(rng.integers(1, length))  # never the first token
        one, other = rng.choice(pool, 2, replace=False).tolist()
        for emotion in EMOTIONS:
            own = one if words is None else words[emotion][0]
            for texts, word in ((emotional, own), (neutral, other)):
                texts.append([*told[:place], word, *told[place + 1 :], *ending])
            rows.append((f"{emotion}-{unit}", emotion, unit, "test", 0))
    table = pd.DataFrame(rows, columns=["pair", "emotion", "unit", "split", "version"])
    openings = {emotion: [model.reactions[emotion]] for emotion in EMOTIONS} | {"neutral": [model.neutral]}
    tokenizer = cast(Any, SimpleNamespace(pad_token_id=0, name_or_path="handmade", is_fast=True))
    return Pairs(Model(model.model, tokenizer), table, emotional, neutral, [openings] * len(table))


def delta_attention(pairs: Pairs) -> Float[np.ndarray, "pair head"]:
    """Attention of the last token to the word by which a pair differs, minus that to its partner's word (shares)."""
    found = []
    for side in (pairs.emotional, pairs.neutral):
        pattern = head_outputs(pairs.model, side, "pattern").values
        key = torch.from_numpy(pattern.shape[-1] - 1 - pairs.shared)
        last = pattern[:, :, :, -1]  # (pair, layer, head, key)
        at = key[:, None, None, None].expand(*last.shape[:3], 1)
        found.append(last.gather(3, at)[..., 0].flatten(1).double().numpy())
    return found[0] - found[1]


def effects(pairs: Pairs, method: str, seed: int = 0) -> Float[np.ndarray, "pair head"]:
    """What each head does to each pair (nats; of delta attention a share of attention).

    Parameters
    ----------
    pairs
    method
        A key of :data:`METHODS`.
    seed
        Of the draw of resample ablation.
    """
    if method not in METHODS:
        raise UserError(f'There is no method "{method}": choose one of {", ".join(METHODS)}.')
    return METHODS[method](pairs, seed)


def tested_effects(pairs: Pairs, seed: int) -> dict[str, Float[np.ndarray, "pair head"]]:
    """Effects by each of :data:`TESTED`."""
    into, out = (patch(pairs, direction=way) for way in DIRECTIONS)
    raw = [found.patched - found.target[:, None] for found in (into, out)]
    known = {BOTH: (raw[0] - raw[1]) / 2, ALONE: into.moved}
    return {method: known[method] if method in known else effects(pairs, method, seed) for method in TESTED}


def rankings(
    laboratory: Laboratory, seeds: Iterable[int], methods: Sequence[str] = tuple(METHODS)
) -> pd.DataFrame:
    """Where each method ranks the planted head, by the size of the mean effect over all pairs.

    Parameters
    ----------
    laboratory
    seeds
        One model and its prompts each.
    methods
        Keys of :data:`METHODS`.

    Returns
    -------
    Columns ``seed, method, layer, head, rank`` (1 is first), ``first`` (planted, decoy or other: what is ranked first)
    and ``lead`` (size of the planted head's effect over the largest of the others).
    """
    rows = []
    for seed in seeds:
        model = made(laboratory, seed)
        pairs, at = pairs_of(model, laboratory, seed), (model.layer, model.head)
        own = pairs.heads.index(at)
        for method in methods:
            size = np.abs(effects(pairs, method, seed).mean(axis=0))
            best = pairs.heads[int(size.argmax())]
            kind = "planted" if best == at else "decoy" if best in model.decoys else "other"
            lead = float(size[own] / np.delete(size, own).max())
            rows.append((seed, method, *at, int((size > size[own]).sum()) + 1, kind, lead))
    return pd.DataFrame(rows, columns=["seed", "method", "layer", "head", "rank", "first", "lead"])


def found(ranked: pd.DataFrame, **about: object) -> pd.DataFrame:
    """How often each method ranks the planted head first, with exact bounds.

    Returns
    -------
    The columns of ``about``, then ``score`` (the method), ``hits, n, rate, low, high``, ``decoy`` (share of seeds in
    which a decoy comes first) and ``lead`` (median).
    """
    rows = []
    for method, own in ranked.groupby("method", sort=False):
        hits, n = int((own["rank"] == 1).sum()), len(own)
        low, high = binomial_bounds(hits, n)
        row = {**about, "score": method, "hits": hits, "n": n, "rate": hits / n, "low": low, "high": high}
        rows.append(row | {"decoy": float((own["first"] == "decoy").mean()), "lead": own["lead"].median()})
    return pd.DataFrame(rows)


def null_trials(laboratory: Laboratory, seeds: Iterable[int], n_permutations: int = 199) -> pd.DataFrame:
    """The test of chapter 06 on models without a planted head and pairs that are exchangeable.

    Parameters
    ----------
    laboratory
    seeds
        One model, its prompts and the flips of the test each.
    n_permutations
        Flips.

    Returns
    -------
    Columns ``seed, units`` (whether whole units were flipped, or single pairs), and the smallest p over all heads by
    each of :data:`TESTED`, adjusted by the maximum.
    """
    rows = []
    for seed in seeds:
        pairs = null_pairs(made(laboratory, seed, planted=False), laboratory, seed)
        units = {"whole": pairs.table["unit"].to_numpy(), "torn": np.arange(len(pairs))}
        measured = tested_effects(pairs, seed)
        for kind, own in units.items():
            p = {method: float(max_t(v, own, n_permutations, seed).min()) for method, v in measured.items()}
            rows.append({"seed": seed, "units": kind, **p})
    return pd.DataFrame(rows, columns=["seed", "units", *TESTED])


def false_positives(found: pd.DataFrame) -> pd.DataFrame:
    """How often some head of :func:`null_trials` had p at most 5 %, with exact bounds.

    Returns
    -------
    Columns ``null`` (``whole`` or ``torn`` units), ``score, hits, n, rate, low, high``.
    """
    rows = []
    for kind, own in found.groupby("units", sort=False):
        for method in TESTED:
            hits, n = int((own[method] <= LEVEL).sum()), len(own)
            low, high = binomial_bounds(hits, n)
            row = {"null": kind, "score": method, "hits": hits, "n": n, "rate": hits / n}
            rows.append(row | {"low": low, "high": high})
    return pd.DataFrame(rows)

"""Steering transfer: a vector made in one model, mapped into another one, which is steered with it.

The map is fitted on paired neutral prompts alone, so that no emotional prompt of either model enters it. Layer, kind,
window and strength are those that the target chose for its own vector on the select split; the source's layer is the
one at the same relative depth; and what is added is as long as the target's own vector. All that is left to differ is
the direction. What it reaches is a share of what the target's own vector reaches in the same contexts.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emotion_utils.alignment.mapped_vectors import (
    BLIND,
    ITSELF,
    MAP_ARMS,
    MAPPED,
    MAPPED_BY,
    WRONG_PAIRS,
    kind_of,
    mapped_settings,
    neutral_rows,
)
from emotion_utils.alignment.maps import MAPS
from emotion_utils.baselines.arms import chosen_of
from emotion_utils.baselines.reply_shifts import reply_shifts
from emotion_utils.core.budget import Budget, Part, allot, allowance, counted
from emotion_utils.core.errors import UserError
from emotion_utils.core.hashing import fingerprint
from emotion_utils.core.profiles import SteeringSize
from emotion_utils.core.sources import code_of
from emotion_utils.core.versions import versions
from emotion_utils.models.comparison import CONTROL, content
from emotion_utils.models.registry import model_files
from emotion_utils.steering.contexts import fresh_contexts
from emotion_utils.steering.controls import KINDS, control_settings
from emotion_utils.steering.overview import overview
from emotion_utils.steering.plan import CONTEXT, EVENTS, REPLY, TEXT
from emotion_utils.steering.subject import SteeredModel, prepare
from emotion_utils.steering.trials import (
    GREEDY,
    OPENING,
    SteeringSetting,
    chosen_settings,
    judged_length,
    outcomes,
    run,
)
from emotion_utils.vectors.comparison import Comparison, Options

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

UNTOUCHED, NATIVE = "untouched", "own vector"
OWN_ARMS = (UNTOUCHED, NATIVE, *KINDS)
"""Of the target alone, under no map."""
FEWEST_MAPS, FEWEST_RANDOM = 19, 12
"""Maps of wrong pairs, and random vectors, however small the budget: but for a smoke run."""
TURNS = 6
"""Groups of maps of wrong pairs and of random vectors: each is tried on the contexts of its group."""
ARTEFACT = "steering_transfer"
COLUMNS = ["map", "arm", "number", "emotion", "prompt", "unit", "gain", "shift", "says_it", "nats"]

_ARMS = {kind_of(name, arm): (MAPS[name][0], arm) for name in MAPPED_BY for arm in MAP_ARMS}


@dataclass(frozen=True)
class TransferSize:
    """How much is run for one pair of models.

    Attributes
    ----------
    contexts
        Fresh ones, each of another kind of event as long as there are some, at most.
    wrong_pairs, random
        Maps of wrong pairs, and random vectors (all kinds together), at most.
    tokens
        What a pair may spend on its target, from `core.budget.REFERENCE` parameters on.
    """

    contexts: int
    wrong_pairs: int
    random: int
    tokens: int


TRANSFER_SIZES: Mapping[str, TransferSize] = {
    "smoke": TransferSize(6, 4, 6, 20_000),
    "baseline": TransferSize(12, 119, 120, 100_000),
    "extended": TransferSize(24, 239, 240, 400_000),
    "powered": TransferSize(24, 479, 480, 1_000_000),
}
"""By profile. From 119 vectors of a kind on, the least p of three emotions under two maps is 0.05 after Holm."""
TRANSFER_PAIRS: Mapping[str, Sequence[tuple[str, str]]] = {
    "smoke": (("small-gpt2", "small-llama3"),),
    "baseline": (
        ("small-gpt2", "small-llama3"),
        ("small-pythia", "small-gpt2"),
        ("small-llama3", "small-gemma3"),
    ),
    "extended": (
        ("small-gpt2", "small-llama3"),
        ("small-llama3", "small-gpt2"),
        ("small-pythia", "small-gpt2"),
        ("small-neo", "small-gpt2"),
        ("small-llama3", "small-gemma3"),
        ("small-gemma3", "small-qwen3"),
    ),
}
TRANSFER_PAIRS = {**TRANSFER_PAIRS, "powered": TRANSFER_PAIRS["extended"]}
"""Source and target, by profile."""
REAL_PAIRS = (("smollm2-135m", "gemma3-270m"), ("gemma3-270m", "smollm2-135m"))


def planned(target: SteeredModel, size: TransferSize) -> Budget:
    """Share the tokens of a pair among contexts, maps of wrong pairs and random vectors: one rule for all models."""
    n = len(target.emotions)
    # a reply is read through the blocks above the layer only
    odds = 2 * target.replies * REPLY / 2
    single = n * (1 + len(MAPPED_BY) * (3 + n - 1)) + 1
    draw = n * size.contexts / TURNS * (OPENING.new_tokens + odds)
    parts = [
        Part("contexts", min(EVENTS, size.contexts), size.contexts, single * (TEXT + odds) + CONTEXT, "contexts"),
        Part("wrong_pairs", min(FEWEST_MAPS, size.wrong_pairs), size.wrong_pairs, len(MAPPED_BY) * draw,
             "maps of wrong pairs"),
        Part("random", min(FEWEST_RANDOM, size.random), size.random, draw, "random vectors"),
    ]  # fmt: skip
    return allot(parts, allowance(size.tokens, target.parameters))


def transfer(
    source: SteeredModel,
    target: SteeredModel,
    chosen: Mapping[str, pd.Series],
    size: TransferSize,
    *,
    blind: SteeredModel | None = None,
    store: Store | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Steer a target with its own vectors, with those of a source, and with what is as long and means nothing.

    Parameters
    ----------
    source, target
        From :func:`emotion_utils.steering.subject.prepare`, read on the same prompts.
    chosen
        By emotion, what the target chose for its own vector: ``made, where, layer, alpha``.
    size
        How much is run at most.
    blind
        A source that has nothing to carry.
    store
        Keeps the texts.
    seed
        Of contexts, wrong pairs and random vectors.

    Returns
    -------
    One row per emotion, arm (of :data:`OWN_ARMS`, or, with the name of a ``map``, of `mapped_vectors.MAP_ARMS`), vector
    (``number``) and context (``prompt``) with its ``unit``, the kind of event: ``gain`` (of the log-probability of
    genuine replies of the emotion, nats), ``shift`` (of their log-odds against neutral ones, nats), ``says_it``
    (whether the text says the emotion), ``nats`` (cost of the text: log of its perplexity beside genuine replies, per
    token; NaN where it was not read). What is tried in turns has rows for the contexts of its group. Of the pair as a
    whole: ``source, target, rows`` (of a map), ``tokens`` (that went through the target), ``seconds``, and in bytes the
    size of all vectors added (``vector_bytes``), of one map (``map_bytes``), and the most memory that the process has
    held so far (``peak_bytes``).
    """
    start, sizes = time.perf_counter(), planned(target, size).sizes
    contexts = fresh_contexts(sizes["contexts"], seed)
    everywhere, drawn = _settings(source, target, chosen, sizes, blind, seed)
    groups = min(TURNS, len(contexts), *map(len, drawn))
    with counted() as spent:
        parts = [measured(target, contexts, everywhere, store)]
        for group in range(groups):
            some = [setting for own in drawn for setting in own[group::groups]]
            parts.append(measured(target, contexts.iloc[group::groups], some, store, priced=False))
    table = _with_arms(pd.concat(parts, ignore_index=True))
    width = source.states.shape[-1], target.states.shape[-1]
    return table.assign(
        source=source.name, target=target.name,
        rows=len(neutral_rows(source).ids), tokens=spent.tokens, seconds=time.perf_counter() - start,
        vector_bytes=sum(setting.vector.nbytes for own in [everywhere, *drawn] for setting in own),
        map_bytes=8 * (width[0] * width[1] + sum(width)), peak_bytes=peak_memory(),
    )  # fmt: skip


def _settings(
    source: SteeredModel,
    target: SteeredModel,
    chosen: Mapping[str, pd.Series],
    sizes: Mapping[str, int],
    blind: SteeredModel | None,
    seed: int,
) -> tuple[list[SteeringSetting], list[list[SteeringSetting]]]:
    """What is tried in all contexts, and what takes turns, by emotion and arm."""
    everywhere, drawn = chosen_settings(target, chosen, [0.0]), []
    for native in chosen_settings(target, chosen):
        moved = mapped_settings(source, target, native, sizes["wrong_pairs"], seed)
        wrong = [[s for s in moved if s.kind == kind_of(name, WRONG_PAIRS)] for name in MAPPED_BY]
        beside = control_settings(target, native, sizes["random"], seed)
        drawn += [[s for s in beside if s.kind in KINDS], *wrong]
        everywhere += [native, *(s for s in moved if not any(s in own for own in wrong))]
        everywhere += _truly_mapped(target, target, native, ITSELF, seed)
        if blind is not None:
            everywhere += _truly_mapped(blind, target, native, BLIND, seed)
    return everywhere, drawn


def _truly_mapped(
    source: SteeredModel, target: SteeredModel, native: SteeringSetting, arm: str, seed: int
) -> list[SteeringSetting]:
    """A source's vector of the emotion by the true map of every kind, under another name."""
    kinds = {kind_of(name, MAPPED): kind_of(name, arm) for name in MAPPED_BY}
    made = mapped_settings(source, target, native, 0, seed)
    return [replace(s, kind=kinds[s.kind]) for s in made if s.kind in kinds]


def peak_memory() -> int:
    """The most memory that this process has held so far, in bytes."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(held if sys.platform == "darwin" else 1024 * held)


def measured(
    steered: SteeredModel,
    contexts: pd.DataFrame,
    settings: Sequence[SteeringSetting],
    store: Store | None = None,
    *,
    priced: bool = True,
) -> pd.DataFrame:
    """Replies that are read and texts that are written under settings in some contexts, numbered as these are."""
    how = GREEDY if priced else judged_length(steered)
    texts = outcomes(steered, run(steered, contexts, settings, how=how, store=store), cost=priced)
    texts["nats"] = np.log(texts["relative_perplexity"]) if priced else np.nan
    texts["prompt"] = contexts.index.to_numpy()[texts["prompt"]]
    read = reply_shifts(steered, contexts, settings)
    keys = ["emotion", "kind", "number", "alpha", "prompt"]
    return texts.rename(columns={"target": "says_it"}).merge(read[[*keys, "shift", "gain"]], on=keys)


def _with_arms(table: pd.DataFrame) -> pd.DataFrame:
    """Kinds of settings as arms, with the map that they are of."""
    own = {native: ("", native) for native in KINDS} | {"emotion vector": ("", NATIVE)}
    found = table["kind"].map(own | _ARMS)
    table = table.assign(map=found.str[0], arm=found.str[1].where(table["alpha"] != 0, UNTOUCHED))
    return table[COLUMNS].reset_index(drop=True)


def transfers(
    pairs: Sequence[tuple[str, str]],
    asked: Comparison,
    choice: SteeringSize,
    blind: str = CONTROL,
) -> pd.DataFrame:
    """:func:`transfer` of several pairs of models, each computed once per store.

    Parameters
    ----------
    pairs
        Source and target, names of the registry.
    asked
        Prompts, store and how models are run; its ``size`` is a :class:`TransferSize`.
    choice
        How much is run for the choice of the targets' own settings: with the size of Chapter 5 the choice is read from
        its store.
    blind
        A source that has nothing to carry.

    Returns
    -------
    The rows of :func:`transfer`, pair by pair.
    """
    size = asked.size
    if not isinstance(size, TransferSize):
        raise UserError(
            f"The size of a transfer is a TransferSize, not {size!r}: take one of TRANSFER_SIZES."
        )
    how: Options = {
        "device": asked.device, "dtype": asked.dtype, "separator": asked.separator, "chat": asked.chat,
        "seed": asked.seed,
    }  # fmt: skip
    targets = list(dict.fromkeys(target for _, target in pairs))
    chosen = chosen_of(overview(targets, asked.prompts, choice, asked.store, fresh=False, **how))

    @cache
    def ready(name: str) -> SteeredModel:
        return prepare(asked.load(name), asked.prompts, asked.store, seed=asked.seed)

    def compute(source: str, target: str) -> pd.DataFrame:
        one, other, nothing = (ready(name) for name in (source, target, blind))
        return transfer(one, other, chosen[target], size, blind=nothing, store=asked.store, seed=asked.seed)

    parts = []
    for source, target in pairs:
        key = {
            **how, "size": repr(size), "prompts": content(asked.prompts), "pair": [source, target, blind],
            "files": [fingerprint(model_files(name)) for name in (source, target, blind)],
            "chosen": _settings_key(chosen[target]), "packages": versions(), "code": code_of(__name__),
        }  # fmt: skip
        parts.append(asked.store.compute(ARTEFACT, key, partial(compute, source, target)))
    return pd.concat(parts, ignore_index=True)


def _settings_key(chosen: Mapping[str, pd.Series]) -> dict[str, list[str]]:
    """What was chosen, as the store names it."""
    return {
        emotion: [str(row[name]) for name in ("made", "where", "layer", "alpha")]
        for emotion, row in chosen.items()
    }

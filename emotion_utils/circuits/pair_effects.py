"""What single heads do to single pairs: mean ablation of all heads, patching of the strongest and of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.circuits.faithfulness import ordered
from emotion_utils.circuits.patching import DIRECTIONS, patch
from emotion_utils.heads.pairs import Head, Pairs, name_of

if TYPE_CHECKING:
    from emotion_utils.circuits.methods import Screened

ABLATED, PATCHED = "ablated", "transplanted"
CHOSEN, RANDOM = "strongest heads", "random heads"
FEW = 4
"""Heads that are patched, and as many others beside them."""
TABLE = ["pair", "emotion", "unit"]


def leading(pairs: Pairs, effects: Float[np.ndarray, "row head"], n: int = FEW) -> list[Head]:
    """The heads with the largest effects by size: rows are the pairs of the build split."""
    return ordered(pairs, np.abs(effects.mean(axis=0))[None])[:n]


def others(pairs: Pairs, chosen: Sequence[Head], n: int = FEW, seed: int = 0) -> list[Head]:
    """Random heads that are not chosen, layer by layer; fewer where the model has no more."""
    left = [head for head in pairs.heads if head not in set(chosen)]
    drawn = np.random.default_rng(np.random.SeedSequence(seed)).permutation(len(left))[:n]
    return [left[i] for i in sorted(drawn.tolist())]


def ablations(found: Screened) -> pd.DataFrame:
    """Effect of each head, set to its mean, on each pair that nothing was chosen on.

    Returns
    -------
    One row per head and pair: ``pair, emotion, unit, difference`` (between partners in the untouched model, nats),
    ``kind`` (:data:`ABLATED`), ``direction`` (empty), ``heads`` (name), ``role`` (empty) and ``value``: what that
    difference changes by when the head is taken out (nats), the effect of :func:`ablation.pair_effects` with its sign
    turned.
    """
    effects = found.on_held("mean ablation")
    table, names = _named(found.held), [name_of(head) for head in found.pairs.heads]
    return pd.concat(
        [_rows(table, ABLATED, "", name, "", -own) for name, own in zip(names, effects.T, strict=True)],
        ignore_index=True,
    )


def patchings(found: Screened, seed: int = 0) -> pd.DataFrame:
    """Patch the strongest heads of the build split, and random others, one by one and together.

    Returns
    -------
    As :func:`ablations`: ``kind`` is :data:`PATCHED`, ``direction`` one of :data:`patching.DIRECTIONS`, ``role``
    :data:`CHOSEN` or :data:`RANDOM`, and ``value`` the log-odds of the changed prompt minus those of the untouched one
    (nats).
    """
    chosen = leading(found.pairs, found.to_choose_by())
    roles = {CHOSEN: chosen, RANDOM: others(found.pairs, chosen, seed=seed)}
    sets = [(role, own) for role, heads in roles.items() for own in ([h] for h in heads)]
    sets += [(role, heads) for role, heads in roles.items() if len(heads) > 1]
    parts = []
    for direction in DIRECTIONS:
        moved = patch(found.held, [heads for _, heads in sets], direction=direction)
        change = moved.patched - moved.target[:, None]
        parts += [
            _rows(_named(found.held), PATCHED, direction, told(heads), role, own)
            for (role, heads), own in zip(sets, change.T, strict=True)
        ]
    return pd.concat(parts, ignore_index=True)


def told(heads: Sequence[Head]) -> str:
    """Names of heads: L1H4, or L0H1+L1H4."""
    return "+".join(name_of(head) for head in heads)


def _named(pairs: Pairs) -> pd.DataFrame:
    return pairs.table[TABLE].assign(difference=np.subtract(*pairs.untouched))


def _rows(
    table: pd.DataFrame, kind: str, direction: str, heads: str, role: str, value: Float[np.ndarray, " pair"]
) -> pd.DataFrame:
    return table.assign(kind=kind, direction=direction, heads=heads, role=role, value=value)

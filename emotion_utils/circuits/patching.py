"""Activation patching of heads between the two prompts of a pair, at the ending that the prompts share.

*Denoising* puts what a head gives on the emotional prompt into the neutral one: is it sufficient? *Noising* puts what
it gives on the neutral prompt into the emotional one: is it necessary? Positions are matched from the end.

``z``
    What the head gives in the source.
``pattern_v``
    The source's attention over the source's values. Their product is ``z``: for the heads of a causal transformer the
    two modes are one and the same, which a test holds them to.
``v_only``
    The target's attention over the source's values; a key without a counterpart keeps its own value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotion_utils.activations.forward import HeadOutputs, chunks, head_outputs
from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.engine.interventions import UNTOUCHED, Condition, Edit, Window
from emotion_utils.heads.pairs import Head, Pairs, name_of
from emotion_utils.models.hooks import HookPoint

MODES = ("z", "pattern_v", "v_only")
SIDES = {"denoising": 1, "noising": 0}
"""The side of a pair that is changed: 0 emotional, 1 neutral."""
DIRECTIONS = tuple(SIDES)


@dataclass(frozen=True, eq=False)
class Patched:
    """Log-odds (nats) of each pair.

    Attributes
    ----------
    source, target
        Of the untouched model on the prompt that is taken from, and on the one that is changed.
    patched
        On the changed prompt, under each set of heads.
    direction
        One of :data:`DIRECTIONS`.
    """

    source: Float[np.ndarray, " pair"]
    target: Float[np.ndarray, " pair"]
    patched: Float[np.ndarray, "pair set"]
    direction: str = "denoising"

    @property
    def moved(self) -> Float[np.ndarray, "pair set"]:
        """What each set adds to the log-odds when it comes from the emotional prompt, or what they lose without it."""
        return (self.patched - self.target[:, None]) * (1.0 if self.direction == "denoising" else -1.0)

    @property
    def share(self) -> Float[np.ndarray, " set"]:
        """The same as a share of the difference between the prompts, of all pairs together."""
        return (self.patched - self.target[:, None]).mean(axis=0) / (self.source - self.target).mean()


def patch(
    pairs: Pairs,
    sets: Sequence[Sequence[Head]] | None = None,
    mode: str = "z",
    direction: str = "denoising",
    *,
    share: bool = True,
) -> Patched:
    """Run every pair under every set of heads.

    Parameters
    ----------
    pairs
    sets
        Sets of heads that are patched together; by default each head alone.
    mode, direction
        Of :data:`MODES` and :data:`DIRECTIONS`.
    share
        As of :func:`generation.generate`.
    """
    chosen = [[head] for head in pairs.heads] if sets is None else [list(own) for own in sets]
    into = SIDES.get(direction, 0)
    parts = []
    for part in chunks(pairs.model, pairs.emotional, copies=4):
        rows = range(*part.indices(len(pairs)))
        conditions, plan = patching_conditions(pairs, rows, chosen, mode, direction)
        parts.append(pairs.log_odds(conditions, plan, share=share).reshape(len(rows), len(chosen)))
    base = pairs.untouched
    return Patched(base[1 - into], base[into], np.concatenate(parts), direction)


def patch_each(pairs: Pairs, run: Bool[np.ndarray, " head"], direction: str = "denoising") -> Patched:
    """Patch heads one by one; those that are not run are NaN."""
    heads = [[pairs.heads[i]] for i in np.flatnonzero(run).tolist()]
    found = patch(pairs, heads, direction=direction)
    patched = np.full((len(pairs), len(run)), np.nan)
    patched[:, run] = found.patched
    return replace(found, patched=patched)


def patching_conditions(
    pairs: Pairs,
    rows: Sequence[int],
    sets: Sequence[Sequence[Head]],
    mode: str = "z",
    direction: str = "denoising",
    matched: Int[np.ndarray, " pair"] | None = None,
) -> tuple[list[Condition], Int[np.ndarray, "row 2"]]:
    """The conditions that patch each set of heads in some pairs, and which prompt each is run on.

    Parameters
    ----------
    pairs
    rows
        Of the table of pairs.
    sets, mode, direction
        As of :func:`patch`.
    matched
        Tokens of each pair, counted from the end, at which heads are patched; by default the shared ending.

    Returns
    -------
    Conditions, and pairs (prompt as in ``Pairs.ids``, condition) by number, the sets of a pair side by side.
    """
    for name, value, known in (("mode", mode, MODES), ("direction", direction, DIRECTIONS)):
        if value not in known:
            raise UserError(f'There is no {name} "{value}": {suggestion(str(value), known)}')
    into, places = SIDES[direction], pairs.shared if matched is None else matched
    both = (pairs.emotional, pairs.neutral)
    target, source = ([both[side][row] for row in rows] for side in (into, 1 - into))
    moved = moved_outputs(pairs, source, target, mode)
    conditions, plan = [UNTOUCHED], []
    for i, row in enumerate(rows):
        values = _at_the_end(moved, i, len(target[i]), int(places[row]))
        for number, heads in enumerate(sets):
            plan.append((into * len(pairs) + row, len(conditions)))
            conditions.append(_condition(f"{row} {number}", heads, values, int(places[row])))
    return conditions, np.array(plan, dtype=np.int64).reshape(-1, 2)


def at_once(
    pairs: Pairs, heads: Sequence[Head], controls: Mapping[str, Sequence[Sequence[Head]]], direction: str
) -> dict[str, Float[np.ndarray, " pair"]]:
    """What heads move together, what they move one by one, and what other sets move on average (nats).

    Parameters
    ----------
    pairs
    heads
    controls
        Other sets of heads, by kind.
    direction
        As of :func:`patch`.
    """
    others = [own for sets in controls.values() for own in sets]
    moved = patch(pairs, [heads, *([head] for head in heads), *others], direction=direction).moved
    alone, at = moved[:, 1 : 1 + len(heads)].sum(axis=1), 1 + len(heads)
    found = {
        "all at once": moved[:, 0],
        "one by one, added up": alone,
        "more than the sum": moved[:, 0] - alone,
    }
    for kind, sets in controls.items():
        found[f"random sets of {kind}"] = moved[:, at : at + len(sets)].mean(axis=1)
        at += len(sets)
    return found


def aligned(pairs: Pairs) -> Int[np.ndarray, " pair"]:
    """Tokens that both prompts of each pair have when counted from the end, the first of each left out."""
    lengths = zip(map(len, pairs.emotional), map(len, pairs.neutral), strict=True)
    return np.array([min(both) - 1 for both in lengths])


def moved_outputs(
    pairs: Pairs, source: Sequence[Sequence[int]], target: Sequence[Sequence[int]], mode: str
) -> HeadOutputs:
    """What each head is given in the target, aligned at the end; see the modes of this module."""
    if mode == "z":
        return head_outputs(pairs.model, source)
    values, real = (found := head_outputs(pairs.model, source, "v")).values, found.real
    pattern = head_outputs(pairs.model, source if mode == "pattern_v" else target, "pattern").values
    if mode == "v_only":
        own = head_outputs(pairs.model, target, "v")
        values, real = _aligned(values, real, own.values, own.real), own.real
    return HeadOutputs(torch.einsum("plhqk,plkhd->plqhd", pattern, values), real)


def _aligned(values: Tensor, real: Tensor, own: Tensor, own_real: Tensor) -> Tensor:
    """Values of the source where both have a token after their first one, those of the target elsewhere."""
    width = own.shape[2]
    lacking = max(0, width - values.shape[2])
    values = torch.nn.functional.pad(values, (0, 0, 0, 0, lacking, 0))[:, :, -width:]
    later = torch.nn.functional.pad(real & real.cumsum(1).gt(1), (lacking, 0))[:, -width:]
    both = later & own_real & own_real.cumsum(1).gt(1)
    return torch.where(both[:, None, :, None, None], values, own)


def _at_the_end(
    moved: HeadOutputs, prompt: int, tokens: int, shared: int
) -> Float[Tensor, "layer tokens head d_head"]:
    """Values for each position of the target; only those of the shared ending are used."""
    tail = moved.tail(prompt, shared)
    return torch.nn.functional.pad(tail, (0, 0, 0, 0, tokens - shared, 0))


def _condition(
    name: str, heads: Sequence[Head], values: Float[Tensor, "layer position head d_head"], shared: int
) -> Condition:
    window = Window(1 - shared, 1, "end")
    edits = []
    for layer in sorted({layer for layer, _ in heads}):
        own = tuple(head for at, head in heads if at == layer)
        edits.append(Edit(HookPoint(layer, "z"), values[layer], "set", heads=own, window=window))
    told = "+".join(name_of(head) for head in heads) if len(heads) < 4 else f"{len(heads)} heads"
    return Condition(f"{name} {told}", tuple(edits))

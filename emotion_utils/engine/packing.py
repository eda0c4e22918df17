"""Conditions of the rows of a batch as hook functions: each row gets its own vectors, at its own layers and positions.

Rows that have an edit of one form at a hook point are changed together, by one indexed addition or copy, however many
conditions they belong to. Several edits of a condition at one hook point are done in turn, as the condition lists them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotion_utils.engine.interventions import FAR, Condition, Edit
from emotion_utils.models.hooks import HookFunction, HookPoint

Form = tuple[int, str, tuple[int, ...]]  # turn among the row's edits there, mode, shape of the value


@dataclass(frozen=True, eq=False)
class Packed:
    """The edits of some rows.

    Attributes
    ----------
    conditions
        Of each row.
    prompts
        Tokens of the prompt of each row.
    n_layers
        Of the model.
    """

    conditions: Sequence[Condition]
    prompts: Sequence[int]
    n_layers: int
    groups: dict[HookPoint, list[_Group]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rows: dict[HookPoint, dict[Form, list[tuple[int, Edit]]]] = defaultdict(lambda: defaultdict(list))
        for row, condition in enumerate(self.conditions):
            turn: Counter[HookPoint] = Counter()
            for edit in condition.acting():
                rows[edit.point][turn[edit.point], edit.mode, tuple(edit.value.shape)].append((row, edit))
                turn[edit.point] += 1
        groups = {
            point: [_Group.of(forms[form], form[1], self.prompts) for form in sorted(forms)]
            for point, forms in rows.items()
        }
        object.__setattr__(self, "groups", groups)

    def functions(self, positions: Int[Tensor, "row position"]) -> dict[HookPoint, HookFunction]:
        """What to attach for a forward pass over these positions of the rows; negative ones are padding.

        Hook points at which nothing happens in this pass are left out.
        """
        found: dict[HookPoint, HookFunction] = {}
        for point, groups in self.groups.items():
            acting = [change for group in groups if (change := group.change(positions)) is not None]
            if acting:
                found[point] = _in_turn(acting)
        return found

    def first_block(self, row: int, tokens: int) -> int:
        """The first block that a row computes otherwise than the untouched model over its first tokens."""
        blocks = [
            edit.point.first_block for edit, first, stop in self._bounded(row) if first < min(stop, tokens)
        ]
        return min(blocks, default=self.n_layers)

    def first_position(self, row: int) -> int:
        """The first position at which a row is changed; ``interventions.FAR`` where none is."""
        return min((first for _, first, stop in self._bounded(row) if first < stop), default=FAR)

    def _bounded(self, row: int) -> list[tuple[Edit, int, int]]:
        """The acting edits of a row with their first position and the one after the last."""
        return [(edit, *edit.bounds(self.prompts[row])) for edit in self.conditions[row].acting()]

    def biased(
        self, logits: Float[Tensor, "row position vocabulary"], positions: Int[Tensor, "row position"]
    ) -> Float[Tensor, "row position vocabulary"]:
        """Logits with the constants of the rows' conditions added, in a copy where there are any.

        Parameters
        ----------
        logits
            After each position.
        positions
            Of the rows, on the CPU; negative ones are padding.
        """
        copied = False
        for row, condition in enumerate(self.conditions):
            for bias in condition.biases:
                first, stop = bias.window.bounds(self.prompts[row])
                inside = (positions[row] >= first) & (positions[row] < stop)
                if bias.changes_nothing or not inside.any():
                    continue
                logits, copied = (logits if copied else logits.clone()), True
                places, tokens = inside.nonzero().to(logits.device), torch.tensor(bias.tokens)
                logits[row, places, tokens.to(logits.device)] += bias.strength
        return logits

    def part(self, rows: Sequence[int]) -> Packed:
        """Some of the rows."""
        return Packed([self.conditions[r] for r in rows], [self.prompts[r] for r in rows], self.n_layers)


def _in_turn(changes: Sequence[Callable[[Tensor], Tensor]]) -> HookFunction:
    def change(hidden: Tensor) -> Tensor:
        for one in changes:
            hidden = one(hidden)
        return hidden

    return change


@dataclass(frozen=True, eq=False)
class _Group:
    """Edits of one form at one hook point, at most one of a row."""

    rows: Int[Tensor, " edit"]
    mode: str
    values: Float[Tensor, "value ..."]  # each different one once
    which: Int[Tensor, " edit"]
    by_position: bool
    scale: Float[Tensor, " edit"]
    first: Int[Tensor, " edit"]
    stop: Int[Tensor, " edit"]
    end: Int[Tensor, " edit"]  # last position of the prompt
    half_life: Float[Tensor, " edit"]  # infinite where the strength is constant
    heads: Bool[Tensor, "edit head"] | None

    @classmethod
    def of(cls, found: Sequence[tuple[int, Edit]], mode: str, prompts: Sequence[int]) -> _Group:
        different = {id(edit.value): edit.value for _, edit in found}
        place = {name: i for i, name in enumerate(different)}
        bounds = torch.tensor([edit.bounds(prompts[row]) for row, edit in found])
        lives = [edit.window.half_life or float("inf") for _, edit in found]
        return cls(
            rows=torch.tensor([row for row, _ in found]),
            mode=mode,
            values=torch.stack([value.cpu() for value in different.values()]),
            which=torch.tensor([place[id(edit.value)] for _, edit in found]),
            by_position=found[0][1].by_position,
            scale=torch.tensor([edit.scale for _, edit in found]),
            first=bounds[:, 0],
            stop=bounds[:, 1],
            end=torch.tensor([prompts[row] - 1 for row, _ in found]),
            half_life=torch.tensor(lives),
            heads=_heads(found),
        )

    def strength(self, positions: Int[Tensor, "edit position"]) -> Float[Tensor, "edit position"]:
        """1 inside the window, less where it decays, 0 outside."""
        inside = (positions >= self.first[:, None]) & (positions < self.stop[:, None]) & (positions >= 0)
        past = (positions - self.end[:, None]).clamp(min=0)
        return inside * 0.5 ** (past / self.half_life[:, None])

    def change(self, positions: Int[Tensor, "row position"]) -> Callable[[Tensor], Tensor] | None:
        """What to do to the hidden states of a pass over these positions; None where no window holds any."""
        own = positions[self.rows]
        strength = self.strength(own)
        acting = strength.any(dim=1)
        if not acting.any():
            return None
        values = self._values(own)[acting]  # (edit, position or 1, ...)
        factor = strength[acting] * (self.scale[acting, None] if self.mode == "add" else 1)
        factor = factor.reshape(*factor.shape, *[1] * (values.ndim - 2))
        if self.heads is not None:
            factor = factor * self.heads[acting, None, :, None]
        return _change(self.mode, self.rows[acting], values, factor, self.scale[acting])

    def _values(self, positions: Int[Tensor, "edit position"]) -> Tensor:
        if not self.by_position:
            return self.values[self.which][:, None]
        known = self.values.shape[1]
        return self.values[self.which[:, None], positions.clamp(0, known - 1)]


def _heads(found: Sequence[tuple[int, Edit]]) -> Bool[Tensor, "edit head"] | None:
    """Which heads each edit changes; None where every edit changes all of them."""
    if all(edit.heads is None for _, edit in found):
        return None
    chosen = torch.zeros(len(found), found[0][1].value.shape[-2], dtype=torch.bool)
    for row, (_, edit) in zip(chosen, found, strict=True):
        row[list(edit.heads) if edit.heads is not None else slice(None)] = True
    return chosen


def _change(
    mode: str, rows: Tensor, values: Tensor, factor: Tensor, scale: Tensor
) -> Callable[[Tensor], Tensor]:
    """An indexed addition, or a move of that share of the way to a value."""
    if mode == "add":
        delta = values * factor

        def add(hidden: Tensor) -> Tensor:
            full = delta.to(hidden).expand(len(rows), *hidden.shape[1:])
            return hidden.index_add(0, rows.to(hidden.device), full)

        return add
    goal = values * scale.reshape(-1, *[1] * (values.ndim - 1))

    def move(hidden: Tensor) -> Tensor:
        index = rows.to(hidden.device)
        old = hidden[index]
        share = factor.to(hidden)
        # where a state is set outright, what it was before must not matter, not even as rounding
        new = torch.where(share == 1, goal.to(hidden), old + share * (goal.to(hidden) - old))
        return hidden.index_copy(0, index, torch.where(share == 0, old, new))

    return move

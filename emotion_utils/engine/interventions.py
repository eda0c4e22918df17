"""What is done to a model, as data: conditions made of edits, each at one hook point and in a window of positions.

An edit adds a vector to the activations of a hook point, or sets them; a bias adds a constant to the logits of some
tokens and leaves what the model computes as it is. Steering, ablation and patching are the same
thing here: a sweep over layers, strengths, controls or heads is a list of conditions, which
:mod:`generation` and :mod:`teacher_forcing` run packed into large batches. Positions are counted from the first token
of a prompt, or from its last one, so that a KV cache, padding or the batch change nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.core.errors import UserError, listing
from emotion_utils.models.hooks import WRITABLE, HookPoint, shape_at

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

FAR = 2**31
"""Behind the last position of any text."""
MODES = ("add", "set")
LONGEST = 1e19
"""From here on the square of a length, a sum that every norm takes in float32, is not finite."""


@dataclass(frozen=True)
class Window:
    """At which positions an edit acts, and how strongly.

    Attributes
    ----------
    first, stop
        Positions from ``first`` on, before ``stop``; None is without bound.
    anchor
        What they are counted from: the ``start`` of the prompt (its first token is 0), or its ``end`` (its last
        token is 0, the first generated token is 1).
    half_life
        Positions after the end of the prompt in which the strength falls to half; None keeps it constant.
    """

    first: int | None = None
    stop: int | None = None
    anchor: str = "start"
    half_life: float | None = None

    def __post_init__(self) -> None:
        if self.anchor not in ("start", "end"):
            raise UserError(
                f'A window is counted from the "start" or the "end" of the prompt, not "{self.anchor}".'
            )
        if self.anchor == "start" and ((self.first or 0) < 0 or (self.stop is not None and self.stop < 1)):
            raise UserError(
                f"There is no position before the start of the prompt, where the window from {self.first} to before "
                f'{self.stop} is: count from the last token of the prompt with anchor="end".'
            )
        if self.first is not None and self.stop is not None and self.stop <= self.first:
            raise UserError(
                f"The window from {self.first} to before {self.stop} is empty: choose a later stop."
            )
        if self.half_life is not None and not self.half_life > 0:
            raise UserError(f"A half-life is a positive number of positions, not {self.half_life}.")

    def bounds(self, prompt: int) -> tuple[int, int]:
        """First position and the one after the last, for a prompt of so many tokens."""
        origin = 0 if self.anchor == "start" else prompt - 1
        first = 0 if self.first is None else max(0, origin + self.first)
        return first, FAR if self.stop is None else max(0, origin + self.stop)


EVERYWHERE = Window()
PROMPT = Window(stop=1, anchor="end")
FROM_END = Window(first=0, anchor="end")
"""The last token of the prompt, where the first new one is predicted, and all generated ones."""
GENERATED = Window(first=1, anchor="end")


@dataclass(frozen=True, eq=False)
class Edit:
    """One change of the activations at one hook point.

    Attributes
    ----------
    point
        Where.
    value
        What is added, or set: shape (width,), or (position, width) with one row per position from the first token of
        the prompt on, after whose last row nothing is done. At ``z`` the width is two axes, (head, d_head).
    mode
        ``add`` or ``set``.
    scale
        Factor of the value; with ``set`` and a half-life the state moves that share of the way.
    window
        At which positions.
    heads
        At ``z``: the heads that are changed; None is all.
    """

    point: HookPoint
    value: Float[Tensor, ...] = field(repr=False)
    mode: str = "add"
    scale: float = 1.0
    window: Window = EVERYWHERE
    heads: tuple[int, ...] | None = None

    @property
    def changes_nothing(self) -> bool:
        """Whether it adds zero."""
        return self.mode == "add" and (self.scale == 0 or not bool(self.value.any()))

    @property
    def by_position(self) -> bool:
        """Whether the value has a row for each position."""
        return self.value.ndim == (3 if self.point.kind == "z" else 2)

    def bounds(self, prompt: int) -> tuple[int, int]:
        """First position that it changes and the one after the last, for a prompt of so many tokens."""
        first, stop = self.window.bounds(prompt)
        return first, min(stop, len(self.value)) if self.by_position else stop


@dataclass(frozen=True)
class LogitBias:
    """A constant that is added to the logits of some tokens, whatever the model computes.

    Attributes
    ----------
    tokens
        Whose logits.
    strength
        The constant, in nats: below 0 they become less probable.
    window
        At which positions: the logits of the last token of the prompt are those of the first generated one.
    """

    tokens: tuple[int, ...]
    strength: float
    window: Window = FROM_END

    @property
    def changes_nothing(self) -> bool:
        """Whether it adds zero, or to no token."""
        return self.strength == 0 or not self.tokens


@dataclass(frozen=True, eq=False)
class Condition:
    """Edits that act together, those at one hook point in their order, under a name.

    Attributes
    ----------
    name
        Of the condition in tables of results.
    edits, biases
        None of them is the untouched model.

    Raises
    ------
    UserError
        From whoever runs it, with its name, for an edit that the model cannot be given: :func:`check_conditions`.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> eu.Condition("untouched").acting()
    ()
    """

    name: str
    edits: tuple[Edit, ...] = ()
    biases: tuple[LogitBias, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """Whether it is the untouched model."""
        return not self.acting() and all(bias.changes_nothing for bias in self.biases)

    def acting(self) -> tuple[Edit, ...]:
        """The edits that change anything."""
        return tuple(edit for edit in self.edits if not edit.changes_nothing)

    def first_block(self) -> int:
        """The first block that its edits change, whatever their windows; ``FAR`` where nothing is changed."""
        return min((edit.point.first_block for edit in self.acting()), default=FAR)

    def fingerprint(self) -> str:
        """Hash of all that decides what it does, which its name does not."""
        found = hashlib.sha256()
        for edit in self.edits:
            told = (str(edit.point), edit.mode, edit.scale, edit.window, edit.heads, tuple(edit.value.shape))
            found.update(repr(told).encode())
            found.update(edit.value.detach().double().cpu().contiguous().numpy().tobytes())
        for bias in self.biases:
            found.update(repr(bias).encode())
        return found.hexdigest()


UNTOUCHED = Condition("untouched")


def steering(
    name: str,
    vector: Float[Tensor, " d_model"],
    layer: int,
    alpha: float,
    window: Window = EVERYWHERE,
) -> Condition:
    """Add ``alpha`` times a vector to the residual stream after a block."""
    return Condition(name, (Edit(HookPoint(layer, "resid_post"), vector, scale=alpha, window=window),))


def check_conditions(model: Model, conditions: Sequence[Condition]) -> None:
    """Refuse what a model cannot be given, before anything is run.

    Raises
    ------
    UserError
        For two conditions of one name, a layer or head that does not exist, a hook that cannot be written to, an
        unknown mode, a value of the wrong width, and one that is not finite; with the name of the condition.
    """
    seen: set[str] = set()
    for condition in conditions:
        if condition.name in seen:
            raise UserError(f'Two conditions are called "{condition.name}": give each a name of its own.')
        seen.add(condition.name)
        for edit in condition.edits:
            if problem := _problem(model, edit):
                raise UserError(f'The condition "{condition.name}" {problem}')
        for bias in condition.biases:
            if not abs(bias.strength) < float("inf"):
                raise UserError(
                    f'The condition "{condition.name}" adds {bias.strength} to logits: give a finite number.'
                )
            model.check_tokens(list(bias.tokens), f'The condition "{condition.name}" has')
        added = [edit for edit in condition.edits if edit.mode == "add"]
        if len(added) > 1 and (
            problem := _length_problem(sum(map(_length, added)), "values that are added together")
        ):
            raise UserError(f'The condition "{condition.name}" {problem}')


def _problem(model: Model, edit: Edit) -> str | None:
    """What is wrong with an edit, as the rest of a sentence."""
    layers, point = model.n_layers, edit.point
    if not 0 <= point.layer < layers:
        return f"writes to layer {point.layer}, and the model has layers 0 to {layers - 1}."
    if point.kind not in WRITABLE:
        return f"writes to {point}, which changes nothing: possible are {listing(WRITABLE)}."
    if edit.mode not in MODES:
        return f'has the mode "{edit.mode}": choose "add" or "set".'
    if edit.heads is not None and point.kind != "z":
        return f"names heads at {point}: only z has heads."
    if wrong := [head for head in edit.heads or () if not 0 <= head < model.n_heads]:
        return f"names head {wrong[0]}, and the model has heads 0 to {model.n_heads - 1}."
    if not torch.isfinite(edit.value).all() or not abs(edit.scale) < float("inf"):
        return f"has a value at {point} that is not finite: make the vector anew, or leave the condition out."
    return _width_problem(model, edit) or _length_problem(_length(edit), f"a value at {point}")


def _length(edit: Edit) -> float:
    """How far an edit can move an activation, at the position where it moves it most."""
    size = abs(edit.scale) if edit.mode == "add" else 1.0
    axes = -2 if edit.point.kind == "z" else -1
    return size * float(edit.value.double().flatten(axes).norm(dim=-1).max())


def _length_problem(length: float, what: str) -> str | None:
    """Too long a value: the sum of squares that a norm takes is infinite, and everything after it is zero."""
    if length < LONGEST:
        return None
    return (
        f"has {what} of length {length:.1g}. From {LONGEST:.0e} on its square is beyond the largest "
        "number of float32, so that the next norm makes zeros of it and the model gives one and the same token: choose "
        "a smaller strength."
    )


def _width_problem(model: Model, edit: Edit) -> str | None:
    wanted, shape = shape_at(model.network, edit.point), tuple(edit.value.shape)
    if shape == wanted or (shape[1:] == wanted and shape[0] > 0):
        return None
    return (
        f"has a value of shape {shape} at {edit.point}, where {wanted} is needed, or that for each position."
    )

"""Where an experiment reads from and writes to a model, by the field's names, the same in every family.

This is the only module that registers hooks: :mod:`activations` reads through it, interventions write through it.
Hooks live inside one ``with`` block and are removed when it ends, also by an exception. (The cards of the bundled
models are measured by code of their own, in :mod:`steering_check`, so that they check this one.)

======================  =================================================  ==============================
kind                    what it is                                         shape
======================  =================================================  ==============================
``resid_pre``           residual stream before the block                   (batch, position, d_model)
``z``                   heads before the output projection                 (batch, position, head, d_head)
``v``                   values that each head moves; can only be read      (batch, position, head, d_head)
``attn_out``            what attention adds to the residual stream         (batch, position, d_model)
``neurons``             MLP neurons after their nonlinearity               (batch, position, d_mlp)
``mlp_out``             what the MLP adds to the residual stream           (batch, position, d_model)
``resid_post``          residual stream after the block                    (batch, position, d_model)
``pattern``             attention probabilities; can only be read          (batch, head, query, key)
======================  =================================================  ==============================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from torch import Tensor, nn

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.models.families import (
    adds_to_residual,
    attention_of,
    blocks,
    mlp_projection,
    n_heads,
    output_projection,
    value_projection,
)

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle
    from transformers import PreTrainedModel

KINDS = ("resid_pre", "v", "z", "attn_out", "neurons", "mlp_out", "resid_post", "pattern")
WRITABLE = ("resid_pre", "z", "attn_out", "neurons", "mlp_out", "resid_post")
"""A new pattern would change nothing: the product with the values is computed before a hook sees it. New values would
change every head that shares them: write to ``z``, head by head."""

LENS = {
    "resid_pre": "hook_resid_pre",
    "v": "attn.hook_v",
    "z": "attn.hook_z",
    "attn_out": "hook_attn_out",
    "neurons": "mlp.hook_post",
    "mlp_out": "hook_mlp_out",
    "resid_post": "hook_resid_post",
    "pattern": "attn.hook_pattern",
}
"""What TransformerLens calls each kind, within a block."""

HookFunction = Callable[[Tensor], Tensor | None]
"""Gets the tensor of a hook point; returns what takes its place, or None to leave it as it is."""


@dataclass(frozen=True, order=True)
class HookPoint:
    """One kind of activation at one layer (counted from 0); written ``resid_post.3``."""

    layer: int
    kind: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserError(f'There is no hook "{self.kind}": {suggestion(self.kind, KINDS)}')

    def __str__(self) -> str:
        return f"{self.kind}.{self.layer}"

    @property
    def lens_name(self) -> str:
        """What TransformerLens calls it, such as ``blocks.3.hook_resid_post``."""
        return f"blocks.{self.layer}.{LENS[self.kind]}"

    @property
    def first_block(self) -> int:
        """The first block that computes otherwise once something is changed here."""
        return self.layer + (self.kind == "resid_post")

    @classmethod
    def parse(cls, text: str) -> HookPoint:
        """Read ``kind.layer``."""
        kind, dot, layer = text.rpartition(".")
        if not dot or not layer.isdigit():
            raise UserError(f'A hook is written kind.layer, such as resid_post.3, not "{text}".')
        return cls(int(layer), kind)


@contextmanager
def attached(model: PreTrainedModel, functions: Mapping[HookPoint, HookFunction]) -> Iterator[None]:
    """Call a function at each hook point during the forward passes inside the ``with`` block.

    Raises
    ------
    UserError
        For a layer that the model does not have, a pattern that the model does not compute (its attention
        implementation must be ``eager``), and an attempt to write to one.
    """
    handles: list[RemovableHandle] = []
    try:
        for point, function in functions.items():
            handles.append(_register(model, point, function))
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Reached(Exception):
    """Ends a forward pass that has gone far enough."""


def forward_until(model: PreTrainedModel, functions: Mapping[HookPoint, HookFunction], **inputs: Any) -> None:
    """Run a forward pass only as far as the last hook point needs: later blocks and the unembedding are left out.

    A block whose input alone is wanted is left out too.

    Parameters
    ----------
    model
    functions
        As in :func:`attached`.
    inputs
        Of the model: ``input_ids``, ``attention_mask``, ``position_ids``.
    """
    last = max(point.layer for point in functions)

    def stop(*_: Any) -> None:
        raise _Reached

    block = blocks(model)[last]
    before = all(point.kind == "resid_pre" for point in functions if point.layer == last)
    with attached(model, functions):
        handle = (block.register_forward_pre_hook if before else block.register_forward_hook)(stop)
        try:
            model(**inputs, use_cache=False)
        except _Reached:
            pass
        finally:
            handle.remove()


@contextmanager
def resumed(
    model: PreTrainedModel, first: int, hidden: Float[Tensor, "batch position d_model"] | None
) -> Iterator[None]:
    """Let forward passes inside the ``with`` block begin at a later block.

    Earlier blocks compute nothing: the last of them gives ``hidden`` out, as if it had computed it, and its hooks see
    it. Keys and values of the blocks left out are not computed either.

    Parameters
    ----------
    model
    first
        The first block that runs; at 0 nothing is left out.
    hidden
        Residual stream before that block.
    """
    skipped = list(blocks(model))[:first]
    in_a_tuple = model.config.get_text_config().model_type == "gpt_neo"

    def nothing(*args: Any, **kwargs: Any) -> Any:
        same = args[0] if args else kwargs["hidden_states"]
        return (same,) if in_a_tuple else same

    def given(*_args: Any, **_kwargs: Any) -> Any:
        return (hidden,) if in_a_tuple else hidden

    own = [vars(block).get("forward") for block in skipped]  # set by libraries that place blocks on devices
    try:
        for block in skipped:
            block.forward = nothing
        if skipped:
            skipped[-1].forward = given
        yield
    finally:
        for block, forward in zip(skipped, own, strict=True):
            vars(block).pop("forward", None)
            if forward is not None:
                block.forward = forward


def _register(model: PreTrainedModel, point: HookPoint, function: HookFunction) -> RemovableHandle:
    layers = blocks(model)
    if not 0 <= point.layer < len(layers):
        raise UserError(
            f"{point} asks for layer {point.layer}, and the model has layers 0 to {len(layers) - 1}."
        )
    block = layers[point.layer]
    if point.kind == "resid_pre":
        return _before(block, function)
    if point.kind == "resid_post":
        return _after(block, 0, function)
    if point.kind == "z":
        return _before(output_projection(block), _by_head(function, n_heads(model)))
    if point.kind == "neurons":
        return _before(mlp_projection(block), function)
    if point.kind == "v":
        module, values = value_projection(block, n_heads(model))
        return _after(module, 0, lambda projected: _refused(function(values(projected)), point))
    if point.kind == "pattern":
        return _after(attention_of(block), 1, _only_reading(function, point, n_heads(model)))
    return _after(adds_to_residual(block, point.kind), 0, function)


def _refused(new: Tensor | None, point: HookPoint) -> None:
    if new is not None:
        raise UserError(f"{point} can only be read: heads share values. Write to z instead, head by head.")


def shape_at(model: PreTrainedModel, point: HookPoint) -> tuple[int, ...]:
    """Shape of an activation at one position: ``(head, d_head)`` at ``z``, elsewhere ``(width,)``."""
    if point.kind not in ("v", "z", "neurons"):
        return (int(model.config.get_text_config().hidden_size),)
    block, heads = blocks(model)[point.layer], n_heads(model)
    into: Any = mlp_projection(block) if point.kind == "neurons" else output_projection(block)
    width = int(into.in_features if hasattr(into, "in_features") else into.weight.shape[0])
    return (width,) if point.kind == "neurons" else (heads, width // heads)


def _before(module: nn.Module, function: HookFunction) -> RemovableHandle:
    """Hook the module's first input, however it is passed."""

    def hook(
        _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]] | None:
        new = function(args[0] if args else kwargs["hidden_states"])
        if new is None:
            return None
        return ((new, *args[1:]), kwargs) if args else (args, kwargs | {"hidden_states": new})

    return module.register_forward_pre_hook(hook, with_kwargs=True)


def _after(module: nn.Module, part: int, function: HookFunction) -> RemovableHandle:
    """Hook one part of the module's output; an output that is no tuple has one part."""

    def hook(_: nn.Module, _args: Any, out: Any) -> Any:
        if not isinstance(out, tuple):
            return function(out)
        new = function(out[part])
        return None if new is None else (*out[:part], new, *out[part + 1 :])

    return module.register_forward_hook(hook)


def _by_head(function: HookFunction, heads: int) -> HookFunction:
    def split(flat: Tensor) -> Tensor | None:
        new = function(flat.unflatten(-1, (heads, -1)))  # (batch, position, head, d_head)
        return None if new is None else new.flatten(-2)

    return split


def _only_reading(function: HookFunction, point: HookPoint, heads: int) -> HookFunction:
    def read(pattern: Tensor | None) -> None:
        # other implementations return nothing here, or something else under the same name
        if pattern is None or pattern.ndim != 4 or pattern.shape[1] != heads:
            raise UserError(
                f"{point} is not computed by this attention implementation: call "
                'model.set_attn_implementation("eager") first.'
            )
        if function(pattern) is not None:
            raise UserError(
                f"{point} can only be read: a new pattern would change nothing, silently. Write to z instead, "
                "with z = pattern @ v."
            )

    return read


@contextmanager
def eager(model: PreTrainedModel) -> Iterator[None]:
    """Compute attention step by step inside the ``with`` block: the only implementation with patterns to read."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)

"""Where the parts of a transformer are in each family: blocks, attention, values, heads' and neurons' outputs.

Only what was checked here is known: a family with other parts is refused rather than guessed at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from torch import Tensor, nn

from emotion_utils.core.errors import UserError, listing

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FAMILIES = ("gpt2", "gpt_neo", "gpt_neox", "llama", "qwen2", "qwen3", "gemma2", "gemma3_text")


def blocks(model: PreTrainedModel) -> nn.ModuleList:
    """The transformer blocks in order.

    Raises
    ------
    UserError
        For a family whose blocks were not checked here: what they add to the residual stream, and where, differs.
    """
    family = model.config.get_text_config().model_type
    if family not in FAMILIES:
        raise UserError(
            f'Hooks are not defined for the model type "{family}" ({type(model).__name__}): '
            f"known are {listing(FAMILIES)}."
        )
    decoder = model.get_decoder()
    return decoder.h if hasattr(decoder, "h") else decoder.layers


def n_layers(model: PreTrainedModel) -> int:
    """Number of transformer blocks."""
    return len(blocks(model))


def n_heads(model: PreTrainedModel) -> int:
    """Number of query heads of a block."""
    return int(model.config.get_text_config().num_attention_heads)


def attention_of(block: nn.Module) -> nn.Module:
    """The attention of a block."""
    for name in ("self_attn", "attention", "attn"):
        if hasattr(block, name):
            return getattr(block, name)
    raise UserError(f"A {type(block).__name__} has no attention that is known here.")


def _inner_attention(block: nn.Module) -> nn.Module:
    """The module that holds the projections: GPT-Neo wraps its attention once more."""
    attention = attention_of(block)
    return getattr(attention, "attention", attention)


def value_projection(block: nn.Module, heads: int) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """The module that computes values, and how to find those of each query head in what it gives out."""
    attention = _inner_attention(block)
    if hasattr(attention, "v_proj"):  # with fewer value heads than query heads each serves a run of them

        def own(projected: Tensor) -> Tensor:
            width = int(getattr(attention, "head_dim", projected.shape[-1] // heads))
            split = projected.unflatten(-1, (-1, width))
            return split.repeat_interleave(heads // split.shape[-2], dim=-2)

        return attention.v_proj, own  # type: ignore[return-value]
    if hasattr(attention, "c_attn"):  # queries, keys, values one after the other
        return attention.c_attn, lambda projected: projected.chunk(3, dim=-1)[2].unflatten(-1, (heads, -1))  # type: ignore[return-value]
    # head by head its query, key and value
    return attention.query_key_value, lambda p: p.unflatten(-1, (heads, -1)).chunk(3, dim=-1)[2]  # type: ignore[return-value]


def output_projection(block: nn.Module) -> nn.Module:
    """The module that takes the heads, side by side, into the residual stream."""
    attention = _inner_attention(block)
    for name in ("o_proj", "c_proj", "out_proj", "dense"):
        if hasattr(attention, name):
            return getattr(attention, name)
    raise UserError(f"A {type(attention).__name__} has no output projection that is known here.")


def mlp_projection(block: nn.Module) -> nn.Module:
    """The module that takes the neurons into the residual stream."""
    for name in ("down_proj", "c_proj", "dense_4h_to_h"):
        if hasattr(block.mlp, name):
            return getattr(block.mlp, name)
    raise UserError(f"A {type(block.mlp).__name__} has no output projection that is known here.")


def adds_to_residual(block: nn.Module, kind: str) -> nn.Module:
    """The module whose output is added to the residual stream; Gemma normalises before it adds."""
    if normalises(block):
        name = "post_attention_layernorm" if kind == "attn_out" else "post_feedforward_layernorm"
        return getattr(block, name)
    return attention_of(block) if kind == "attn_out" else block.mlp  # type: ignore[return-value]


def written_by_neurons(model: PreTrainedModel, layer: int) -> Float[Tensor, "d_mlp d_model"]:
    """What each MLP neuron adds to the residual stream per unit of activation, in float32 on the CPU.

    Gemma normalises the sum over neurons before it adds it: there the rows carry the gain of that norm, and the common
    factor is left out.
    """
    block = blocks(model)[layer]
    return _written(block, mlp_projection(block), "mlp_out")


def written_by_heads(model: PreTrainedModel, layer: int) -> Float[Tensor, "head d_head d_model"]:
    """What each head adds to the residual stream per unit of ``z``, in float32 on the CPU.

    Gemma normalises the sum over heads before it adds it: see :func:`written_by_neurons`.
    """
    block = blocks(model)[layer]
    rows = _written(block, output_projection(block), "attn_out")
    return rows.unflatten(0, (n_heads(model), -1))


def _written(block: nn.Module, projection: Any, kind: str) -> Float[Tensor, "unit d_model"]:
    weight = projection.weight.detach().float().cpu()
    rows = weight if hasattr(projection, "nf") else weight.T  # GPT-2's Conv1D keeps (in, out)
    if normalises(block):
        norm: Any = adds_to_residual(block, kind)
        rows = rows * (1 + norm.weight.detach().float().cpu())
    return rows


def normalises(block: nn.Module) -> bool:
    """Whether a block normalises what attention and MLP give before it adds it, as those of Gemma do."""
    return hasattr(block, "pre_feedforward_layernorm")

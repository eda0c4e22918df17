"""One forward pass over windows of tokens: the residual stream after some blocks, and the surprisal of each token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from emotion_utils.activations.extraction import BATCH_TOKENS, CPU_BATCH_TOKENS
from emotion_utils.core.errors import UserError
from emotion_utils.models.hooks import HookPoint, attached

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

LOGIT_BYTES = 2**29
"""Of the logits of a pass, which surprisal needs at every position."""
LARGEST = 65_504.0
"""Of float16."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def check_windows(model: Model, ids: Int[Tensor, "window position"], layers: Sequence[int]) -> None:
    """Refuse windows and layers that the model cannot read.

    Raises
    ------
    UserError
        Naming what does not fit.
    """
    windows, length = ids.shape
    if not windows or length < 2:
        raise UserError(
            f"There are {windows} windows of {length} tokens: a next state needs one window of two at least."
        )
    if length > model.context:
        raise UserError(
            f"Windows of {length} tokens are longer than the context of {model.label}, {model.context}: cut shorter "
            "ones."
        )
    wrong = [layer for layer in layers if not 0 <= layer < model.n_layers]
    if wrong or not layers or len(set(layers)) < len(layers):
        raise UserError(
            f"The layers {list(layers)} cannot be read: name some of 0 to {model.n_layers - 1}, each once."
        )
    model.check_mode()
    model.check_tokens(ids.numpy().ravel(), "The windows have")


def windows_at_once(model: Model, length: int, batch_tokens: int | None) -> int:
    """How many windows of so many tokens a pass takes, its logits among what has to fit.

    Parameters
    ----------
    model
    length
        Tokens of a window.
    batch_tokens
        By default what the extraction of activations takes on this device.
    """
    tokens = batch_tokens or (CPU_BATCH_TOKENS if model.device.type == "cpu" else BATCH_TOKENS)
    vocabulary = int(model.network.get_output_embeddings().weight.shape[0])
    return max(1, min(tokens // length, LOGIT_BYTES // (4 * length * vocabulary)))


def read_batch(
    model: Model, ids: Int[Tensor, "window position"], layers: Sequence[int]
) -> tuple[dict[int, Float[Tensor, "window position d_model"]], Float[Tensor, "window position"]]:
    """Hidden states and surprisal of windows in one forward pass, on the model's device, as it computes them."""
    caught: dict[int, Tensor] = {}

    def catching(layer: int) -> Any:
        return lambda hidden: caught.update({layer: hidden})

    ids = ids.to(model.device)
    with (
        torch.no_grad(),
        attached(model.network, {HookPoint(at, "resid_post"): catching(at) for at in layers}),
    ):
        logits = model.network(input_ids=ids, use_cache=False).logits
        surprisal = torch.full(ids.shape, torch.nan, device=logits.device)
        surprisal[:, 1:] = token_losses(logits, ids)
    return caught, surprisal


def token_losses(
    logits: Float[Tensor, "window position vocabulary"], ids: Int[Tensor, "window position"]
) -> Float[Tensor, "window target"]:
    """Nats of the tokens 1, 2, ... of windows under the logits of the positions before them."""
    flat = cross_entropy(logits[:, :-1].float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    return flat.unflatten(0, (len(ids), -1))


def narrowed(
    hidden: Float[Tensor, "window position d_model"], dtype: str, layer: int
) -> Float[Tensor, "window position d_model"]:
    """States in the dtype that they are kept in, on the CPU.

    Raises
    ------
    UserError
        For a value that is not finite, or beyond float16 where that is asked for.
    """
    largest = float(hidden.abs().max())
    if not largest < float("inf"):
        raise UserError(
            f"A hidden state after block {layer} is not finite ({largest}): load the model in float32 or bfloat16."
        )
    if dtype == "float16" and largest > LARGEST:
        raise UserError(
            f"A hidden state after block {layer} has a value of {largest:,.0f}, beyond the largest of float16 "
            f"({LARGEST:,.0f}): keep the states as bfloat16 or float32."
        )
    return hidden.to(DTYPES[dtype]).cpu()

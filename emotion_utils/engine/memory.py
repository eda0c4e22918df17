"""How many rows of a batch fit into memory, from the shape of the model: rows of a large vocabulary are few."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

CPU_BYTES = 2**30
"""What a batch may take on a CPU: a quarter of a small laptop, beside the weights."""
GPU_SHARE = 0.5
"""Of the memory of a GPU that is free; the rest is for what a block computes in between."""
COPIES = 2
"""Of logits: as the model gives them for rows that share a beginning, and for all."""


def row_bytes(model: Model, slots: int, logits: int) -> int:
    """Bytes of a row: its keys and values in all layers, and its logits.

    Parameters
    ----------
    model
    slots
        Tokens of the row, new ones among them.
    logits
        Positions whose logits are wanted.
    """
    config = model.network.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or model.n_heads
    width = getattr(config, "head_dim", None) or model.d_model // model.n_heads
    pairs = 2 * model.n_layers * heads * width * slots
    size = torch.finfo(model.network.dtype).bits // 8
    return int(pairs * size + COPIES * logits * config.vocab_size * 4)


def fitting_rows(model: Model, slots: int, logits: int, most: int) -> int:
    """Rows of a batch that fit, at most ``most`` and at least one.

    Parameters
    ----------
    model, slots, logits
        As of :func:`row_bytes`.
    most
        More would be no faster.
    """
    room = float(CPU_BYTES)
    if model.device.type == "cuda":
        room = GPU_SHARE * torch.cuda.mem_get_info(model.device)[0]
    return max(1, min(most, int(room // row_bytes(model, slots, logits))))

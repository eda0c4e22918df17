"""Ways to steer generation that scripts of this folder compare: packed, and three that take one condition at a time.

Each gives the greedy tokens of every prompt under every condition, shape (prompt, condition, token), and goes on behind
an end-of-sequence token. Prompts are token ids of unequal length, padded on the left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from emotion_utils.engine.decoding import Sampling
from emotion_utils.engine.generation import generate
from emotion_utils.engine.interventions import Condition
from emotion_utils.models.batches import model_inputs
from emotion_utils.models.hooks import attached
from emotion_utils.models.model import Model

PAD, PUBLISHED_BATCH = 0, 16

Ids = Sequence[list[int]]


def packed(model: Model, ids: Ids, every: Sequence[Condition], new: int, **how: Any) -> np.ndarray:
    """All conditions at once, by this package."""
    table = generate(model, ids, every, Sampling(new, stop_at_end=False), progress=False, **how)
    return np.array(table["ids"].tolist()).reshape(len(ids), len(every), new)


def adding(condition: Condition, model: Any) -> Callable[..., torch.Tensor]:
    """The hook of one condition, as one would write it: the same vector for every row and position."""
    edit, like = condition.edits[0], next(model.parameters())
    vector = (edit.scale * edit.value).to(like)
    return lambda hidden, hook=None: hidden + vector


@torch.no_grad()
def library_loop(model: Any, ids: Ids, every: Sequence[Condition], new: int) -> np.ndarray:
    """One condition at a time over all prompts, by the ``generate`` of Hugging Face with its KV cache and a hook."""
    batch, out = _batch(model, ids), []
    batch.pop("position_ids")
    for condition in every:
        with attached(model, {condition.edits[0].point: adding(condition, model)}):
            out.append(_library(model, batch, new)[:, -new:].cpu().numpy())
    return np.stack(out, axis=1)


@torch.no_grad()
def bare(model: Any, ids: Ids, new: int, size: int) -> None:
    """The rows in batches of one size, by the ``generate`` of Hugging Face without any hook."""
    for start in range(0, len(ids), size):
        batch = _batch(model, ids[start : start + size])
        batch.pop("position_ids")
        _library(model, batch, new)


def boot_lens(path: str, **how: Any) -> Any:
    """A transformer-lens bridge to the model at a path, or around the ``hf_model`` in memory, which it changes."""
    from transformer_lens.model_bridge import TransformerBridge  # takes seconds

    bridge = TransformerBridge.boot_transformers(path, **how)
    bridge.enable_compatibility_mode(no_processing=True)
    return bridge


@torch.no_grad()
def lens_loop(bridge: Any, ids: Ids, every: Sequence[Condition], new: int) -> np.ndarray:
    """One condition at a time over all prompts, by the ``generate`` of transformer-lens with its KV cache and a hook.

    Without the attention mask it takes padding for text and gives other tokens, without a warning.
    """
    batch, out = _batch(bridge, ids), []
    for condition in every:
        name = f"blocks.{condition.edits[0].point.layer}.hook_resid_post"
        with bridge.hooks(fwd_hooks=[(name, adding(condition, bridge))]):
            made = bridge.generate(
                batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=new,
                stop_at_eos=False,
                do_sample=False,
                return_type="tokens",
                verbose=False,
            )
        out.append(made[:, -new:].cpu().numpy())
    return np.stack(out, axis=1)


@torch.no_grad()
def published(model: Any, ids: Ids, every: Sequence[Condition], new: int) -> np.ndarray:
    """The reports' way, from its description: one condition, 16 prompts at a time, all computed again per token."""
    out = []
    for condition in every:
        rows = []
        for start in range(0, len(ids), PUBLISHED_BATCH):
            part = _batch(model, ids[start : start + PUBLISHED_BATCH])
            for _ in range(new):
                with attached(model, {condition.edits[0].point: adding(condition, model)}):
                    token = model(**part, use_cache=False).logits[:, -1].argmax(dim=-1)[:, None]
                part = _longer(part, token)
            rows.append(part["input_ids"][:, -new:].cpu())
        out.append(torch.cat(rows).numpy())
    return np.stack(out, axis=1)


def same_rows(a: np.ndarray, b: np.ndarray) -> float:
    """Share of rows of which all tokens are the same."""
    return float((a == b).all(axis=-1).mean())


def _batch(model: Any, ids: Ids) -> dict[str, torch.Tensor]:
    device = next(model.parameters()).device
    return {name: tensor.to(device) for name, tensor in model_inputs(ids, PAD, "left").items()}


def _library(model: Any, batch: dict[str, torch.Tensor], new: int) -> torch.Tensor:
    return model.generate(
        **batch, max_new_tokens=new, min_new_tokens=new, do_sample=False, eos_token_id=None, pad_token_id=PAD
    )


def _longer(part: dict[str, torch.Tensor], token: torch.Tensor) -> dict[str, torch.Tensor]:
    """The inputs with one more token in each row."""
    new = {
        "input_ids": token,
        "attention_mask": torch.ones_like(token),
        "position_ids": part["position_ids"][:, -1:] + 1,
    }
    return {name: torch.cat([part[name], new[name]], dim=1) for name in part}

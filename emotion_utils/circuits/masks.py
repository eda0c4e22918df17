"""How much of each head to keep, as numbers that can be learned: from all of it to its mean."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.heads.pairs import Pairs
from emotion_utils.models.batches import similar_lengths
from emotion_utils.models.hooks import HookFunction, HookPoint, attached

PENALTY = 0.5
"""Of the mean of the mask, beside the squared share of the difference that is missing."""
RATE = 0.15
START = 1.0
"""Before the logistic function: 0.73 of each head is kept at first."""
MINIBATCH = 32
"""Pairs, both prompts of which go through the model in one pass."""


def masked_difference(
    pairs: Pairs, means: Float[Tensor, "layer n_head d_head"], mask: Float[Tensor, " head"], rows: np.ndarray
) -> Float[Tensor, ""]:
    """Sum over prompts of their log-odds, those of neutral prompts taken off, with a gradient for the mask.

    Parameters
    ----------
    pairs
    means
        What a head gives where its mask is 0.
    mask
        Of every head, layer by layer: 1 keeps all of it.
    rows
        Prompts, counted as in ``Pairs.ids``.
    """
    device, heads = pairs.model.device, pairs.model.n_heads
    inputs = pairs.model.padded([pairs.ids[row] for row in rows.tolist()], "left")

    def mixed(layer: int) -> HookFunction:
        base = means[layer].to(device)
        own = mask[layer * heads : (layer + 1) * heads, None].to(device)
        return lambda z: base.to(z) + own.to(z) * (z - base.to(z))

    where = {HookPoint(layer, "z"): mixed(layer) for layer in range(pairs.model.n_layers)}
    with attached(pairs.model.network, where):
        logits = pairs.model.network(**inputs, use_cache=False, logits_to_keep=1).logits[:, -1]
    odds = pairs.log_odds_of(logits, rows.tolist())
    sign = torch.from_numpy(np.where(rows < len(pairs), 1.0, -1.0)).to(odds)
    return (odds * sign).sum()


def mask_slopes(
    pairs: Pairs, means: Float[Tensor, "layer n_head d_head"], mask: Float[np.ndarray, " head"]
) -> tuple[float, Float[np.ndarray, " head"]]:
    """Mean difference between partners (nats) under a mask, and its slope for the mask of each head."""
    return _slopes(pairs, means, mask, np.arange(len(pairs)))


def _slopes(
    pairs: Pairs, means: Tensor, mask: np.ndarray, chosen: np.ndarray
) -> tuple[float, Float[np.ndarray, " head"]]:
    value, slope = 0.0, np.zeros(len(mask))
    both = np.concatenate([chosen, chosen + len(pairs)])
    for part in similar_lengths([len(pairs.ids[row]) for row in both.tolist()], 2 * MINIBATCH):
        leaf = torch.from_numpy(mask).float().requires_grad_()
        with torch.enable_grad():
            difference = masked_difference(pairs, means, leaf, both[part])
            (own,) = torch.autograd.grad(difference, leaf)
        value += float(difference.detach())
        slope += own.double().numpy()
    return value / len(chosen), slope / len(chosen)


def learned_mask(
    pairs: Pairs,
    means: Float[Tensor, "layer n_head d_head"],
    *,
    steps: int = 80,
    seed: int = 0,
) -> Float[np.ndarray, " head"]:
    """Learn how much of each head to keep: little in all, and yet the whole difference between partners.

    Adam on the logit of each mask, on random pairs; the loss is the squared share of the difference that is missing
    plus a penalty on the mean of the masks.

    Parameters
    ----------
    pairs
        Of the build split.
    means
    steps, seed

    Returns
    -------
    Mask of each head, from 0 to 1.
    """
    whole = np.subtract(*pairs.untouched)
    theta = torch.full((len(pairs.heads),), START, requires_grad=True)
    adam, rng = torch.optim.Adam([theta], lr=RATE), np.random.default_rng(seed)
    for _ in range(steps):
        chosen = rng.permutation(len(pairs))[:MINIBATCH]
        mask = torch.sigmoid(theta)
        value, slope = _slopes(pairs, means, mask.detach().double().numpy(), chosen)
        missing = max(0.0, 1 - value / float(whole[chosen].mean()))
        pull = -2 * missing * slope / float(whole[chosen].mean()) + PENALTY / len(pairs.heads)
        adam.zero_grad()
        mask.backward(torch.from_numpy(pull).float())
        adam.step()
    return np.asarray(torch.sigmoid(theta).detach().double().numpy())

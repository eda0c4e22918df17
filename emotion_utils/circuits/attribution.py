"""What every head would do, estimated from one gradient: attribution patching, and what heads write directly.

To first order an effect is the slope of the log-odds at a head's output times the change of that output
{cite:p}`nanda2023attribution`. One pass forward and one back give the estimate for all heads at once. The direct part
is what a head writes itself, as the last norm and the unembedding read it, past every later block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from emotion_utils.activations.forward import BATCH
from emotion_utils.heads.outputs import norm_factors
from emotion_utils.heads.pairs import Pairs
from emotion_utils.models.batches import similar_lengths
from emotion_utils.models.families import written_by_heads
from emotion_utils.models.hooks import HookFunction, HookPoint, attached


@dataclass(frozen=True, eq=False)
class Slopes:
    """Heads' outputs and the slopes of the log-odds at them, on some prompts padded on the left.

    Attributes
    ----------
    rows
        Prompts, counted as in ``Pairs.ids``.
    z, slope
        Shape (prompt, layer, position, head, d_head), float32 on the CPU; 0 in padding.
    direct
        Slope at the residual stream after the last block, at the last position.
    written
        What attention adds to the stream at the last position of each layer.
    real
        Which positions hold tokens.
    """

    rows: np.ndarray
    z: Float[Tensor, "prompt layer position head d_head"]
    slope: Float[Tensor, "prompt layer position head d_head"]
    direct: Float[Tensor, "prompt d_model"]
    written: Float[Tensor, "prompt layer d_model"]
    real: Bool[Tensor, "prompt position"]


def slopes(pairs: Pairs, batch: int = BATCH) -> Iterator[Slopes]:
    """Pass forward and back over all prompts, those of similar length together."""
    ids, layers = pairs.ids, pairs.model.n_layers
    for rows in similar_lengths([len(row) for row in ids], batch):
        inputs = pairs.model.padded([ids[row] for row in rows.tolist()], "left")
        yield _slopes(pairs, rows, inputs, layers)


def _slopes(pairs: Pairs, rows: np.ndarray, inputs: dict[str, Tensor], layers: int) -> Slopes:
    seen: dict[HookPoint, Tensor] = {}
    moved: dict[HookPoint, Tensor] = {}

    def mover(point: HookPoint) -> HookFunction:
        def move(found: Tensor) -> Tensor:
            seen[point] = found.detach()
            moved[point] = torch.zeros_like(found, requires_grad=True)
            return found + moved[point]

        return move

    def keeper(point: HookPoint) -> HookFunction:
        def keep(found: Tensor) -> None:
            seen[point] = found[:, -1].detach()

        return keep

    heads = [HookPoint(layer, "z") for layer in range(layers)]
    adds = [HookPoint(layer, "attn_out") for layer in range(layers)]
    last = HookPoint(layers - 1, "resid_post")
    functions = {point: mover(point) for point in [*heads, last]} | {point: keeper(point) for point in adds}
    with torch.enable_grad(), attached(pairs.model.network, functions):
        logits = pairs.model.network(**inputs, use_cache=False, logits_to_keep=1).logits[:, -1]
        odds = pairs.log_odds_of(logits, rows.tolist())
        found = torch.autograd.grad(odds.sum(), [moved[point] for point in [*heads, last]])
    real = inputs["attention_mask"].bool().cpu()
    filled = real[:, None, :, None, None]

    def together(parts: Sequence[Tensor]) -> Tensor:
        return torch.where(filled, torch.stack([part.float().cpu() for part in parts], dim=1), 0.0)

    return Slopes(
        rows,
        together([seen[point] for point in heads]),
        together(found[:-1]),
        found[-1][:, -1].float().cpu(),
        torch.stack([seen[point].float().cpu() for point in adds], dim=1),
        real,
    )


def attribution_patching(
    pairs: Pairs, means: Float[Tensor, "layer n_head d_head"], batch: int = BATCH
) -> Float[np.ndarray, "side pair head"]:
    """First-order estimate of :func:`ablation.ablated` by the mean: the same effects, from one gradient per prompt.

    Parameters
    ----------
    pairs
    means
        From :func:`ablation.means_of`.
    batch
        Prompts of a pass.
    """
    return attributions(pairs, means, ("attribution",), batch)["attribution"]


def direct_logit_attribution(
    pairs: Pairs, means: Float[Tensor, "layer n_head d_head"], batch: int = BATCH
) -> Float[np.ndarray, "side pair head"]:
    """Direct logit attribution: what each head writes beyond its mean at the last position, as the log-odds read it.

    The final norm is taken to first order. Where a block normalises what attention adds (Gemma), the norm's factor is
    that of the prompt.
    """
    return attributions(pairs, means, ("direct",), batch)["direct"]


def attributions(
    pairs: Pairs,
    means: Float[Tensor, "layer n_head d_head"],
    kinds: Sequence[str] = ("attribution", "direct"),
    batch: int = BATCH,
) -> dict[str, Float[np.ndarray, "side pair head"]]:
    """Both attributions from the same gradients: :func:`attribution_patching`, :func:`direct_logit_attribution`."""
    found = {kind: np.empty((2 * len(pairs), len(pairs.heads))) for kind in kinds}
    weights = torch.stack(
        [written_by_heads(pairs.model.network, layer) for layer in range(pairs.model.n_layers)]
    )
    for part in slopes(pairs, batch):
        if "attribution" in found:
            change = part.z - means[None, :, None]
            value = torch.einsum("blthd,blthd->blh", part.slope, change)
            found["attribution"][part.rows] = value.flatten(1).double().numpy()
        if "direct" in found:
            last = part.z[:, :, -1]  # (prompt, layer, head, d_head)
            read = torch.einsum("lhdm,bm->blhd", weights, part.direct)
            value = torch.einsum("blhd,blhd->blh", read, last - means)
            value = value * norm_factors(pairs.model, last, part.written)[:, :, None]
            found["direct"][part.rows] = value.flatten(1).double().numpy()
    return {kind: value.reshape(2, len(pairs), -1) for kind, value in found.items()}

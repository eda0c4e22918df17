"""Muon for the matrices of the blocks, AdamW for the rest.

On this corpus Muon reaches a given loss with a fraction of the tokens that AdamW needs, which is what brings a
model to the generator's entropy within minutes on two cores.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

QUINTIC = (3.4445, -4.7750, 2.0315)  # Newton-Schulz coefficients, Jordan et al. 2024


def orthogonalise(matrices: Tensor, steps: int = 5, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """The matrices with all singular values near 1, by a Newton-Schulz iteration.

    Parameters
    ----------
    matrices : Tensor, shape (matrix, row, column)
    steps : int
        Iterations; five bring every singular value between about 0.7 and 1.2.
    dtype : torch.dtype
        Precision of the products.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = (matrices.mT if tall else matrices).to(dtype)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    a, b, c = QUINTIC
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return (x.mT if tall else x).to(matrices.dtype)


class Muon:
    """Momentum whose direction is orthogonalised, for matrices of any shapes.

    Equal shapes are orthogonalised together. The step of each entry has a root mean square of about ``0.2 * lr``,
    as in AdamW (Liu et al. 2025, "Muon is scalable").

    Parameters
    ----------
    matrices : sequence of Tensor
        Parameters of two dimensions.
    lr, momentum, weight_decay : float
    dtype : torch.dtype
        Precision of the orthogonalisation.
    """

    def __init__(
        self,
        matrices: Sequence[Tensor],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
        dtype: torch.dtype = torch.bfloat16,
    ) -> None:
        self.lr, self.momentum, self.weight_decay, self.dtype = lr, momentum, weight_decay, dtype
        shapes = dict.fromkeys(p.shape for p in matrices)
        self.groups = [[p for p in matrices if p.shape == shape] for shape in shapes]
        self.buffers = [torch.zeros(len(group), *group[0].shape) for group in self.groups]

    @torch.no_grad()
    def step(self) -> None:
        """Apply one update from the gradients."""
        for group, buffer in zip(self.groups, self.buffers, strict=True):
            grads = torch.stack([p.grad for p in group if p.grad is not None])
            buffer.lerp_(grads, 1 - self.momentum)
            update = orthogonalise(grads.lerp_(buffer, self.momentum), dtype=self.dtype)
            update *= -0.2 * max(group[0].shape) ** 0.5 * self.lr
            torch._foreach_mul_(group, 1 - self.lr * self.weight_decay)
            torch._foreach_add_(group, list(update))


class Optimiser:
    """Muon on the blocks' matrices, AdamW on embeddings, gains and biases, both on one schedule.

    Parameters
    ----------
    model : Module
        A causal language model in the Hugging Face layout.
    lr, adam_lr : float
        Peak rates of the two.
    dtype : torch.dtype
        Precision of the orthogonalisation.
    """

    def __init__(self, model: PreTrainedModel, lr: float, adam_lr: float, dtype: torch.dtype) -> None:
        embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
        embeddings.add(id(model.get_output_embeddings().weight))
        matrices = [p for p in model.parameters() if p.ndim == 2 and id(p) not in embeddings]
        taken = {id(p) for p in matrices}
        self.others = [p for p in model.parameters() if id(p) not in taken]
        self.peak, self.adam_peak = lr, adam_lr
        self.muon = Muon(matrices, lr, dtype=dtype)
        self.adam = torch.optim.AdamW(
            self.others, lr=adam_lr, betas=(0.9, 0.97), weight_decay=0.0, fused=True
        )

    def step(self, share: float) -> None:
        """Update at ``share`` of the peak rates."""
        self.muon.lr = self.peak * share
        self.adam.param_groups[0]["lr"] = self.adam_peak * share
        torch.nn.utils.clip_grad_norm_(self.others, 1.0)
        self.muon.step()
        self.adam.step()

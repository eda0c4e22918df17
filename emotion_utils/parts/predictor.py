"""What predicts a hidden state from those before it: causal self-attention, with options that the report leaves open.

The report's predictor is one layer of multi-head attention and nothing else. It does not say whether there are
positions or biases, and has neither a skip connection nor an MLP; :data:`PUBLISHED` is that, of its size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import rms_norm, scaled_dot_product_attention, silu

from emotion_utils.core.errors import UserError

LONG = 4.0
"""Root mean square, in standard deviations, beyond which a state that is read is shortened to it: the first token of a
text, on which attention rests, is hundreds of times as long as others."""
ROTARY_BASE = 10_000.0
Skip = Literal["none", "identity", "linear"]
Positions = Literal["none", "learned", "rotary"]
Start = Literal["mean", "autoregression"]


@dataclass(frozen=True)
class Architecture:
    """What a predictor is made of.

    Attributes
    ----------
    heads, d_head
        Of attention.
    depth
        Layers; each reads the state with all that those before it wrote.
    mlp
        Neurons of a gated MLP after attention; 0 for none.
    skip
        How the state h_t itself goes into the prediction of h_(t+1): not at all, as it is, or through a matrix.
    positions
        ``learned``: a vector by position that attention reads, and an intercept by position. ``rotary``: queries and
        keys are rotated {cite:p}`su2024`.
    bias
        Of all projections.
    start
        What a predictor with a matrix for the state predicts before it is trained: the mean of each position, so that
        matrix and attention are learned together, or the linear autoregression.

    Raises
    ------
    UserError
        For sizes below 1, and rotary positions in heads of odd width.
    """

    heads: int = 8
    d_head: int = 64
    depth: int = 1
    mlp: int = 0
    skip: Skip = "linear"
    positions: Positions = "learned"
    bias: bool = True
    start: Start = "mean"

    def __post_init__(self) -> None:
        if min(self.heads, self.d_head, self.depth) < 1 or self.mlp < 0:
            raise UserError(f"A predictor has at least one head, one dimension of it and one layer: {self}.")
        if self.positions == "rotary" and self.d_head % 2:
            raise UserError(f"Rotary positions turn pairs of dimensions: {self.d_head} of a head is odd.")


DEFAULT = Architecture()
PUBLISHED = Architecture(heads=32, d_head=128, skip="none", positions="none")
"""Of the report, for Pythia-410M (d_model 1,024, whose own attention has a quarter of this capacity)."""


@dataclass(frozen=True, eq=False)
class Autoregression:
    """The linear prediction of a state from the one before it, in standard deviations of each dimension.

    Attributes
    ----------
    mean, std
        Of each dimension over the training states after position 0; a constant dimension has 1.
    weight
        From what is read, bounded (:func:`bounded`), to what is predicted.
    intercept
        Row t is that of the prediction of position t + 1.
    position_mean
        Row t is the mean of position t + 1.
    """

    mean: Float[Tensor, " d_model"]
    std: Float[Tensor, " d_model"]
    weight: Float[Tensor, "read_dimension d_model"] = field(repr=False)
    intercept: Float[Tensor, "target d_model"] = field(repr=False)
    position_mean: Float[Tensor, "target d_model"] = field(repr=False)

    def __call__(self, h: Float[Tensor, "window position d_model"]) -> Float[Tensor, "window target d_model"]:
        """Predictions of the positions 1, 2, ..., in the units of the states."""
        x = bounded((h[:, :-1] - self.mean) / self.std)
        return (x @ self.weight + self.intercept[: x.shape[1]]) * self.std + self.mean


def bounded(x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
    """Standardised states, those of a root mean square beyond :data:`LONG` shortened to it."""
    size = x.square().mean(dim=-1, keepdim=True).sqrt()
    return x * (LONG / size).clamp(max=1.0)


class Attention(nn.Module):
    """Causal multi-head self-attention."""

    def __init__(self, width: int, architecture: Architecture) -> None:
        super().__init__()
        self.heads, self.rotary = architecture.heads, architecture.positions == "rotary"
        inner = architecture.heads * architecture.d_head
        self.into = nn.Linear(width, 3 * inner, bias=architecture.bias)
        self.out = nn.Linear(inner, width, bias=architecture.bias)

    def forward(self, x: Float[Tensor, "batch position d_model"]) -> Float[Tensor, "batch position d_model"]:
        """What attention writes at each position, from that one and those before it."""
        q, k, v = self.into(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if self.rotary:
            q, k = rotated(q), rotated(k)
        z = scaled_dot_product_attention(q, k, v, is_causal=True)  # (batch, head, position, d_head)
        return self.out(z.transpose(1, 2).flatten(-2))


class GatedMLP(nn.Module):
    """An MLP whose neurons are gated by others {cite:p}`shazeer2020`."""

    def __init__(self, width: int, neurons: int, *, bias: bool) -> None:
        super().__init__()
        self.into = nn.Linear(width, 2 * neurons, bias=bias)
        self.out = nn.Linear(neurons, width, bias=bias)

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """What it writes."""
        gate, value = self.into(x).chunk(2, dim=-1)
        return self.out(silu(gate) * value)


class Block(nn.Module):
    """Attention and perhaps an MLP, which add to what was written before."""

    def __init__(self, width: int, architecture: Architecture, *, first: bool) -> None:
        super().__init__()
        self.first = first
        self.attention = Attention(width, architecture)
        self.mlp = GatedMLP(width, architecture.mlp, bias=architecture.bias) if architecture.mlp else None

    def forward(
        self, x: Float[Tensor, "batch position d_model"], written: Float[Tensor, "batch position d_model"]
    ) -> Float[Tensor, "batch position d_model"]:
        """What is written after this block, which reads the states and what was written."""
        # standardised states have one scale, sums of them have not
        read = x if self.first else _normed(x + written)
        written = written + self.attention(read)
        return written if self.mlp is None else written + self.mlp(_normed(x + written))


def _normed(x: Tensor) -> Tensor:
    return rms_norm(x, x.shape[-1:])


def rotated(x: Float[Tensor, "*batch position d_head"]) -> Float[Tensor, "*batch position d_head"]:
    """Each pair of dimensions turned by an angle in proportion to the position."""
    half = x.shape[-1] // 2
    speeds = ROTARY_BASE ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angles = torch.arange(x.shape[-2], device=x.device, dtype=torch.float32)[:, None] * speeds
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class Predictor(nn.Module):
    """Predicts each hidden state of a window from those before it.

    States are standardised inside: by the mean and standard deviation of each dimension over the training states after
    position 0. A state that is read and longer than :data:`LONG` is shortened, so that one position cannot drown the
    rest; a state that is predicted is not. At the start nothing is written but the skip connection and the intercepts
    (:attr:`Architecture.start`); of the start and all that follows the best on validation windows is kept.

    Parameters
    ----------
    width
        d_model.
    length
        Positions of the longest window; only learned positions depend on it.
    architecture
    start
        The linear autoregression, which has the means and standard deviations.
    seed
        Of the weights.

    Raises
    ------
    UserError
        For windows longer than ``length`` where positions are learned.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, width: int, length: int, architecture: Architecture, start: Autoregression, seed: int = 0
    ) -> None:
        super().__init__()
        self.architecture, self.length = architecture, length
        self.register_buffer("mean", start.mean.clone())
        self.register_buffer("std", start.std.clone())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.blocks = nn.ModuleList(
                Block(width, architecture, first=i == 0) for i in range(architecture.depth)
            )
        for part in self.modules():
            if isinstance(part, Attention | GatedMLP):
                nn.init.zeros_(part.out.weight)
                if part.out.bias is not None:
                    nn.init.zeros_(part.out.bias)
        linear, learned = architecture.skip == "linear", architecture.positions == "learned"
        fitted = linear and architecture.start == "autoregression"
        weight = start.weight.clone() if fitted else torch.zeros_like(start.weight)
        self.skip = nn.Parameter(weight) if linear else None
        # the last state of a window is never read
        self.positions = nn.Parameter(torch.zeros(length - 1, width)) if learned else None
        by_position = start.intercept if fitted else start.position_mean
        whole = by_position if learned else by_position.mean(dim=0)
        self.intercept = nn.Parameter(whole.clone()) if learned or architecture.bias else None

    def forward(self, h: Float[Tensor, "batch position d_model"]) -> Float[Tensor, "batch position d_model"]:
        """Predict: index t holds the prediction of h_(t+1) from h_0 to h_t, in the units of the states."""
        return self.in_deviations(h) * self.std + self.mean

    def predict(self, h: Float[Tensor, "batch position d_model"]) -> Float[Tensor, "batch target d_model"]:
        """Predictions of the states at the positions 1, 2, ... of windows, in the units of the states."""
        return self(h[:, :-1])

    def in_deviations(
        self, h: Float[Tensor, "batch position d_model"]
    ) -> Float[Tensor, "batch position d_model"]:
        """The same prediction, in standard deviations of each dimension around its mean."""
        x = bounded((h - self.mean) / self.std)
        y = torch.zeros_like(x)
        seen = x
        if self.positions is not None:
            self._check(x.shape[1])
            seen = x + self.positions[: x.shape[1]]
        for block in self.blocks:
            y = block(seen, y)
        if self.skip is not None:
            y = y + x @ self.skip
        elif self.architecture.skip == "identity":
            y = y + x
        if self.intercept is None:
            return y
        return y + (self.intercept if self.positions is None else self.intercept[: x.shape[1]])

    def _check(self, length: int) -> None:
        if length > self.length - 1:
            raise UserError(
                f"The predictor has learned positions 0 to {self.length - 2}, and is to read {length} states: cut the "
                'windows, or train one with positions="rotary".'
            )

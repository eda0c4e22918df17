"""What a dictionary has to beat at the same number of active features: components, and the neurons as they are.

A random dictionary is trained with ``frozen`` atoms (:mod:`settings`), and judged as any other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.core.errors import UserError


@runtime_checkable
class Coder(Protocol):
    """Whatever reads states as features and writes them back: a :class:`dictionary.Dictionary`, or a rival."""

    def encode(self, states: Float[Tensor, "*row d_model"]) -> Float[Tensor, "*row feature"]:
        """Features of states; those that are not zero are active."""
        ...

    def decode(self, activations: Float[Tensor, "*row feature"]) -> Float[Tensor, "*row d_model"]:
        """States that features stand for."""
        ...


@dataclass(frozen=True, eq=False)
class Components:
    """The first k principal components, the same for all states.

    Attributes
    ----------
    mean
    axes
        Orthonormal.
    """

    mean: Float[Tensor, " d_model"] = field(repr=False)
    axes: Float[Tensor, "k d_model"] = field(repr=False)

    def encode(self, states: Float[Tensor, "*row d_model"]) -> Float[Tensor, "*row k"]:
        """Places along the axes."""
        return (states.float() - self.mean) @ self.axes.T

    def decode(self, activations: Float[Tensor, "*row k"]) -> Float[Tensor, "*row d_model"]:
        """Points of the plane."""
        return activations @ self.axes + self.mean


@dataclass(frozen=True, eq=False)
class LargestNeurons:
    """The k coordinates of each state that are farthest from their mean; the others are put at their mean.

    Attributes
    ----------
    mean
    k
    """

    mean: Float[Tensor, " d_model"] = field(repr=False)
    k: int

    def encode(self, states: Float[Tensor, "*row d_model"]) -> Float[Tensor, "*row d_model"]:
        """Distances from the mean, those that are kept."""
        away = states.float() - self.mean
        at = away.abs().topk(self.k, dim=-1).indices
        return torch.zeros_like(away).scatter(-1, at, away.gather(-1, at))

    def decode(self, activations: Float[Tensor, "*row d_model"]) -> Float[Tensor, "*row d_model"]:
        """States with the other coordinates at their mean."""
        return activations + self.mean


def rivals(states: Float[Tensor, "_ d_model"], k: int) -> dict[str, Coder]:
    """What needs no training, from the states that a dictionary was trained on.

    Parameters
    ----------
    states
    k
        Active features of a state; a dictionary's mean number, rounded.

    Returns
    -------
    ``k components`` and ``k largest neurons``, with the number for k.

    Raises
    ------
    UserError
        For a k that is not between 1 and the width of the states.
    """
    width = states.shape[1]
    if not 1 <= k <= width:
        raise UserError(
            f"States of {width} dimensions have 1 to {width} components, not {k}: choose another k."
        )
    mean = states.mean(dim=0, dtype=torch.float32)
    scatter = torch.zeros(width, width, dtype=torch.float64)
    for part in states.split(4096):
        away = (part.float() - mean).double().cpu()
        scatter += away.T @ away
    axes = torch.linalg.eigh(scatter).eigenvectors[:, -k:].flip(1).T.float().to(mean.device)
    return {f"{k} components": Components(mean, axes), f"{k} largest neurons": LargestNeurons(mean, k)}

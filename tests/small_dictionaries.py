"""Dictionaries that are made by hand."""

from __future__ import annotations

import numpy as np
import torch

from emotion_utils.dictionaries.dictionary import Dictionary


def random_dictionary(width: int, features: int, seed: int = 0, scale: float = 1.0) -> Dictionary:
    """One that fires about half of the time, with parts of every kind."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=rng)

    return Dictionary(
        draw(width, features), draw(features) * 0.1, draw(features, width), draw(width) * 0.1,
        torch.rand(features, generator=rng) * 0.1, scale=scale,
    )  # fmt: skip


def orthogonal(directions: np.ndarray, bias: np.ndarray | None = None, threshold: float = 0.0) -> Dictionary:
    """A feature for each of some orthonormal directions, shape (feature, d_model)."""
    d = torch.from_numpy(np.asarray(directions, dtype=np.float32))
    b = torch.zeros(d.shape[1]) if bias is None else torch.from_numpy(np.asarray(bias, dtype=np.float32))
    return Dictionary(d.T.contiguous(), torch.zeros(len(d)), d, b, torch.full((len(d),), threshold))

"""Texts with labels of their own, and states of which the truth is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from emotion_utils.activations.extraction import Activations
from emotion_utils.models.hooks import HookPoint
from emotion_utils.prompts.splits import grouped_splits

LAYERS, WIDTH = 3, 16


def own_prompts(sizes: Mapping[str, int], each: int = 1) -> pd.DataFrame:
    """Unpaired texts: so many of each label, every `each` of them a family."""
    rows = [
        (f"{label}-{i}", f"{label} text {i} of its own", label, f"{label}/{i // each}")
        for label, n in sizes.items()
        for i in range(n)
    ]
    table = pd.DataFrame(rows, columns=["id", "text", "emotion", "group"]).assign(pair_id=None)
    return table.assign(split=grouped_splits(table))


def own_states(
    table: pd.DataFrame,
    planted: Mapping[str, int] | None = None,
    strength: float = 0.0,
    seed: int = 0,
    family: float = 0.0,
) -> Activations:
    """Noise read at the end, and what families share; labels in `planted` are moved along an axis, not at layer 0."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(len(table), LAYERS, WIDTH, generator=generator)
    codes = torch.from_numpy(pd.factorize(table["group"])[0])
    values += family * torch.randn(int(codes.max()) + 1, LAYERS, WIDTH, generator=generator)[codes]
    for label, axis in (planted or {}).items():
        values[torch.tensor((table["emotion"] == label).to_numpy()), 1:, axis] += strength
    reads = pd.DataFrame({"id": table["id"], "position": "end", "row": np.arange(len(table))})
    reads = reads.assign(first=0, last=0, sink=False)
    return Activations({HookPoint(layer, "resid_post"): values[:, layer] for layer in range(LAYERS)}, reads)

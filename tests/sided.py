"""States of made-up models that share a planted emotion, a part of their neutral states, or nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import planted

from emotion_utils.subspaces.readings import ModelStates, PromptPairs, rows_of

LATENT = 12


def prompts(families: int = 16, each: int = 3) -> pd.DataFrame:
    return planted.shared(families, each)


def rows(table: pd.DataFrame | None = None) -> PromptPairs:
    return rows_of(prompts() if table is None else table)


def world(table: pd.DataFrame, seed: int, strength: float = 2.0) -> np.ndarray:
    """A latent state per prompt: of the sentence, of its family, and of its emotion."""
    rng = np.random.default_rng(seed)
    emotions = {name: rng.normal(size=LATENT) / np.sqrt(LATENT) * strength for name in planted.EMOTIONS}
    pair = {name: rng.normal(size=LATENT) for name in table["pair_id"].unique()}
    return np.stack(
        [
            pair[row.pair_id] + emotions.get(row.emotion, 0) + 0.3 * rng.normal(size=LATENT)
            for row in table.itertuples()
        ]
    )


def model_states(
    name: str, table: pd.DataFrame, latent: np.ndarray, seed: int, width: int = 20, layers: int = 2
) -> ModelStates:
    rng = np.random.default_rng(seed)
    values = np.stack(
        [
            latent @ rng.normal(size=(LATENT, width)) / np.sqrt(LATENT)
            + 0.1 * rng.normal(size=(len(latent), width))
            for _ in range(layers)
        ],
        axis=1,
    )
    return ModelStates(name, tuple(range(layers)), pd.Index(table["id"]), values)


def two_of_one_world(seed: int = 0, widths: tuple[int, int] = (20, 20)) -> tuple[ModelStates, ModelStates]:
    table = prompts()
    latent = world(table, seed)
    return tuple(model_states(f"m{i}", table, latent, 10 * seed + i + 1, w) for i, w in enumerate(widths))


def two_worlds(seed: int = 0) -> tuple[ModelStates, ModelStates]:
    table = prompts()
    return tuple(
        model_states(f"m{i}", table, world(table, 99 * seed + i), 10 * seed + i + 1) for i in range(2)
    )

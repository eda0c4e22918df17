"""Prompts and activations whose truth is known: a direction per emotion, planted into noise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from emotion_utils.activations.extraction import Activations
from emotion_utils.activations.prompt_sets import PromptSetActivations
from emotion_utils.models.hooks import HookPoint

EMOTIONS = ("gratitude", "anger", "apology")
LAYERS, WIDTH = 3, 24


def shared(families: int = 20, each: int = 2) -> pd.DataFrame:
    """Like the real profiles: one neutral prompt serves all three emotions; a family of four sentences is a unit."""
    rows = []
    for family in range(families):
        split = {3: "select", 4: "test"}.get(family % 5, "build")
        for i in range(each):
            for label in (*EMOTIONS, "neutral"):
                text = f"{label} {family} words {i}"
                rows.append(
                    (f"s-{family}-{i}-{label}", text, label, f"{label}/{family}", split, f"s-{family}-{i}")
                )
    columns = ["id", "text", "emotion", "group", "split", "pair_id"]
    return pd.DataFrame(rows, columns=columns).assign(
        emotion_start=0.0, emotion_end=4.0, match_start=0.0, match_end=4.0
    )


def prompts(name: str, families: int = 10, each: int = 3, word: str = "") -> pd.DataFrame:
    """Pairs of an emotional prompt and its neutral partner; a family is a unit, and every fifth is select or test."""
    rows = []
    for e, emotion in enumerate(EMOTIONS):
        for family in range(families):
            split = {3: "select", 4: "test"}.get(family % 5, "build")
            for i in range(each):
                pair = f"{name}-{emotion}-{family}-{i}"
                for label in (emotion, "neutral"):
                    text = f"{word or label}{e} {family} words {i} of {name} {label if word else ''}".strip()
                    group = f"{name}/{emotion}/{family}"
                    rows.append((f"{pair}-{label}", text, label, group, split, pair, 0.0, 4.0, 0.0, 4.0))
    columns = ["id", "text", "emotion", "group", "split", "pair_id"]
    spans = ["emotion_start", "emotion_end", "match_start", "match_end"]
    return pd.DataFrame(rows, columns=[*columns, *spans])


def directions(seed: int = 0) -> torch.Tensor:
    """Unit vectors, shape (emotion, layer, d_model)."""
    drawn = torch.randn(len(EMOTIONS), LAYERS, WIDTH, generator=torch.Generator().manual_seed(seed))
    return drawn / drawn.norm(dim=-1, keepdim=True)


def activations(
    table: pd.DataFrame,
    strength: float,
    noise: float = 0.1,
    seed: int = 1,
    shift: float = 3.0,
    spread: float = 0.0,
) -> Activations:
    """Noise around a common mean, plus `strength` times the emotion's direction at layers 1 and 2 (not at 0).

    With `spread`, families have a common deviation of their own.
    """
    generator = torch.Generator().manual_seed(seed)
    truth, values, reads = directions(), [], []
    common = {
        g: spread * torch.randn(LAYERS, WIDTH, generator=generator) for g in dict.fromkeys(table["group"])
    }
    partner: dict[str, torch.Tensor] = {}
    neutral = table[table["emotion"] == "neutral"].set_index("pair_id")["id"]
    for row, prompt in enumerate(table.itertuples()):
        places = ["end"] if prompt.emotion == "neutral" else ["end", "emotion", "match"]
        for place in places:
            state = shift + noise * torch.randn(LAYERS, WIDTH, generator=generator) + common[prompt.group]
            if (
                place == "match"
            ):  # the word in the partner is one state, whichever emotion it is compared with
                state = partner.setdefault(prompt.pair_id, state)
            if prompt.emotion != "neutral" and place != "match":
                state[1:] += strength * truth[EMOTIONS.index(prompt.emotion), 1:]
            values.append(state)
            at = row if place != "match" else int(table.index[table["id"] == neutral[prompt.pair_id]][0])
            reads.append((prompt.id, place, at, 1, 2, False))
    stacked = torch.stack(values)
    found = {HookPoint(layer, "resid_post"): stacked[:, layer] for layer in range(LAYERS)}
    return Activations(found, pd.DataFrame(reads, columns=["id", "position", "row", "first", "last", "sink"]))


def set_activations(
    strength: float = 1.0, other: float | None = None, size: str = "smoke"
) -> PromptSetActivations:
    """A keyword set and a set without words, with the emotion planted into both (or otherwise into the second)."""
    sets = {"keyword": prompts("keyword"), "other": prompts("other", word="same")}
    found = {
        "keyword": activations(sets["keyword"], strength),
        "other": activations(sets["other"], strength if other is None else other, seed=2),
    }
    return PromptSetActivations("planted", size, sets, found)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)

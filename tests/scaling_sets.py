"""Sets of emotion vectors whose shared geometry is known, and folders of stories."""

from __future__ import annotations

import json

import numpy as np

from emotion_utils.scaling.published import VectorSet

EMOTIONS = tuple("abcdefghijklmnopqrst")


def geometry() -> np.ndarray:
    """Coordinates of 20 emotions in 6 dimensions, the same for whoever asks."""
    return np.random.default_rng(7).normal(size=(len(EMOTIONS), 6))


def rotated(seed, width=40, layers=2, noise=0.0, scale=1.0, points=None) -> VectorSet:
    """A model with that geometry, turned into a space of its own, at a length of its own, with some noise."""
    rng = np.random.default_rng(seed)
    own = geometry() if points is None else points
    values = []
    for _ in range(layers):
        turn = np.linalg.qr(rng.normal(size=(width, width)))[0][: own.shape[1]]
        values.append(scale * (own @ turn + noise * rng.normal(size=(len(own), width))) + 3.0)
    return VectorSet(f"model {seed}", EMOTIONS, tuple(range(layers)), np.stack(values), blocks=layers)


def unrelated(seed, width=40, layers=2) -> VectorSet:
    """A model that shares nothing with any other."""
    values = np.random.default_rng(seed).normal(size=(layers, len(EMOTIONS), width))
    return VectorSet(f"unrelated {seed}", EMOTIONS, tuple(range(layers)), values, blocks=layers)


def write_stories(folder, lines, about=None):
    """Write stories: of each emotion a list of lines, texts or objects."""
    (folder / "stories").mkdir(parents=True, exist_ok=True)
    for emotion, own in lines.items():
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in own)
        (folder / "stories" / f"{emotion}.jsonl").write_text(text, encoding="utf-8")
    if about is not None:
        (folder / "emotions.json").write_text(json.dumps(about), encoding="utf-8")
    return folder

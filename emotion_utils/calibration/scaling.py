"""The reports' score after alignment with a wider model, on models that share nothing, by the scale of its activations.

The map from the wider model is fitted by a pseudo-inverse, which shrinks as the activations grow; the score grows with
the map. Neither needs the coordinates of a model: the score is made of inner products within each of the two, so that
no rotation changes it, and the simulated rows are drawn along the axes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.core.errors import UserError
from emotion_utils.planted.generators import spectrum
from emotion_utils.subspaces.measures import principal_components

SOURCE, WIDTHS = 768, (4096, 3840)
"""Width of GPT-2; those of Llama 3.1 8B and Qwen3 8B, and of Gemma 3 12B."""
ROWS, K, EXPONENT = 70, 8, 1.0
"""Neutral and emotional prompts and dimensions, as in the reports; singular values fall as rank to minus this power."""
SCALES = tuple(float(10 ** (step / 10)) for step in range(-20, 21))
"""Root mean square of a coordinate of the wider model over that of a coordinate of GPT-2: 0.01 to 100."""
MILLION = 1e6
"""The table holds millionths, because the least of the reports' values would be lost in its decimals."""


def products(
    seed: int,
    width: int,
    *,
    source: int = SOURCE,
    rows: int = ROWS,
    k: int = K,
    exponent: float = EXPONENT,
) -> Float[np.ndarray, "k k"]:
    """Inner products of the mapped basis of a wider model with the basis of GPT-2, at a scale of 1.

    Parameters
    ----------
    seed
        Of both models, which share nothing.
    width, source
        d_model of both.
    rows
        Neutral prompts, and as many emotional ones.
    k
        Dimensions of both subspaces.
    exponent
        Of the spectrum of both.

    Returns
    -------
    What :func:`emotion_utils.subspaces.measures.published_phase8` squares, clips and averages.
    """
    neutral, bases = [], []
    for part, d in zip(np.random.SeedSequence(seed).spawn(2), (source, width), strict=True):
        rng, axes = np.random.default_rng(part), spectrum(d, exponent)
        states = rng.normal(size=(rows, d)) * axes
        neutral.append(states - states.mean(axis=0))
        bases.append(principal_components(rng.normal(size=(rows, d)) * axes, k))
    found: np.ndarray = bases[1] @ np.linalg.pinv(neutral[1]) @ (neutral[0] @ bases[0].T)
    return found


def after(found: Float[np.ndarray, "*draw k k"], scale: float) -> Float[np.ndarray, "*draw"]:
    """The published score where the wider model's activations are multiplied by `scale`.

    Parameters
    ----------
    found
        From :func:`products`; the map is inverse to the scale.
    scale
        Above 0.
    """
    return np.asarray(np.clip((found / scale) ** 2, 0, 1).mean(axis=(-2, -1)))


def by_scale(seeds: Iterable[int], width: int, scales: Iterable[float] = SCALES) -> pd.DataFrame:
    """Range of the published score over pairs of models that share nothing, at each scale.

    Returns
    -------
    Columns ``width, scale, median, low, high`` (millionths; the middle 95 % of one subspace pair) and ``n``.
    """
    drawn = np.stack([products(seed, width) for seed in seeds])
    found = []
    for scale in scales:
        low, middle, high = np.quantile(after(drawn, scale), [0.025, 0.5, 0.975]) * MILLION
        found.append((width, round(scale, 6), middle, low, high, len(drawn)))
    return pd.DataFrame(found, columns=["width", "scale", "median", "low", "high", "n"])


def lengths(folder: Path, models: Iterable[str]) -> pd.DataFrame:
    """Median length of the mean vectors of emotions that others published, by model and layer.

    Parameters
    ----------
    folder
        With ``<model>/raw_vectors.npz``, whose keys are ``layer_<n>__<emotion>``.
    models
        Names of folders.

    Returns
    -------
    Columns ``model, layer, length`` (median over the emotions, in units of the residual stream) and ``n``.
    """
    found = []
    for model in models:
        path = folder / model / "raw_vectors.npz"
        if not path.is_file():
            raise UserError(f"{path} is missing: give the folder of the published vectors.")
        with np.load(path) as vectors:
            by_layer: dict[int, list[float]] = {}
            for name in vectors.files:
                layer = int(name.split("__")[0].removeprefix("layer_"))
                by_layer.setdefault(layer, []).append(float(np.linalg.norm(vectors[name])))
        found += [(model, layer, float(np.median(own)), len(own)) for layer, own in sorted(by_layer.items())]
    return pd.DataFrame(found, columns=["model", "layer", "length", "n"])

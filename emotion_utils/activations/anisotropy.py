"""How much all activations point the same way: the floor under every cosine of the book.

Cosines of activations are far from 0 where the activations share a large common part (Ethayarajh 2019), which may lie
in very few dimensions (Timkey and van Schijndel 2021). Taking the mean away removes it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from emotion_utils.statistics.resampling import effective_units, interval, resampling_units

LARGEST = 3
"""Dimensions whose share of the cosine is reported."""
RESAMPLES = 500


def mean_cosine(
    values: Float[np.ndarray, "prompt d_model"], units: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Mean cosine of all pairs of rows from different units.

    Parameters
    ----------
    values
    units
        Unit of each row, numbers from 0, shape (prompt,).
    weights
        How often each unit counts, shape (unit,); two copies of one unit make no pair.

    Returns
    -------
    NaN where fewer than two units count.
    """
    products, sizes = _unit_products(values, units)
    return _mean_product(products, sizes, np.ones(len(sizes)) if weights is None else weights)


def _unit_products(values: np.ndarray, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of cosines between the rows of any two units, shape (unit, unit), and the number of rows of each."""
    member = np.eye(units.max() + 1)[units]  # (prompt, unit)
    sums = member.T @ _unit_length(values)  # (unit, d_model)
    return sums @ sums.T, member.sum(axis=0)


def _mean_product(products: np.ndarray, sizes: np.ndarray, weights: np.ndarray) -> float:
    """Mean over pairs of different units, each as often as its weight says."""
    pairs = (weights @ sizes) ** 2 - np.square(weights * sizes).sum()
    total = weights @ products @ weights - np.square(weights) @ np.diag(products)
    return float(total / pairs) if pairs > 0 else float("nan")


def _unit_length(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def anisotropy(
    stacked: Float[Tensor, "prompt layer d_model"], layers: list[int], prompts: pd.DataFrame, *, seed: int = 0
) -> pd.DataFrame:
    """Mean cosine between prompts of different units, raw and after a mean was taken away, by layer.

    The mean comes from one half of the units, and the cosines are those within the other half; both ways are averaged.
    Taking away the mean of the same prompts would bring their cosines to 0 by arithmetic alone.

    Parameters
    ----------
    stacked
        One position, from `Activations.at`.
    layers
        Their numbers.
    prompts
        Row by row.
    seed
        Of the bootstrap over units; the seed also draws the halves.

    Returns
    -------
    Columns ``layer, version`` (``raw`` or ``centred``), ``value, low, high, chance`` (0, of vectors that share
    nothing), ``spread`` (standard deviation of the cosine of two random directions, 1 / sqrt(d_model)), ``top`` (share
    of the raw mean cosine that three dimensions carry) and ``n, n_groups``.
    """
    units = pd.factorize(resampling_units(prompts))[0]
    n_groups, rng = int(units.max()) + 1, np.random.default_rng(seed)
    half = (rng.permutation(n_groups) < n_groups // 2)[units]  # (prompt,)
    drawn = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=RESAMPLES).astype(float)
    rows, effective = [], effective_units(units)
    for i, layer in enumerate(layers):
        values = stacked[:, i].double().numpy()
        for version in ("raw", "centred"):
            parts = [(values, units)]
            if version == "centred":
                parts = [
                    (values[h] - values[~h].mean(axis=0), units[h])
                    for h in (half, ~half)
                    if 0 < h.sum() < len(h)
                ]
            products = [_unit_products(*part) for part in parts]
            value = _mean_of(products, np.ones(n_groups))
            draws = np.array([_mean_of(products, weights) for weights in drawn])
            low, high = np.clip(interval(draws, effective, value), -1, 1)
            top = _share_of_largest(values, units) if version == "raw" else float("nan")
            common = (0.0, stacked.shape[2] ** -0.5, top, len(values), n_groups)
            rows.append((layer, version, value, low, high, *common))
    columns = ["layer", "version", "value", "low", "high", "chance", "spread", "top", "n", "n_groups"]
    return pd.DataFrame(rows, columns=columns)


def _mean_of(parts: list[tuple[np.ndarray, np.ndarray]], weights: np.ndarray) -> float:
    found = [_mean_product(products, sizes, weights[: len(sizes)]) for products, sizes in parts]
    return float(np.mean(found)) if found else float("nan")


def _share_of_largest(values: np.ndarray, units: np.ndarray) -> float:
    """Share of the mean cosine that the dimensions with the largest parts carry."""
    sums = np.eye(units.max() + 1)[units].T @ _unit_length(values)  # (unit, d_model)
    parts = np.square(sums.sum(axis=0)) - np.square(sums).sum(axis=0)
    whole = parts.sum()
    return float(np.sort(parts)[-LARGEST:].sum() / whole) if whole else float("nan")


def summarise_cosines(table: pd.DataFrame) -> str:
    """Say in Markdown what two prompts have in common that share nothing but the model."""
    raw, centred = (table[table["version"] == version].set_index("layer") for version in ("raw", "centred"))
    most = raw.loc[raw["value"].idxmax()]
    ends = "" if np.isnan(most["low"]) else f": {most['low']:.2f} to {most['high']:.2f}"
    return (
        f"Two random prompts have a cosine of {raw['value'].min():.2f} to **{raw['value'].max():.2f}** (layer "
        f"{most.name}{ends}), where two random directions in "
        f"{round(most['spread'] ** -2)} dimensions have 0 ± {most['spread']:.2f}. At layer {most.name}, {LARGEST} "
        f"dimensions carry {most['top']:.0%} of it. With a mean of other prompts taken away, "
        f"**{centred['value'].min():.2f} to {centred['value'].max():.2f}** is left "
        f"(n = {most['n']:.0f} prompts in {most['n_groups']:.0f} units)."
    )

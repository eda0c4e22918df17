"""How much of the spread of activations lies between the emotions, beside a null of permuted labels.

The share of variance between classes (eta squared) is computed from inner products of prompts alone, so that a
permutation of labels or a deletion of prompts is another small quadratic form, however wide the model is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.activations.extraction import Activations, extract, points
from emotion_utils.core.layers import FEW, layers_in_words
from emotion_utils.models.hooks import HookPoint
from emotion_utils.prompts.report import at_most, by_emotion
from emotion_utils.statistics.jackknife import jackknife_interval
from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.permutations import LEVEL, family_blocks, permutation_p, permute_blocks
from emotion_utils.statistics.resampling import FEWEST_UNITS, resampling_units

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

ROUNDING = 1e-6
PERMUTATIONS = 499
"""Label permutations by default: they cost little here."""
ROWS = 160
"""Prompts in a map, about; fewer of each label where there are many labels."""


def eta_squared(gram: Float[np.ndarray, "prompt prompt"], labels: np.ndarray) -> float:
    """Share of the squared distance from the mean that lies between the class means.

    Parameters
    ----------
    gram
        Inner products of the prompts' activations; they need not be centred.
    labels
        Class of each prompt, shape (prompt,).
    """
    return float(_shares(gram, labels[None])[0])


def _shares(gram: Float[np.ndarray, "prompt prompt"], labels: np.ndarray) -> Float[np.ndarray, " draw"]:
    """The same for many labellings at once, shape (draw, prompt); every class occurs in each of them."""
    classes = np.unique(labels)
    member = (labels[:, None] == classes[:, None]).astype(float)  # (draw, class, prompt)
    flat = member.reshape(-1, len(gram))
    sums = ((flat @ gram) * flat).sum(axis=1).reshape(member.shape[:2])
    whole = gram.sum() / len(gram)
    total = np.trace(gram) - whole
    if not total > ROUNDING * np.trace(gram):
        return np.full(len(labels), np.nan)
    return ((sums / member.sum(axis=2)).sum(axis=1) - whole) / total


def between_class_variance(
    stacked: Float[Tensor, "prompt layer d_model"],
    layers: Sequence[int],
    prompts: pd.DataFrame,
    *,
    n_permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """Share of variance between emotions by layer, with a label-permutation null and an interval.

    Parameters
    ----------
    stacked
        One position, from `Activations.at`.
    layers
        Their numbers; -1 stands for the embedding.
    prompts
        Row by row.
    n_permutations
        Labels are exchanged between blocks of prompts of one template family and emotion; p is
        (1 + null at least as large) / (1 + n_permutations).
    seed
        Of the permutations.

    Returns
    -------
    Columns ``layer, value, low, high`` (95 %, jackknife over units: copies in a bootstrap would look like classes),
    ``chance`` ((k - 1) / (n - 1), of labels given one by one), ``null`` (mean), ``null_high`` (95th percentile), ``p``,
    ``p_max`` (against the largest standardised null of all layers: corrected for having looked at all of them), ``n,
    n_groups`` and ``note``: with fewer than eight units there is no interval and no p. The value is NaN where all
    activations are the same.
    """
    labels, units = pd.factorize(prompts["emotion"])[0], resampling_units(prompts)
    blocks, rng = family_blocks(prompts), np.random.default_rng(seed)
    shuffled = np.stack([permute_blocks(labels, blocks, rng) for _ in range(n_permutations)])
    grams = [_gram(stacked[:, i]) for i in range(stacked.shape[1])]
    value = np.array([eta_squared(gram, labels) for gram in grams])  # (layer,)
    # (permutation, layer)
    null = np.array([[eta_squared(gram, each) for gram in grams] for each in shuffled])
    n_units = len(set(units))
    few = n_units < FEWEST_UNITS
    table = pd.DataFrame(map(against_null, value, null.T))
    table.insert(0, "layer", list(layers))
    table[["low", "high"]] = np.nan if few else list(map(partial(_left_out, labels, units), grams, value))
    table = table.assign(
        chance=(len(set(labels)) - 1) / (len(labels) - 1),
        p=np.nan if few else table["p"],
        p_max=np.nan if few else _corrected(value, null),
        n=len(labels),
        n_groups=n_units,
        note=f"{n_units} units, at least {FEWEST_UNITS} are needed" if few else "",
    )
    columns = ["layer", "value", "low", "high", "chance", "null", "null_high", "p", "p_max", "n", "n_groups"]
    return table[[*columns, "note"]]


def class_variance(
    model: Model,
    prompts: pd.DataFrame,
    read: Activations | None = None,
    *,
    n_permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """:func:`between_class_variance` at the end of the prompts, from the embedding to the last block.

    ``read`` is what was read of the same prompts after every block, if it was; the embedding costs next to nothing.
    """
    first = [HookPoint(0, "resid_pre")]
    found = extract(model, prompts, first if read else [*first, *points(model)], ["end"], progress=False)
    blocks = read or found
    stacked = torch.cat([found.at("end", "resid_pre")[1], blocks.at("end")[1]], dim=1)
    layers = [-1, *blocks.layers()]
    return between_class_variance(stacked, layers, prompts, n_permutations=n_permutations, seed=seed)


def _gram(values: Float[Tensor, "prompt d_model"]) -> Float[np.ndarray, "prompt prompt"]:
    """Inner products after centring; NaN where all rows are the same up to rounding."""
    own = values.double()
    centred = own - own.mean(dim=0)
    if centred.norm() <= ROUNDING * own.norm():
        centred = torch.full_like(centred, torch.nan)
    return (centred @ centred.T).numpy()


def _corrected(value: np.ndarray, null: np.ndarray) -> np.ndarray:
    """P of each layer against the largest standardised null of all layers."""
    mean, spread = null.mean(axis=0), null.std(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        ours, theirs = (value - mean) / spread, (null - mean) / spread
    largest = np.nan_to_num(theirs, nan=-np.inf).max(axis=1, keepdims=True)
    return permutation_p(ours, np.broadcast_to(largest, null.shape))


def _left_out(labels: np.ndarray, units: np.ndarray, gram: np.ndarray, value: float) -> tuple[float, float]:
    """Interval from leaving out one unit at a time, cut at 0 and 1; NaN where a unit holds all the spread."""
    names, sizes = np.unique(units, return_counts=True)
    left = []
    for unit in names:
        kept = units != unit
        left.append(eta_squared(gram[np.ix_(kept, kept)], labels[kept]))
    return jackknife_interval(value, np.array(left), sizes, (0.0, 1.0))


def summarise_variance(table: pd.DataFrame) -> str:
    """Say in Markdown how much lies between the emotions, and whether it exceeds the null."""
    blocks, best = table[table["layer"] >= 0], _best(table)
    said = (
        f"After the blocks, {blocks['value'].min():.1%} to **{blocks['value'].max():.1%}** of the variance lies "
        f"between the emotions, most at {layer_name(int(best['layer']))}"
    )
    if best["note"]:
        return (
            f"{said}; permuted labels give {best['null']:.1%} there. **Too few prompts for a test**: {best['note']}, "
            "and neither an interval nor a p is given."
        )
    above = blocks[blocks["p"] <= LEVEL]["layer"].tolist()
    names = "every layer" if len(above) == len(blocks) else ", ".join(map(layer_name, above)) or "no layer"
    if FEW < len(above) < len(blocks):
        names = layers_in_words(above)
    return (
        f"{said} ({best['low']:.1%} to {best['high']:.1%}; permuted labels give {best['null']:.1%} on average and "
        f"{best['null_high']:.1%} at the 95th percentile; p = {best['p']:.2g}, corrected for the choice of the layer "
        f"{best['p_max']:.2g}; n = {best['n']} prompts in {best['n_groups']} units). One layer at a time, it is above "
        f"its null at {names}.{_of_embedding(table)}"
    )


def _of_embedding(table: pd.DataFrame) -> str:
    rows = table[table["layer"] < 0]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    if np.isnan(row["value"]):
        return " Before the first block all prompts are the same here: they end with the same token."
    verdict = "above" if row["p"] <= LEVEL else "not above"
    return (
        f" What the last token and its place alone would give, the embedding, is {row['value']:.1%}, {verdict} its "
        f"null ({row['null']:.1%}, p = {row['p']:.2g})."
    )


def beside_control(tables: Mapping[tuple[str, str], pd.DataFrame]) -> pd.DataFrame:
    """The layer with the largest share of each model and prompt set.

    Parameters
    ----------
    tables
        From (model, set) to what :func:`between_class_variance` gave.

    Returns
    -------
    Columns ``model, set, layer, value, low, high, null, p_max, n, n_groups``.
    """
    kept = ["layer", "value", "low", "high", "null", "p_max", "n", "n_groups"]
    return pd.DataFrame(
        {"model": model, "set": name, **_best(table)[kept].to_dict()}
        for (model, name), table in tables.items()
    )


def summarise_control(table: pd.DataFrame, control: str) -> str:
    """Say in Markdown where the negative control is above its null, and where the model is, from `beside_control`."""
    lines = []
    for name, rows in table.groupby("set", sort=False):
        said = []
        for row in rows.itertuples():
            if np.isnan(row.p_max):
                said.append(f"{row.model} {row.value:.1%}, too few prompts for a test")
                continue
            verdict = "above" if row.p_max <= LEVEL else "not above"
            said.append(
                f"{row.model} **{row.value:.1%}**, {verdict} its null (corrected p = {row.p_max:.2g})"
            )
        lines.append(f"- *{name}*: {'; '.join(said)}.")
    own = " This page is the negative control itself." if set(table["model"]) == {control} else ""
    return "Largest share of variance between the emotions, of all blocks:\n\n" + "\n".join(lines) + own


def best_layer(table: pd.DataFrame) -> int:
    """The block after which the largest share of the variance lies between the emotions."""
    return int(_best(table)["layer"])


def _best(table: pd.DataFrame) -> pd.Series:
    """The row of that block."""
    blocks = table[table["layer"] >= 0]
    return blocks.loc[blocks["value"].idxmax()]


def layer_name(layer: int) -> str:
    """The name of a layer in a sentence; -1 is the embedding."""
    return "the embedding" if layer < 0 else f"layer {layer}"


def plane(
    values: Float[Tensor, "prompt d_model"], prompts: pd.DataFrame, *, seed: int = 0
) -> tuple[pd.DataFrame, list[float]]:
    """The first two principal components, with the true emotions and with labels permuted between families.

    Parameters
    ----------
    values
        One layer and position.
    prompts
        Row by row.
    seed
        Of the one permutation.

    Returns
    -------
    Columns ``id, text, emotion, permuted, first, second``, and the shares of variance of the two components. The sign
    of a component is that of its largest loading.
    """
    centred = values.double() - values.double().mean(dim=0)
    left, singular, right = torch.linalg.svd(centred, full_matrices=False)
    signs = torch.sign(right[torch.arange(len(right)), right.abs().argmax(dim=1)])
    scores = (left * singular * signs).numpy()
    labels = prompts["emotion"].to_numpy()
    table = prompts[["id", "text", "emotion"]].reset_index(drop=True)
    permuted = permute_blocks(labels, family_blocks(prompts), np.random.default_rng(seed))
    table = table.assign(permuted=permuted, first=scores[:, 0], second=scores[:, 1])
    share = singular.square() / singular.square().sum()
    return table, share[:2].tolist()


def activation_map(
    values: Float[Tensor, "prompt d_model"],
    prompts: pd.DataFrame,
    *,
    dimensions: int = 24,
    per_emotion: int = 20,
) -> pd.DataFrame:
    """Standardised activations of some prompts in the dimensions with the largest variance.

    Parameters
    ----------
    values
        One layer and position.
    prompts
        Row by row; mean and standard deviation of a dimension are taken over all of them.
    dimensions, per_emotion
        How many to show, at most; where emotions are many, about :data:`ROWS` prompts in all.

    Returns
    -------
    Index (emotion, id), one column per dimension, that with the largest variance first.
    """
    spread = values.double().std(dim=0)
    chosen = spread.argsort(descending=True, stable=True)[:dimensions]
    scores = (values.double()[:, chosen] - values.double()[:, chosen].mean(dim=0)) / spread[chosen]
    table = pd.DataFrame(scores.numpy(), columns=chosen.tolist())
    table = by_emotion(table.assign(emotion=prompts["emotion"].to_numpy(), id=prompts["id"].to_numpy()))
    return (
        table.groupby("emotion", sort=False)
        .head(at_most(per_emotion, prompts, ROWS))
        .set_index(["emotion", "id"])
    )

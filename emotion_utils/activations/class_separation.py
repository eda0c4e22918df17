"""How much of the spread of activations lies between the emotions, beside a null of permuted labels.

The share of variance between classes (eta squared) is computed from inner products of prompts alone, so that a
permutation of labels or a deletion of prompts is another small quadratic form, however wide the model is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.activations.extraction import extract, points
from emotion_utils.models.hooks import HookPoint
from emotion_utils.prompts.report import by_emotion
from emotion_utils.statistics.permutations import permute_blocks
from emotion_utils.statistics.resampling import FEWEST_UNITS, resampling_units

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

NORMAL = 1.96
ROUNDING = 1e-6
ALPHA = 0.05
PERMUTATIONS = 499
"""Label permutations by default: they cost little here."""


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


def blocks_of(prompts: pd.DataFrame) -> np.ndarray:
    """Rows that keep a common label in a permutation: those of one template family and emotion; numbers from 0."""
    return pd.factorize(prompts["group"].astype(str) + "\0" + prompts["emotion"])[0]


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
    blocks, rng = blocks_of(prompts), np.random.default_rng(seed)
    shuffled = np.stack([permute_blocks(labels, blocks, rng) for _ in range(n_permutations)])
    grams = [_gram(stacked[:, i]) for i in range(stacked.shape[1])]
    value = np.array([eta_squared(gram, labels) for gram in grams])  # (layer,)
    null = np.array(
        [[eta_squared(gram, each) for gram in grams] for each in shuffled]
    )  # (permutation, layer)
    few = len(set(units)) < FEWEST_UNITS
    ends = [
        (np.nan, np.nan) if few else _jackknife(g, labels, units, v)
        for g, v in zip(grams, value, strict=True)
    ]
    p, p_max = _tails(value, null)
    table = pd.DataFrame({"layer": list(layers), "value": value, "low": [e[0] for e in ends]})
    return table.assign(
        high=[e[1] for e in ends],
        chance=(len(set(labels)) - 1) / (len(labels) - 1),
        null=null.mean(axis=0),
        null_high=np.quantile(null, 0.95, axis=0),
        p=np.nan if few else p,
        p_max=np.nan if few else p_max,
        n=len(labels),
        n_groups=len(set(units)),
        note=f"{len(set(units))} units, at least {FEWEST_UNITS} are needed" if few else "",
    )


def read_and_separate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: pd.DataFrame,
    *,
    n_permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """:func:`between_class_variance` at the end of the prompts, from the embedding to the last block."""
    where = [HookPoint(0, "resid_pre"), *points(model)]
    found = extract(model, tokenizer, prompts, where, ["end"], progress=False)
    stacked = torch.cat([found.at("end", kind)[1] for kind in ("resid_pre", "resid_post")], dim=1)
    layers = [-1, *found.layers()]
    return between_class_variance(stacked, layers, prompts, n_permutations=n_permutations, seed=seed)


def _gram(values: Float[Tensor, "prompt d_model"]) -> Float[np.ndarray, "prompt prompt"]:
    """Inner products after centring; NaN where all rows are the same up to rounding."""
    own = values.double()
    centred = own - own.mean(dim=0)
    if centred.norm() <= ROUNDING * own.norm():
        centred = torch.full_like(centred, torch.nan)
    return (centred @ centred.T).numpy()


def _tails(value: np.ndarray, null: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P by layer, and p against the largest standardised null of all layers."""
    p = (1 + (null >= value - ROUNDING).sum(axis=0)) / (1 + len(null))
    mean, spread = null.mean(axis=0), null.std(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        largest = np.nan_to_num((null - mean) / spread, nan=-np.inf).max(axis=1, keepdims=True)
        p_max = (1 + (largest >= (value - mean) / spread).sum(axis=0)) / (1 + len(null))
    undefined = np.isnan(value)
    return np.where(undefined, np.nan, p), np.where(undefined, np.nan, p_max)


def _jackknife(gram: np.ndarray, labels: np.ndarray, units: np.ndarray, value: float) -> tuple[float, float]:
    """95 % interval from leaving out one unit at a time, cut at 0 and 1; NaN where a unit holds all the spread."""
    left = []
    for unit in np.unique(units):
        kept = units != unit
        left.append(eta_squared(gram[np.ix_(kept, kept)], labels[kept]))
    if np.isnan(left).any():
        return float("nan"), float("nan")
    error = np.sqrt((len(left) - 1) / len(left) * np.square(np.array(left) - np.mean(left)).sum())
    return max(0.0, value - NORMAL * error), min(1.0, value + NORMAL * error)


def reading(table: pd.DataFrame) -> str:
    """Say in Markdown how much lies between the emotions, and whether it exceeds the null."""
    blocks = table[table["layer"] >= 0]
    best = blocks.loc[blocks["value"].idxmax()]
    said = (
        f"After the blocks, {blocks['value'].min():.1%} to **{blocks['value'].max():.1%}** of the variance lies "
        f"between the emotions, most at {layer_name(int(best['layer']))}"
    )
    if best["note"]:
        return (
            f"{said}; permuted labels give {best['null']:.1%} there. **Too few prompts for a test**: {best['note']}, "
            "and neither an interval nor a p is given."
        )
    above = blocks[blocks["p"] <= ALPHA]["layer"]
    names = (
        "every layer"
        if len(above) == len(blocks)
        else ", ".join(map(layer_name, above.tolist())) or "no layer"
    )
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
    verdict = "above" if row["p"] <= ALPHA else "not above"
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
    rows = []
    for (model, name), table in tables.items():
        blocks = table[table["layer"] >= 0]
        best = blocks.loc[blocks["value"].idxmax()]
        kept = ["layer", "value", "low", "high", "null", "p_max", "n", "n_groups"]
        rows.append({"model": model, "set": name, **best[kept].to_dict()})
    return pd.DataFrame(rows)


def control_reading(table: pd.DataFrame, control: str) -> str:
    """Say in Markdown where the negative control is above its null, and where the model is, from `beside_control`."""
    lines = []
    for name, rows in table.groupby("set", sort=False):
        said = []
        for row in rows.itertuples():
            if np.isnan(row.p_max):
                said.append(f"{row.model} {row.value:.1%}, too few prompts for a test")
                continue
            verdict = "above" if row.p_max <= ALPHA else "not above"
            said.append(
                f"{row.model} **{row.value:.1%}**, {verdict} its null (corrected p = {row.p_max:.2g})"
            )
        lines.append(f"- *{name}*: {'; '.join(said)}.")
    own = " This page is the negative control itself." if set(table["model"]) == {control} else ""
    return "Largest share of variance between the emotions, of all blocks:\n\n" + "\n".join(lines) + own


def best_layer(table: pd.DataFrame) -> int:
    """The block after which the largest share of the variance lies between the emotions."""
    blocks = table[table["layer"] >= 0]
    return int(blocks.loc[blocks["value"].idxmax(), "layer"])


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
    permuted = permute_blocks(labels, blocks_of(prompts), np.random.default_rng(seed))
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
        How many to show.

    Returns
    -------
    Index (emotion, id), one column per dimension, that with the largest variance first.
    """
    spread = values.double().std(dim=0)
    chosen = spread.argsort(descending=True, stable=True)[:dimensions]
    scores = (values.double()[:, chosen] - values.double()[:, chosen].mean(dim=0)) / spread[chosen]
    table = pd.DataFrame(scores.numpy(), columns=chosen.tolist())
    table = by_emotion(table.assign(emotion=prompts["emotion"].to_numpy(), id=prompts["id"].to_numpy()))
    return table.groupby("emotion", sort=False).head(per_emotion).set_index(["emotion", "id"])

"""A model that is steered, with its emotion vectors and the unit in which their strength is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.activations.extraction import extract, points
from emotion_utils.activations.prompt_sets import PromptSetActivations, read_sets
from emotion_utils.models.registry import knows_small_world
from emotion_utils.scoring.judge import Judge, relative_perplexity
from emotion_utils.scoring.scorer import Scorer
from emotion_utils.statistics.permutations import family_blocks
from emotion_utils.vectors.probing import Contrast, by_emotion, fit
from emotion_utils.vectors.vector import EmotionVector, centred_class_means

if TYPE_CHECKING:
    from emotion_utils.core.store import Store
    from emotion_utils.models.model import Model

MADE = ("minus neutral", "centred")
"""How a vector is made: the mean of an emotion minus that of the neutral prompts, as in the reports, or minus the mean
of all four class means, in which what the emotions share counts less."""

CLOUD = 512
"""Tokens of neutral prompts that are kept for controls with the covariance of the residual stream."""


@dataclass(frozen=True, eq=False)
class SteeredModel:
    """What all measurements of one model share.

    Attributes
    ----------
    model
    built
        By emotion: the states of the build split that its vector is made from.
    states, labels, blocks
        All states of the build split, the emotion of each, and the template family that keeps its label.
    vectors
        By :data:`MADE` and emotion: difference of means at the end of the prompts of the build split.
    unit
        The unit of strength: median length of the residual stream over the tokens of neutral build prompts, the first
        of each left out, by layer.
    cloud
        States of some of these tokens.
    """

    model: Model
    built: Mapping[str, Contrast] = field(repr=False)
    states: Float[Tensor, "prompt layer d_model"] = field(repr=False)
    labels: np.ndarray = field(repr=False)
    blocks: np.ndarray = field(repr=False)
    vectors: Mapping[str, Mapping[str, EmotionVector]]
    unit: Float[Tensor, " layer"]
    cloud: Float[Tensor, "token layer d_model"] = field(repr=False)

    @property
    def name(self) -> str:
        """Of the model, in the registry."""
        return self.model.name

    @property
    def layers(self) -> range:
        """All layers."""
        return range(len(self.unit))

    @property
    def emotions(self) -> list[str]:
        """What it can be steered to."""
        return list(self.built)

    @property
    def knows_replies(self) -> bool:
        """Whether it was trained on the small world, whose replies tell their emotion exactly."""
        return knows_small_world(self.name)

    @cached_property
    def cost(self) -> Scorer:
        """Perplexity beside genuine replies, under the untouched model; what it reads of a context is kept."""
        return relative_perplexity(Judge(self.model))

    def direction(self, emotion: str, layer: int, made: str = MADE[0]) -> Float[Tensor, " d_model"]:
        """The emotion's vector at a layer, one unit of strength long."""
        return self.vectors[made][emotion].unit().at(layer) * self.unit[layer]

    def ids(self, text: str) -> list[int]:
        """Tokens of a text that is to be continued; see :meth:`Model.starting_ids`."""
        return self.model.starting_ids(text)


def prepare(
    model: Model,
    prompts: pd.DataFrame,
    store: Store | None = None,
    seed: int = 0,
) -> SteeredModel:
    """Make the vectors of a model and measure its unit of strength, on the build split alone.

    Parameters
    ----------
    model
    prompts
        A prompt set with all emotions.
    store
        Keeps the activations.
    seed
        Of the choice of tokens that are kept.
    """
    activations = read_sets(model, {"prompts": prompts}, "baseline", store)
    contrasts = by_emotion(prompts, activations.found["prompts"])
    built = {emotion: contrast.only("build") for emotion, contrast in contrasts.items()}
    states, table = _build_states(activations)
    labels = table["emotion"].to_numpy(dtype=object)
    plain = {emotion: fit(contrast, "sentence end", model.name) for emotion, contrast in built.items()}
    means = centred_class_means(states, labels.tolist())
    centred = {e: replace(v, method="centred class mean", values=means[e]) for e, v in plain.items()}
    vectors = dict(zip(MADE, (plain, centred), strict=True))
    cloud = _neutral_tokens(model, prompts, store)
    unit = _median_norm(cloud)
    rows = np.random.default_rng(seed).permutation(len(cloud))[:CLOUD]
    kept = cloud[torch.from_numpy(np.sort(rows))]
    blocks = family_blocks(table)
    return SteeredModel(model, built, states, labels, blocks, vectors, unit, kept)


def unit_of_strength(
    model: Model, prompts: pd.DataFrame, store: Store | None = None
) -> Float[Tensor, " layer"]:
    """Median length of the residual stream over the tokens of neutral build prompts, the first of each left out."""
    return _median_norm(_neutral_tokens(model, prompts, store))


def _median_norm(cloud: Float[Tensor, "token layer d_model"]) -> Float[Tensor, " layer"]:
    return cloud.norm(dim=-1).median(dim=0).values


def _build_states(
    activations: PromptSetActivations,
) -> tuple[Float[Tensor, "prompt layer d_model"], pd.DataFrame]:
    """States at the end of the prompts of the build split, and these prompts."""
    ids, values = activations.found["prompts"].at("end")
    table = activations.prompts["prompts"].set_index("id").loc[ids].reset_index()
    build = np.flatnonzero(table["split"] == "build")
    return values[torch.from_numpy(build)], table.iloc[build].reset_index(drop=True)


def _neutral_tokens(
    model: Model,
    prompts: pd.DataFrame,
    store: Store | None,
) -> Float[Tensor, "token layer d_model"]:
    """States of every token of the neutral build prompts but the first of each, whose length is of another kind."""
    table = prompts[(prompts["emotion"] == "neutral") & (prompts["split"] == "build")].reset_index(drop=True)
    activations = extract(model, table, points(model), ("all",), store=store)
    later = ~activations.reads.loc[activations.reads["position"] == "all", "sink"].to_numpy(dtype=bool)
    return activations.at("all")[1][torch.from_numpy(np.flatnonzero(later))]

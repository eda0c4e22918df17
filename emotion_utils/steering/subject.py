"""A model that is steered, with its emotion vectors and the unit in which their strength is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from emotion_utils.core.emotions import emotions_of, has_reference, labels_of
from emotion_utils.core.layers import many
from emotion_utils.models.registry import knows_small_world
from emotion_utils.prompts.loading import load_profile
from emotion_utils.scoring.agreement import judged_own
from emotion_utils.scoring.classifier import emotions_said
from emotion_utils.scoring.judge import Judge, relative_perplexity
from emotion_utils.scoring.panel import OwnPanel, own_panel, text_judge
from emotion_utils.scoring.replies import OwnReplies, beginning, genuine_replies, own_replies
from emotion_utils.scoring.scorer import Scorer
from emotion_utils.statistics.permutations import family_blocks
from emotion_utils.statistics.resampling import resampling_units
from emotion_utils.steering.contexts import in_turn
from emotion_utils.vectors.probing import Contrast, by_emotion, contrast, fit
from emotion_utils.vectors.vector import EmotionVector, centred_class_means

if TYPE_CHECKING:
    from emotion_utils.core.store import Store
    from emotion_utils.models.model import Model

MADE = ("minus neutral", "centred", "keywords, minus neutral")
"""How a vector is made: from prompts that name no emotion the mean of an emotion minus that of the neutral ones, or
minus the mean of all four class means, in which what the emotions share counts less; and from prompts that name the
emotion, minus neutral, as in the reports."""
MINUS_OTHERS = "minus others"
"""How a vector of an own label is made where no text is neutral: minus the mean of the texts of all other labels."""
KEYWORDS = "baseline"
"""The prompts that name the emotion."""

Reader = Callable[[Sequence[str]], list[str | None]]
"""Tells the emotion of each text, or None where it has none."""

FEW_NEUTRAL = 48
"""Neutral prompts whose tokens give a model with many layers its unit of strength."""
REPLIES, FEW_REPLIES = 4, 2
"""Genuine replies of an emotion whose probabilities are added up; fewer in a model with many layers."""
STEERED = 6
"""Own labels that are steered at most."""
NEW_TOKENS = 30
"""Tokens that a text is continued by."""
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
        The unit of strength: median length of the residual stream over the tokens of neutral build prompts (of
        :data:`FEW_NEUTRAL` of them in a model with many layers), the first of each left out, by layer.
    cloud
        States of some of these tokens.
    named
        As ``built``, of the prompts that name the emotion.
    reader
        What tells the emotion of texts of a model that does not know the small world, such as
        :func:`scoring.panel.text_judge`; None is the word classifier alone.
    own
        Of a reader's labels: beginnings of the reader's texts, in the place of genuine replies.
    judged
        Of a reader's labels: what the judges say of the texts of the test split.
    language
        Of the small world's replies.
    """

    model: Model
    built: Mapping[str, Contrast] = field(repr=False)
    states: Float[Tensor, "prompt layer d_model"] = field(repr=False)
    labels: np.ndarray = field(repr=False)
    blocks: np.ndarray = field(repr=False)
    vectors: Mapping[str, Mapping[str, EmotionVector]]
    unit: Float[Tensor, " layer"]
    cloud: Float[Tensor, "token layer d_model"] = field(repr=False)
    named: Mapping[str, Contrast] = field(repr=False, default_factory=dict)
    reader: Reader | None = field(repr=False, default=None)
    own: OwnReplies | None = field(repr=False, default=None)
    judged: pd.DataFrame | None = field(repr=False, default=None)
    language: str = "en"

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
    def kinds(self) -> list[str]:
        """How its vectors are made, of :data:`MADE`."""
        return list(self.vectors)

    @property
    def parameters(self) -> int:
        """Of the model, an embedding that is used twice counted once."""
        return sum(weight.numel() for weight in self.model.network.parameters())

    @property
    def knows_replies(self) -> bool:
        """Whether it was trained on the small world, whose replies tell their emotion exactly."""
        return knows_small_world(self.name)

    @property
    def unread(self) -> str:
        """What a text is in which no emotion is found, as the rest of a sentence."""
        if self.own is not None:
            return "say nothing that the judge can tell, or repeat themselves"
        if self.knows_replies:
            return "open like no reply of the small world"
        return "say nothing that the judges can tell, or repeat themselves"

    def said(self, texts: Sequence[str]) -> list[str | None]:
        """The emotion of each text, or None."""
        if self.reader is not None:
            return self.reader(texts)
        return emotions_said(texts, small_world=self.knows_replies)

    @property
    def replies(self) -> int:
        """Genuine replies of each kind whose log-odds are read."""
        return FEW_REPLIES if many(len(self.unit)) else REPLIES

    @cached_property
    def cost(self) -> Scorer:
        """Perplexity under the untouched model beside genuine replies, or of own labels beside what it draws itself."""
        return relative_perplexity(Judge(self.model), labels=None if self.own is None else self.own.labels)

    def sides(self, emotion: str, n: int) -> tuple[list[str], list[str]]:
        """Genuine replies of the emotion, and neutral ones; of an own label texts of the test split, and others."""
        if self.own is not None:
            return self.own.of(emotion, n, "test"), self.own.against(emotion, n, "test")
        own, neutral = (genuine_replies(one, n, language=self.language) for one in (emotion, "neutral"))
        return own, neutral

    @property
    def compared(self) -> str:
        """What the log-odds compare, in words."""
        if self.own is None:
            return "emotional against neutral replies"
        return (
            f"texts of the label against {'neutral ones' if 'neutral' in self.own.labels else 'all others'}"
        )

    def direction(self, emotion: str, layer: int, made: str | None = None) -> Float[Tensor, " d_model"]:
        """The emotion's vector at a layer, one unit of strength long; by default of the first kind."""
        return self.vectors[made or self.kinds[0]][emotion].unit().at(layer) * self.unit[layer]

    def ids(self, text: str) -> list[int]:
        """Tokens of a text that is to be continued; see :meth:`Model.starting_ids`."""
        return self.model.starting_ids(text)


def prepare(
    model: Model,
    prompts: pd.DataFrame,
    store: Store | None = None,
    seed: int = 0,
    keywords: pd.DataFrame | None = None,
    reader: Reader | None = None,
    own: pd.DataFrame | None = None,
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
    keywords
        Prompts that name the emotion; by default the set :data:`KEYWORDS`.
    reader
        What tells the emotion of texts; by default the judge of the model's name.
    own
        A reader's prompts of other labels: vectors, replies and judge are theirs, and ``prompts`` are the scenes that
        are steered, whose neutral ones give the unit of strength.
    """
    if own is not None:
        return _prepare_own(model, own, prompts, store, seed, reader)
    activations = _read(model, prompts, store)
    built = by_emotion(activations.prompts["prompts"], activations.found["prompts"])
    telling = _read(model, load_profile(KEYWORDS) if keywords is None else keywords, store)
    named = by_emotion(telling.prompts["prompts"], telling.found["prompts"])
    states, table = _build_states(activations)
    labels = table["emotion"].to_numpy(dtype=object)
    plain, told = (
        {emotion: fit(contrast, "sentence end", model.name) for emotion, contrast in contrasts.items()}
        for contrasts in (built, named)
    )
    means = centred_class_means(states, labels.tolist())
    centred = {e: replace(v, method="centred class mean", values=means[e]) for e, v in plain.items()}
    vectors = dict(zip(MADE, (plain, centred, told), strict=True))
    unit, kept = _strength(model, prompts, store, seed)
    blocks = family_blocks(table)
    if reader is None:
        reader = text_judge(model.name, device=str(model.device), store=store, seed=seed)
    return SteeredModel(model, built, states, labels, blocks, vectors, unit, kept, named, reader)


def _prepare_own(
    model: Model,
    own: pd.DataFrame,
    scenes: pd.DataFrame,
    store: Store | None,
    seed: int,
    reader: Reader | None,
) -> SteeredModel:
    """Vectors, replies and judge of own labels, of which the first :data:`STEERED` by name are steered.

    Where two classes are compared, and where no text is neutral, the mean minus that of all classes points where the
    other kind does, so that only one is made.
    """
    activations = _read(model, own, store)
    prompts, found = activations.prompts["prompts"], activations.found["prompts"]
    built = {label: contrast(prompts, found, label) for label in emotions_of(own)[:STEERED]}
    plain = {label: fit(given, "sentence end", model.name) for label, given in built.items()}
    states, table = _build_states(activations)
    labels = table["emotion"].to_numpy(dtype=object)
    vectors = {MADE[0] if has_reference(own) else MINUS_OTHERS: plain}
    if has_reference(own) and len(labels_of(own)) > 2:
        means = centred_class_means(states, labels.tolist())
        vectors[MADE[1]] = {
            e: replace(v, method="centred class mean", values=means[e]) for e, v in plain.items()
        }
    unit, kept = _strength(model, scenes, store, seed)
    learnt, held = (own[(own["split"] == "test") == test].reset_index(drop=True) for test in (False, True))
    judged = None
    if reader is None:
        learnt = learnt.assign(group=resampling_units(learnt))
        reader = own_panel(learnt, model.name, device=str(model.device), store=store, seed=seed)
    if isinstance(reader, OwnPanel):
        begun = [beginning(model.tokenizer, text, NEW_TOKENS) for text in held["text"]]
        judged = judged_own(reader, held.assign(text=begun))
    replies, blocks = own_replies(own, model.tokenizer, seed=seed), family_blocks(table)
    return SteeredModel(
        model, built, states, labels, blocks, vectors, unit, kept, {}, reader, replies, judged
    )


def _strength(
    model: Model, prompts: pd.DataFrame, store: Store | None, seed: int
) -> tuple[Float[Tensor, " layer"], Float[Tensor, "token layer d_model"]]:
    """The unit of strength, and some of the states that it is measured on."""
    cloud = _neutral_tokens(model, prompts, store)
    rows = np.random.default_rng(seed).permutation(len(cloud))[:CLOUD]
    return _median_norm(cloud), cloud[torch.from_numpy(np.sort(rows))]


def _read(model: Model, prompts: pd.DataFrame, store: Store | None) -> PromptSetActivations:
    """States at the end of the prompts of the build split: no other one is read."""
    build = prompts[prompts["split"] == "build"].reset_index(drop=True)
    return read_sets(model, {"prompts": build}, "baseline", store)


def unit_of_strength(
    model: Model, prompts: pd.DataFrame, store: Store | None = None
) -> Float[Tensor, " layer"]:
    """Median length of the residual stream over the tokens of neutral build prompts, the first of each left out.

    In a model with many layers it is over :data:`FEW_NEUTRAL` of them, from their families in turn. Where no prompt is
    neutral, all are read.
    """
    return _median_norm(_neutral_tokens(model, prompts, store))


def _median_norm(cloud: Float[Tensor, "token layer d_model"]) -> Float[Tensor, " layer"]:
    return cloud.norm(dim=-1).median(dim=0).values


def _build_states(
    activations: PromptSetActivations,
) -> tuple[Float[Tensor, "prompt layer d_model"], pd.DataFrame]:
    """States at the end of the prompts, and these prompts."""
    ids, values = activations.found["prompts"].at("end")
    return values, activations.prompts["prompts"].set_index("id").loc[ids].reset_index()


def _neutral_tokens(
    model: Model, prompts: pd.DataFrame, store: Store | None
) -> Float[Tensor, "token layer d_model"]:
    """States of every token of the neutral build prompts but the first of each, whose length is of another kind.

    Of a model with many layers only some of these prompts are read, from their families in turn.
    """
    kept = prompts["split"] == "build"
    table = prompts[kept & (prompts["emotion"] == "neutral") if has_reference(prompts) else kept]
    if many(model.n_layers):
        table = in_turn(table, pd.Series(resampling_units(table), table.index)).head(FEW_NEUTRAL)
    table = table.reset_index(drop=True)
    activations = extract(model, table, points(model), ("all",), store=store)
    later = ~activations.reads.loc[activations.reads["position"] == "all", "sink"].to_numpy(dtype=bool)
    return activations.at("all")[1][torch.from_numpy(np.flatnonzero(later))]

"""Vectors that are as long as an emotion vector and mean nothing, or something else: rows beside the real ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.core.errors import UserError
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.permutations import permute_blocks
from emotion_utils.steering.contexts import (
    example_before,
    instruction_before,
    own_example_before,
    own_instruction_before,
)
from emotion_utils.steering.subject import MADE, SteeredModel
from emotion_utils.steering.trials import SteeringSetting, astray, outcomes, run
from emotion_utils.vectors.probing import shuffled
from emotion_utils.vectors.vector import centred_class_means

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

ALL = "all random"
"""The three kinds together."""
KINDS = ("isotropic", "covariance-matched", "label-shuffled")
"""Random directions: any alike; spread like the residual stream; made like the vector, from exchanged labels."""


def isotropic(n: int, width: int, rng: np.random.Generator) -> Float[Tensor, "vector d_model"]:
    """Directions drawn uniformly, of length 1."""
    return _units(torch.from_numpy(rng.standard_normal((n, width))))


def covariance_matched(
    states: Float[Tensor, "token d_model"], n: int, rng: np.random.Generator
) -> Float[Tensor, "vector d_model"]:
    """Directions of length 1 drawn from a normal distribution with the covariance of states."""
    centred = states.double() - states.double().mean(dim=0)
    return _units(torch.from_numpy(rng.standard_normal((n, len(states)))) @ centred)


def label_shuffled(
    steered: SteeredModel, emotion: str, layer: int, made: str, n: int, seed: int
) -> Float[Tensor, "vector d_model"]:
    """Directions of length 1 made as the emotion's vector, after labels were permuted between template families."""
    if n == 0:
        return torch.zeros(0, steered.states.shape[-1])
    if made != MADE[1]:
        given = (steered.named if made == MADE[2] else steered.built)[emotion]
        return _units(shuffled(given, "sentence end", n, seed)[:, given.layers.index(layer)].double())
    rng, states = np.random.default_rng(seed), steered.states[:, layer : layer + 1]
    drawn = [permute_blocks(steered.labels, steered.blocks, rng).tolist() for _ in range(n)]
    return _units(torch.cat([centred_class_means(states, labels)[emotion] for labels in drawn]).double())


def control_settings(
    steered: SteeredModel, setting: SteeringSetting, n: int, seed: int
) -> list[SteeringSetting]:
    """Controls of one setting: ``n`` random vectors, in equal parts of each kind, and the other emotions' vectors.

    All are as long as the emotion's vector and are added at the same layer and positions.

    Raises
    ------
    UserError
        Without random vectors: there is nothing to hold an effect against.
    """
    if n < 1:
        raise UserError(f"An emotion vector is held against random ones: ask for one or more, not {n}.")
    emotion, layer, made = setting.emotion, setting.layer, setting.made
    rng = np.random.default_rng(np.random.SeedSequence([seed, layer]))
    counts = [n // len(KINDS) + (i < n % len(KINDS)) for i in range(len(KINDS))]
    drawn = (
        isotropic(counts[0], steered.cloud.shape[-1], rng),
        covariance_matched(steered.cloud[:, layer], counts[1], rng),
        label_shuffled(steered, emotion, layer, made, counts[2], seed),
    )
    random = [
        replace(setting, vector=(vector * steered.unit[layer]).float(), kind=kind, number=number)
        for kind, vectors in zip(KINDS, drawn, strict=True)
        for number, vector in enumerate(vectors)
    ]
    others = [
        replace(setting, vector=steered.direction(other, layer, made), kind=f"vector of {other}")
        for other in steered.emotions
        if other != emotion
    ]
    return random + others


def compare(steered: pd.DataFrame, controls: pd.DataFrame, untouched: pd.DataFrame) -> pd.DataFrame:
    """Hold each emotion's share against its controls on the same contexts.

    Parameters
    ----------
    steered, controls, untouched
        From :func:`trials.outcomes`: the chosen settings, their controls, and the same contexts without steering.
        Contexts on which no control was tried are left out of all.

    Returns
    -------
    One row per emotion and kind of control (``all random`` are the three kinds together): ``share`` (of the vector),
    ``untouched``, ``control`` (mean share), ``highest`` (of a single control), ``difference`` (to the mean),
    ``controls`` (how many), ``p`` (of random kinds: the share of vectors, the emotion's own among them, that do at
    least as well), ``p_holm`` (of all random vectors together, corrected over the emotions), ``other`` (share of the
    controls' texts that say another emotion than the one asked for and neutral), ``none of them`` (share of those that
    open like no reply at all).
    """
    tried = set(controls["prompt"])
    steered, untouched = (part[part["prompt"].isin(tried)] for part in (steered, untouched))
    rows = []
    for emotion, texts in steered.groupby("emotion", sort=False):
        ours = float(texts["target"].mean())
        rest = float((untouched["says"] == emotion).mean())
        beside = controls[controls["emotion"] == emotion]
        parts = [(ALL, beside[beside["kind"].isin(KINDS)]), *beside.groupby("kind", sort=False)]
        for kind, part in parts:
            shares = part.groupby(["kind", "number"])["target"].mean().to_numpy()
            held = against_null(ours, shares)
            rows.append(
                {
                    "emotion": emotion, "against": kind, "share": ours, "untouched": rest,
                    "control": held.null, "highest": float(shares.max()),
                    "difference": ours - held.null, "controls": len(shares),
                    "p": held.p if str(kind) in (ALL, *KINDS) else np.nan,
                    "other": float(astray(part).mean()), "none of them": float(part["says"].isna().mean()),
                }
            )  # fmt: skip
    table = pd.DataFrame(rows)
    own = table["against"] == ALL
    return table.assign(p_holm=pd.Series(adjusted(table.loc[own, "p"].to_numpy(), "holm"), table.index[own]))


def by_control(controls: pd.DataFrame) -> pd.DataFrame:
    """Share of each control vector: ``emotion, kind, number, share``."""
    return (
        controls.groupby(["emotion", "kind", "number"], sort=False)["target"].mean().reset_index(name="share")
    )


def prompted(
    steered: SteeredModel,
    contexts: pd.DataFrame,
    prompts: pd.DataFrame,
    *,
    store: Store | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Ask for each emotion in words instead of steering to it.

    Parameters
    ----------
    steered
        Left untouched.
    contexts
        Of the test split.
    prompts
        Where examples are drawn from, on the build split; of own labels the reader's.
    store
        Keeps the texts.
    seed
        Of the examples.

    Returns
    -------
    Columns ``emotion, instruction, example``: the share of texts with the emotion by either way.
    """
    own = steered.own is not None
    instruction = own_instruction_before if own else instruction_before
    example = own_example_before if own else example_before
    asked = pd.concat(
        [
            part.assign(asked=emotion, way=way)
            for emotion in steered.emotions
            for way, part in (
                ("instruction", instruction(contexts, emotion)),
                ("example", example(contexts, prompts, emotion, seed)),
            )
        ],
        ignore_index=True,
    )
    emotion = steered.emotions[0]
    plain = [SteeringSetting(emotion, 0, 0.0, steered.direction(emotion, 0))]
    texts = run(steered, asked, plain, store=store)
    said = outcomes(steered, texts.assign(emotion=texts["asked"]), cost=False)
    shares = said.groupby(["emotion", "way"], sort=False)["target"].mean().unstack(sort=False)
    return shares.rename_axis(columns=None).reset_index()


def _units(vectors: Float[Tensor, "vector d_model"]) -> Float[Tensor, "vector d_model"]:
    return (vectors / vectors.norm(dim=1, keepdim=True)).float()

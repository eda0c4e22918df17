"""Emotion vectors straight from a model and a prompt set: made, probed, projected on, and read in tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch

from emotion_utils.activations.prompt_sets import read_activations, read_sets
from emotion_utils.core.emotions import others_of
from emotion_utils.core.errors import UserError, listing
from emotion_utils.models.model import Model
from emotion_utils.prompts.loading import EVERY_SET, labelled_set
from emotion_utils.vectors.held_out import Probes, held_out
from emotion_utils.vectors.logit_lens import promoted
from emotion_utils.vectors.outside import beside_own
from emotion_utils.vectors.vector import EmotionVector

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

OWN = "prompts"
"""What the set that vectors are made from is called in tables of scores, where it is given as a table."""


def emotion_vector(
    model: Model,
    emotion: str,
    prompts: str | Path | pd.DataFrame = "baseline",
    *,
    method: str = "sentence end",
    store: Store | None = None,
) -> EmotionVector:
    """Make the vector of an emotion: on the build split of a prompt set, emotional minus neutral.

    Where no prompt is neutral, a label stands against all others.

    Parameters
    ----------
    model
        From `emotion_utils.load`.
    emotion
        A label of the prompts: ``gratitude``, ``anger`` or ``apology`` of the book's own.
    prompts
        Name of a prompt set; the path of a file with the columns ``text`` and ``emotion``; or a table, such as
        ``eu.prompts("my.csv", text="line", label="mood", reference="calm")`` gives.
    method
        A key of ``probing.METHODS``: ``sentence end`` and ``emotion word`` are differences of means (methods.md
        section 3), ``logistic, end`` and ``logistic, word`` regressions.
    store
        Keeps the activations.

    Returns
    -------
    One direction per layer, shape (layer, d_model), in the units of the activations after each block.

    Raises
    ------
    UserError
        For an unknown emotion, method or prompt set, with the near miss.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> vector = eu.emotion_vector(eu.load("small-gpt2"), "gratitude", "smoke")
    >>> vector.layers, tuple(vector.values.shape), vector.n
    ((0, 1, 2, 3), (4, 128), 2)
    """
    return _probes(model, prompts, {}, store)[1].vector(method, emotion)


def probe(
    model: Model,
    prompts: str | Path | pd.DataFrame = "baseline",
    on: Sequence[str] = (),
    *,
    methods: Sequence[str] = ("sentence end",),
    vectors: Mapping[str, EmotionVector] | None = None,
    store: Store | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Score emotion vectors on prompts that they were not made from, beside their null and a bag of words.

    A vector is made on the build split, its layer is chosen on the select split, and it is scored on the test split;
    on another set its layer is chosen on the select split of that set, and the rest is scored.

    Parameters
    ----------
    model
        From `emotion_utils.load`.
    prompts
        As of :func:`emotion_vector`: what vectors are made from.
    on
        Names of other prompt sets to score on.
    methods
        Keys of ``probing.METHODS``.
    vectors
        Vectors from elsewhere, by emotion, such as `read_vectors` gives: scored on the same prompts, beside those that
        are made from them. Those of other emotions are left out.
    store
        Keeps the activations.
    seed
        Of the null and the bootstrap.

    Returns
    -------
    One row per method, set and emotion, and their mean: ``value, low, high`` (AUROC of emotional against neutral
    prompts or, where none are, of a label against all others; chance 1/2, 95 % over units of prompts), ``null,
    null_high, p`` (labels exchanged inside units, or between them where they are not paired; layer chosen again),
    ``accuracy``, ``words`` (AUROC of a bag of words) and what else :func:`held_out.held_out` gives.

    Raises
    ------
    UserError
        For an unknown method or prompt set, a method that needs marked words where there are none, another set without
        any of the labels, and vectors of another model, hook or emotions.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> model = eu.load("small-gpt2")
    >>> eu.emotion_vector(model, "gratitude", "baseline").n
    42
    >>> scores = eu.probe(model, "baseline").set_index("emotion")
    >>> scores.loc["gratitude", ["value", "null_high", "p"]].astype(float).round(2).tolist()
    [0.98, 0.91, 0.05]
    """
    name, probes = _probes(model, prompts, {other: labelled_set(other) for other in on}, store, seed)
    sets = [other for other in on if other != name]
    for other in sets:
        if not probes.emotions(other):
            known = listing(probes.emotions(name))
            raise UserError(
                f"{other} has none of the labels {known}: vectors of them cannot be scored on it."
            )
    own = held_out(probes, sets, methods=methods, seed=seed)
    if vectors is None:
        return own
    return pd.concat([own, beside_own(probes, vectors, sets, seed)], ignore_index=True)


def project(
    model: Model, prompts: str | Sequence[str] | pd.DataFrame, vector: EmotionVector, position: str = "end"
) -> pd.DataFrame:
    """Lay texts along a vector: how far each lies in its direction, layer by layer.

    Parameters
    ----------
    model
        The vector's own.
    prompts
        Texts, a table of prompts, or the name of a prompt set.
    vector
        From :func:`emotion_vector`.
    position
        Where texts are read: ``end`` or ``mean``.

    Returns
    -------
    One row per prompt, indexed by its id, and one column per layer: inner products with the direction of length 1, in
    the units of the activations.

    Raises
    ------
    UserError
        For a vector of another model or one that is zero at a layer, and what `activations` refuses.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> model = eu.load("small-gpt2")
    >>> thanks = eu.emotion_vector(model, "gratitude", "baseline")
    >>> table = eu.project(model, ["Tom thanked Anna warmly.", "Tom met Anna today."], thanks)
    >>> bool(table.loc["text 0", 3] > table.loc["text 1", 3])
    True
    """
    vector.check_model(model.name)
    found = read_activations(model, prompts, [position], kinds=[vector.kind], layers=vector.layers)
    ids, values = found.at(position, vector.kind)
    along = torch.einsum("pld,ld->pl", values, vector.unit().values)
    return pd.DataFrame(along.numpy(), index=pd.Index(ids, name="id"), columns=list(vector.layers))


def logit_lens(
    model: Model,
    vector: EmotionVector,
    layer: int,
    top: int = 10,
    prompts: str | Path | pd.DataFrame = "baseline",
) -> pd.DataFrame:
    """Read a vector in tokens: whose probability rises most where it is added to a neutral state.

    Parameters
    ----------
    model
        The vector's own.
    vector
        From :func:`emotion_vector`.
    layer
        Counted from 0.
    top
        Tokens that are listed.
    prompts
        Whose neutral prompts give the state that it is added to: the mean at their end. Where none are neutral, those
        of all other labels do.

    Returns
    -------
    ``rank, token, change`` (of the log-probability, in nats), through the model's own final norm and unembedding
    {cite:p}`nostalgebraist2020`.

    Raises
    ------
    UserError
        For a vector of another model, and a layer that it does not have.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> model = eu.load("small-gpt2")
    >>> thanks = eu.emotion_vector(model, "gratitude", "implicit")
    >>> eu.logit_lens(model, thanks, layer=3, top=3)["rank"].tolist()
    [1, 2, 3]
    """
    vector.check_model(model.name)
    table = labelled_set(prompts)
    others = table[others_of(table, vector.emotion)]
    _, states = read_activations(model, others, kinds=[vector.kind], layers=[layer]).at("end", vector.kind)
    return promoted(model, states[:, 0].mean(dim=0), vector.at(layer), top)


def _probes(
    model: Model,
    prompts: str | Path | pd.DataFrame,
    others: dict[str, pd.DataFrame],
    store: Store | None,
    seed: int = 0,
) -> tuple[str, Probes]:
    """The name of the set that vectors are made from, and the vectors."""
    name = _name(prompts)
    sets = {name: labelled_set(prompts), **others}
    return name, Probes(read_sets(model, sets, "baseline", store), name, seed)


def _name(prompts: str | Path | pd.DataFrame) -> str:
    """What tables call a set: by its name, a file without its ending, a table as :data:`OWN`."""
    if isinstance(prompts, pd.DataFrame):
        return OWN
    return str(prompts) if str(prompts) in EVERY_SET else Path(prompts).stem

"""Activations of texts and of prompt sets, which the chapters on vectors share through the store; attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from emotion_utils.activations.extraction import Activations, extract, points
from emotion_utils.activations.forward import head_outputs
from emotion_utils.core.budget import allowance
from emotion_utils.core.errors import UserError
from emotion_utils.prompts.loading import prompt_set

if TYPE_CHECKING:
    from emotion_utils.core.store import Store
    from emotion_utils.models.model import Model

POSITIONS_WITH_WORD = ("end", "emotion", "match")
LOOKED_AT = 12_000
"""Tokens of the texts whose every token is looked at, of a model of `core.budget.REFERENCE` parameters or more."""
FEWEST = 8
"""Texts that are looked at all the same."""


@dataclass(frozen=True, eq=False)
class PromptSetActivations:
    """Residual streams of one model.

    Attributes
    ----------
    model
        Registry name.
    size
        Profile that sets the number of permutations.
    prompts, found
        By prompt set: the prompts and what was read at them.
    """

    model: str
    size: str
    prompts: Mapping[str, pd.DataFrame] = field(repr=False)
    found: Mapping[str, Activations] = field(repr=False)


def read_sets(
    model: Model,
    sets: Mapping[str, pd.DataFrame],
    size: str,
    store: Store | None = None,
    layers: Sequence[int] | None = None,
) -> PromptSetActivations:
    """Read the residual stream after every block at the end of every prompt.

    Where a set has emotion words, they and the words in their place are read as well.

    Parameters
    ----------
    model
    sets
        Prompts by name.
    size
        Profile that sets the number of permutations.
    store
        Keeps the activations for other chapters.
    layers
        Counted from 0; by default all. Blocks after the last one are not run.
    """
    found = {
        key: extract(model, table, points(model, layers=layers), _positions(table), store=store)
        for key, table in sets.items()
    }
    return PromptSetActivations(model.name, size, dict(sets), found)


def _positions(table: pd.DataFrame) -> Sequence[str]:
    return POSITIONS_WITH_WORD if table["emotion_start"].notna().any() else ("end",)


def affordable_part(
    model: Model, prompts: pd.DataFrame, tokens: int = LOOKED_AT, *, seed: int = 0
) -> pd.DataFrame:
    """As many prompts as a number of tokens allows, of each label about the same number; all where they fit.

    Parameters
    ----------
    model
    prompts
    tokens
        As for :func:`core.budget.allowance`: a smaller model reads more.
    seed
        Of the draw.

    Returns
    -------
    ``prompts`` itself, or some of its rows in their order, numbered anew.
    """
    parameters = sum(parameter.numel() for parameter in model.network.parameters())
    lengths = np.array([len(ids) for ids in model.encode(prompts["text"].tolist()).ids])
    allowed = allowance(tokens, parameters)
    if lengths.sum() <= allowed:
        return prompts
    drawn = np.random.default_rng(seed).permutation(len(prompts))
    turn = prompts["emotion"].iloc[drawn].groupby(prompts["emotion"].iloc[drawn].to_numpy()).cumcount()
    drawn = drawn[np.argsort(turn.to_numpy(), kind="stable")]
    fitting = int((lengths[drawn].cumsum() <= allowed).sum())
    kept = np.sort(drawn[: max(fitting, min(FEWEST, len(drawn)))])
    return prompts.iloc[kept].reset_index(drop=True)


def summarise_part(part: pd.DataFrame, prompts: pd.DataFrame) -> str:
    """Say in Markdown that only some texts are looked at token by token; nothing where all are."""
    if len(part) == len(prompts):
        return ""
    return (
        f"The texts are long and the model is large: norms and attention, which are read at every token, are those of "
        f"**{len(part)} of the {len(prompts)}** prompts, drawn so that labels are about equally frequent."
    )


class AttentionPatterns(NamedTuple):
    """Attention of one text.

    Attributes
    ----------
    tokens
        As text, special tokens included.
    values
        Shares of attention, shape (layer, head, query, key); each row of queries adds up to 1.
    """

    tokens: list[str]
    values: Float[Tensor, "layer head query key"]


def read_activations(
    model: Model,
    prompts: str | Sequence[str] | pd.DataFrame,
    positions: Sequence[str] = ("end",),
    *,
    word: str | None = None,
    kinds: Sequence[str] = ("resid_post",),
    layers: Sequence[int] | None = None,
    store: Store | None = None,
) -> Activations:
    """Read activations of texts or prompts: ``eu.activations(model, texts)``.

    Parameters
    ----------
    model
        From `emotion_utils.load`.
    prompts
        Texts, a table of prompts, or the name of a prompt set.
    positions
        Some of ``token_spans.POSITIONS``: ``end`` (the last token), ``mean``, ``all``; of prompts with emotion words
        also ``emotion`` and ``match``.
    word
        Of texts: read at the tokens of this word where its letters first stand in each, in a longer word too; the
        position is then ``emotion``.
    kinds
        Some of ``extraction.READABLE``: ``resid_pre``, ``attn_out``, ``neurons``, ``mlp_out``, ``resid_post``.
    layers
        Counted from 0; by default all.
    store
        Keeps the activations.

    Returns
    -------
    Activations in the model's own units, float32 on the CPU: ``found.at(position, kind)`` gives the ids of the prompts
    and a tensor of shape (prompt, layer, d_model).

    Raises
    ------
    UserError
        For a text without the word, and what :func:`extraction.extract` refuses.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> model = eu.load("small-gpt2")
    >>> found = eu.activations(model, ["Anna was grateful to Tom."], word="grateful")
    >>> tuple(found.at("emotion")[1].shape)
    (1, 4, 128)
    """
    table = prompt_set(prompts)
    if word is not None:
        table, positions = _marked(table, word), ("emotion",)
    return extract(model, table, points(model, kinds, layers), positions, store=store)


def _marked(table: pd.DataFrame, word: str) -> pd.DataFrame:
    """Texts with the span of the word in the place of that of an emotion word."""
    starts = table["text"].str.find(word)
    if (starts < 0).any():
        raise UserError(
            f'The text {table["text"][starts < 0].iloc[0][:60]!r} has no "{word}": leave it out, or read elsewhere.'
        )
    spans = {"emotion_start": starts, "emotion_end": starts + len(word)}
    return table.assign(emotion="word", **{name: span.astype("Int64") for name, span in spans.items()})


def read_attention(model: Model, text: str) -> AttentionPatterns:
    """Read how much each token of a text attends to each other one, in every head: ``eu.attention(model, text)``.

    Parameters
    ----------
    model
        From `emotion_utils.load`.
    text

    Returns
    -------
    ``tokens`` and ``values``, shares of shape (layer, head, query, key), float32; one layer of them is what
    ``plots.attention`` draws.

    Raises
    ------
    UserError
        For a text without tokens or one that is longer than the context.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> model = eu.load("small-gpt2")
    >>> tokens, values = eu.attention(model, "Anna thanked Tom.")
    >>> tokens, tuple(values.shape)
    (['Anna', ' thank', 'ed', ' Tom', '.'], (4, 8, 5, 5))
    """
    ids = [int(i) for i in model.encode([text]).ids[0]]
    values = head_outputs(model, [ids], "pattern").values[0]
    return AttentionPatterns([model.tokenizer.decode([i]) for i in ids], values)

"""What heads write: their OV circuits read in words {cite:p}`elhage2021`.

A head writes the same thing of a token wherever it looks at it. What it writes of a word, beyond what it writes of
neutral words, is added to a neutral state before the unembedding; the tokens that gain and lose most are its reading.
Such readings are direct: what later blocks make of a head's output is left out, and an early head may write for them.
What heads look at is in :mod:`attention_by_class`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.activations.forward import last_token_states
from emotion_utils.core.errors import UserError
from emotion_utils.heads.outputs import neutral_last_token
from emotion_utils.heads.pairs import Head, Pairs, name_of
from emotion_utils.heads.word_states import Words
from emotion_utils.models.families import blocks, value_projection, written_by_heads
from emotion_utils.models.hooks import HookPoint
from emotion_utils.statistics.auc import areas
from emotion_utils.statistics.flips import max_t_by_emotion
from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.resampling import FEWEST_UNITS, grouped_mean_interval
from emotion_utils.vectors.logit_lens import FEWEST_TOKENS, lens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from emotion_utils.models.model import Model

READ = ("promotes", "suppresses", "most", "least", "gains", "loses")
"""Columns of a reading. ``promotes`` and ``suppresses``: the tokens whose log-probability rises and falls most.
``most`` and ``least``: by how much that of the first of them does (nats). ``gains`` and ``loses``: the tokens whose
probability does, which leaves out those that are improbable anyhow."""


@torch.no_grad()
def head_writes(
    model: Model, head: Head, states: Float[Tensor, "... d_model"]
) -> Float[Tensor, "... d_model"]:
    """What a head adds to the residual stream where all its attention is on a token of this state.

    The bias of the output projection is left out, and in Gemma the factor of the norm after attention.

    Parameters
    ----------
    model
    head
        Layer and head; with fewer value heads than query heads, query heads share values.
    states
        Residual stream before the block.

    Returns
    -------
    In float32 on the CPU.
    """
    layer, number = head
    if not (0 <= layer < model.n_layers and 0 <= number < model.n_heads):
        raise UserError(
            f"There is no head {name_of(head)}: the model has layers 0 to {model.n_layers - 1} with heads 0 to "
            f"{model.n_heads - 1}."
        )
    block = blocks(model.network)[layer]
    module, values = value_projection(block, model.n_heads)
    weight: Any = module.weight
    normed = _input_norm(block)(states.to(device=weight.device, dtype=weight.dtype))
    own = values(module(normed))[..., number, :].float().cpu()
    return own @ written_by_heads(model.network, layer)[number]


def _input_norm(block: torch.nn.Module) -> torch.nn.Module:
    """The norm before attention."""
    for name in ("input_layernorm", "ln_1"):
        if hasattr(block, name):
            return getattr(block, name)
    raise UserError(f"A {type(block).__name__} has no norm before its attention that is known here.")


def written_words(
    model: Model,
    heads: Sequence[Head],
    words: Words,
    top: int = 6,
) -> pd.DataFrame:
    """Read what heads write of words, beyond what they write of neutral words on average.

    Parameters
    ----------
    model
    heads
    words
        From :func:`word_states.words_in_causes`.
    top
        Tokens to list.

    Returns
    -------
    One row per head and word that is not neutral: ``layer, head, name, emotion, word, n`` (places), the columns
    :data:`READ`, ``area`` (under the curve: how far the log-probability of the targets of the emotion rises above that
    of other tokens; chance 0.5), ``null`` (mean of the same for each neutral word), ``p`` (share of the neutral words
    with an area at least as large, add-one, for this word alone; NaN with fewer than `resampling.FEWEST_UNITS` of them)
    and ``n_null`` (neutral words).
    """
    neutral = (words.table["emotion"] == "neutral").to_numpy()
    others = torch.from_numpy(neutral.copy())
    base = torch.log_softmax(lens(model, words.neutral.state), dim=-1)
    rows = []
    for layer, head in heads:
        written = head_writes(model, (layer, head), words.states[:, layer]) * words.neutral.factors[layer]
        beyond = written - written[others].mean(dim=0)
        after = torch.log_softmax(lens(model, words.neutral.state + beyond), dim=-1)  # (word, vocabulary)
        null_of = {emotion: _areas((after - base)[others], ids) for emotion, ids in words.targets.items()}
        for word in words.table[~neutral].itertuples():
            null = null_of[word.emotion]
            own = _areas((after - base)[[word.Index]], words.targets[word.emotion])[0]
            held = against_null(own, null)
            told = (
                *_read(model.tokenizer, base, after[word.Index], top),
                held.value,
                held.null,
                held.p if len(null) >= FEWEST_UNITS else np.nan,
                len(null),
            )
            rows.append((layer, head, name_of((layer, head)), word.emotion, word.word, word.n, *told))
    columns = ["layer", "head", "name", "emotion", "word", "n", *READ, "area", "null", "p", "n_null"]
    return pd.DataFrame(rows, columns=columns)


def _areas(shifts: Float[Tensor, "row vocabulary"], ids: Sequence[int]) -> Float[np.ndarray, " row"]:
    """How far some tokens gain more than the others; NaN where they are too few."""
    if len(ids) < FEWEST_TOKENS:
        return np.full(len(shifts), np.nan)
    positive = np.zeros(shifts.shape[1], dtype=bool)
    positive[list(ids)] = True
    return np.asarray(areas(shifts.T.numpy(), positive), dtype=np.float64)


def _read(
    tokenizer: PreTrainedTokenizerBase,
    before: Float[Tensor, " vocabulary"],
    after: Float[Tensor, " vocabulary"],
    top: int,
) -> tuple[str, str, float, float, str, str]:
    """The columns of a reading, from log-probabilities."""
    logs, chances = after - before, after.exp() - before.exp()

    def tokens(change: Float[Tensor, " vocabulary"]) -> str:
        texts = [tokenizer.decode([int(i)]) for i in change.topk(min(top, len(change))).indices]
        return " | ".join(text.strip() or repr(text) for text in texts)

    ends = float(logs.max()), float(logs.min())
    return tokens(logs), tokens(-logs), *ends, tokens(chances), tokens(-chances)


def written_at_last_token(
    pairs: Pairs,
    heads: Sequence[Head],
    top: int = 6,
    *,
    n_permutations: int = 1000,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Read what heads write at the last token of emotional prompts beyond what they write in the neutral partners.

    Parameters
    ----------
    pairs
    heads
    top
        Tokens to list.
    n_permutations, n_resamples, seed
        Of the flips and of the bootstrap over units.

    Returns
    -------
    One row per head and emotion: ``layer, head, name, emotion``, the columns :data:`READ`, ``odds`` (mean over pairs:
    by how much what the head writes raises the log-odds, in nats, when it is added to a neutral state), ``low, high``
    (95 %), ``p`` (two-sided, by flips of whole units, adjusted for all rows), ``n`` (pairs) and ``n_groups``.
    """
    layers = pairs.model.n_layers
    where = [HookPoint(layer, "z") for layer in range(layers)]
    told, neutral = (
        last_token_states(pairs.model, pairs.emotional, where),
        neutral_last_token(pairs.model, pairs.neutral),
    )
    written = torch.stack(
        [
            (told[where[layer]] - neutral.z[:, layer])[:, head]
            @ written_by_heads(pairs.model.network, layer)[head]
            * neutral.factors[layer]
            for layer, head in heads
        ],
        dim=1,
    )  # (pair, head, d_model)
    odds = np.stack([_odds(pairs, neutral.state, written[:, i]) for i in range(len(heads))], axis=1)
    emotion, units = pairs.table["emotion"].to_numpy(dtype=object), pairs.table["unit"].to_numpy()
    p = max_t_by_emotion(odds, emotion, units, n_permutations, seed)
    base, rows = torch.log_softmax(lens(pairs.model, neutral.state), dim=-1), []
    for i, (layer, head) in enumerate(heads):
        for e, own in enumerate(pairs.emotions):
            kept = emotion == own
            mean = written[torch.from_numpy(kept), i].mean(dim=0)
            after = torch.log_softmax(lens(pairs.model, neutral.state + mean), dim=-1)
            ends = grouped_mean_interval(odds[kept, i], units[kept], n_resamples=n_resamples, seed=seed)
            value = (float(odds[kept, i].mean()), *ends, p[e, i], int(kept.sum()), len(set(units[kept])))
            read = _read(pairs.model.tokenizer, base, after, top)
            rows.append((layer, head, name_of((layer, head)), own, *read, *value))
    columns = ["layer", "head", "name", "emotion", *READ, "odds", "low", "high", "p", "n", "n_groups"]
    return pd.DataFrame(rows, columns=columns)


def _odds(
    pairs: Pairs, state: Float[Tensor, " d_model"], written: Float[Tensor, "pair d_model"]
) -> Float[np.ndarray, " pair"]:
    """Change of each pair's log-odds when what is written is added to a state."""
    rows = range(len(pairs))
    before = pairs.log_odds_of(lens(pairs.model, state).expand(len(pairs), -1), rows)
    return (pairs.log_odds_of(lens(pairs.model, state + written), rows) - before).double().numpy()

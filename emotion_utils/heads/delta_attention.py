"""Delta attention: how much more a head looks at the emotion word than at the word in its place in the neutral partner.

This is how the reports screened heads (Phase 6). It says where a head looks, not what it does with what it sees: a head
can look at a word and write nothing of it, and read an emotion from words that name none. A large value also need not
mean emotion, since any two different words draw attention differently; :mod:`untrained` shows how differently.

Assumption: the reports leave open whose attention is meant. Here it is that of the tokens after the word; ``all``, the
mean over every query, is what the reports most likely took, and dilutes by the length of the text before the word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from emotion_utils.activations.extraction import points
from emotion_utils.activations.forward import forward_batches
from emotion_utils.activations.token_spans import find_spans
from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.heads.pairs import name_of
from emotion_utils.statistics.flips import max_t_by_emotion
from emotion_utils.statistics.resampling import grouped_mean_interval, resampling_units

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

QUERIES = ("later", "last", "all")
"""Whose attention: the mean over tokens after the word, the last token alone, the mean over all tokens."""
LEFT_OUT = ("word not found", "match not found", "first in the text", "nothing after it", "duplicate")
"""Why an emotional prompt is not looked at, in the order in which it is asked; see :func:`word_attention`."""


@dataclass(frozen=True, eq=False)
class WordAttention:
    """Delta attention of every head on some prompts.

    Attributes
    ----------
    query
        One of :data:`QUERIES`.
    table
        One row per emotional prompt: ``id, emotion, split, unit`` (what is resampled together), ``tokens`` and
        ``match_tokens`` (of the word and of its match) and ``even`` (delta of attention spread evenly over all keys:
        what unequal places and lengths of the two words give).
    delta
        Attention on the emotion word minus that on its match, shares of a query's attention; shape
        (prompt, layer, head).
    per_token
        The same with the attention on each word divided by its number of tokens.
    left_out
        Number of emotional prompts by reason; see :data:`LEFT_OUT`.
    """

    query: str
    table: pd.DataFrame
    delta: Float[np.ndarray, "prompt layer head"] = field(repr=False)
    per_token: Float[np.ndarray, "prompt layer head"] = field(repr=False)
    left_out: dict[str, int]

    def __len__(self) -> int:
        return len(self.table)

    def of(self, *splits: str) -> WordAttention:
        """The prompts of some splits; what was left out is counted over all."""
        kept = self.table["split"].isin(splits).to_numpy()
        if not kept.any():
            raise UserError(
                f"No prompt that was looked at is of the split {' or '.join(splits)}: "
                f"known are {', '.join(self.table['split'].unique())}."
            )
        table = self.table[kept].reset_index(drop=True)
        return WordAttention(self.query, table, self.delta[kept], self.per_token[kept], self.left_out)


def word_attention(model: Model, prompts: pd.DataFrame, query: str = "later") -> WordAttention:
    """Read the attention of every head on emotion words and on the words in their place.

    A prompt is left out, and counted, where the word or its match is not found, where one of them holds position 0 (an
    attention sink, in the families without BOS), where no token follows one of them (``later``), and where a text is
    there twice.

    Parameters
    ----------
    model
        Attention is computed by the implementation ``eager`` meanwhile.
    prompts
        With marked emotion words and matches, such as the profile ``baseline``.
    query
        One of :data:`QUERIES`.

    Raises
    ------
    UserError
        For an unknown query, and where no prompt is left.
    """
    if query not in QUERIES:
        raise UserError(f'There is no query "{query}": {suggestion(query, QUERIES)}')
    texts = prompts["text"].tolist()
    encoded = model.encode(texts)
    both, left_out = _both(
        prompts, find_spans(prompts, encoded, ["emotion", "match"]), encoded.ids.lengths, query
    )
    if both.empty:
        told = ", ".join(f"{reason}: {n}" for reason, n in left_out.items() if n)
        raise UserError(
            f"No emotional prompt is left to look at ({told or 'none has a marked word'}): take prompts that name "
            "their emotion and have a neutral partner, such as the profile baseline."
        )
    sides = [both[[f"row{end}", f"first{end}", f"last{end}"]].to_numpy() for end in ("", "_match")]
    mass, even = _masses(model, encoded.ids, np.concatenate(sides), query)
    long = np.concatenate([side[:, 2] - side[:, 1] for side in sides])
    own, per_token = (
        value.reshape(2, len(both), *mass.shape[1:]) for value in (mass, mass / long[:, None, None])
    )
    table = pd.DataFrame(
        {
            **{name: both[name] for name in ("id", "emotion", "split", "unit")},
            "tokens": long[: len(both)],
            "match_tokens": long[len(both) :],
            "even": np.subtract(*even.reshape(2, -1)),
        }
    )
    return WordAttention(query, table, own[0] - own[1], per_token[0] - per_token[1], left_out)


def _both(
    prompts: pd.DataFrame, reads: pd.DataFrame, lengths: np.ndarray, query: str
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Emotional prompts with the tokens of the word and, with the ending ``_match``, of its match; what is left out."""
    columns = ["id", "text", "emotion", "split"]
    emotional = prompts.assign(unit=resampling_units(prompts))[[*columns, "unit"]]
    emotional = emotional[emotional["emotion"] != "neutral"]
    word, match = (reads[reads["position"] == at].drop(columns="position") for at in ("emotion", "match"))
    both = emotional.merge(word, on="id", how="left").merge(
        match, on="id", how="left", suffixes=("", "_match")
    )

    def ends(side: str) -> np.ndarray:
        row = both[f"row{side}"].fillna(0).to_numpy(dtype=int)
        return both[f"last{side}"].to_numpy(dtype=float) >= lengths[row]

    reasons = [
        both["row"].isna().to_numpy(),
        both["row_match"].isna().to_numpy(),
        (both["first"].eq(0) | both["first_match"].eq(0)).to_numpy(),
        (ends("") | ends("_match")) & (query == "later"),
        both.duplicated(["emotion", "text"]).to_numpy(),
    ]
    why = np.select(reasons, list(LEFT_OUT), "")
    kept = both[why == ""].reset_index(drop=True)
    numbers = [f"{name}{end}" for name in ("row", "first", "last") for end in ("", "_match")]
    return kept.astype(dict.fromkeys(numbers, int)), {
        reason: int((why == reason).sum()) for reason in LEFT_OUT
    }


def _masses(
    model: Model, ids: Sequence[Sequence[int]], reads: np.ndarray, query: str
) -> tuple[Float[np.ndarray, "read layer head"], Float[np.ndarray, " read"]]:
    """Attention on the tokens of each read (row, first, last), and what attention spread evenly would give."""
    needed, at = np.unique(reads[:, 0], return_inverse=True)
    where = points(model, ("pattern",))
    mass, even = np.empty((len(reads), model.n_layers, model.n_heads)), np.empty(len(reads))
    for rows, lengths, caught in forward_batches(model, [ids[i] for i in needed.tolist()], where):
        own = np.flatnonzero(np.isin(at, rows))
        local = np.argsort(rows)[np.searchsorted(np.sort(rows), at[own])]
        asks, keys = _weights(reads[own], lengths[local], int(lengths.max()), query)
        spread = np.tril(1 / (1.0 + np.arange(keys.shape[1]))[:, None].repeat(keys.shape[1], axis=1))
        even[own] = np.einsum("rq,qk,rk->r", asks, spread, keys)
        for i, point in enumerate(where):
            pattern = caught[point].double().cpu()[torch.from_numpy(local)]  # (read, head, query, key)
            asked = torch.einsum("rhqk,rq->rhk", pattern, torch.from_numpy(asks))
            mass[own, i] = torch.einsum("rhk,rk->rh", asked, torch.from_numpy(keys)).numpy()
    return mass, even


def _weights(
    reads: np.ndarray, lengths: np.ndarray, width: int, query: str
) -> tuple[Float[np.ndarray, "read query"], Float[np.ndarray, "read key"]]:
    """Weights of queries, which sum to 1, and 1 for each key of the word."""
    place = np.arange(width)
    first, last = reads[:, 1, None], reads[:, 2, None]
    start = {"later": last, "last": lengths[:, None] - 1, "all": np.zeros_like(last)}[query]
    asks = ((place >= start) & (place < lengths[:, None])).astype(float)
    return asks / asks.sum(axis=1, keepdims=True), ((place >= first) & (place < last)).astype(float)


def delta_attention(
    attention: WordAttention, *, n_permutations: int = 1000, n_resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Delta attention of each head for each emotion.

    Parameters
    ----------
    attention
        From :func:`word_attention`.
    n_permutations, n_resamples, seed
        Of the sign flips and of the bootstrap, both over units.

    Returns
    -------
    One row per emotion, layer and head: ``emotion, layer, head, name, delta`` (mean over prompts, a share of the
    attention of a query), ``low, high`` (95 %), ``p`` (two-sided, by flips of the sign of whole units, the largest
    |t| of all heads and emotions kept {cite:p}`westfall1993`; NaN with fewer than `resampling.FEWEST_UNITS` units),
    ``per_token`` (delta with the attention on each word divided by its tokens), ``same_length`` (delta of the prompts
    whose two words have equally many tokens; NaN where there is none), ``even`` (delta of attention spread evenly),
    ``n`` (unique prompts) and ``n_groups``.
    """
    emotion, units = attention.table["emotion"].to_numpy(dtype=object), attention.table["unit"].to_numpy()
    named = list(dict.fromkeys(emotion))
    flat = attention.delta.reshape(len(attention), -1)
    p = max_t_by_emotion(flat, emotion, units, n_permutations, seed)
    equal = (attention.table["tokens"] == attention.table["match_tokens"]).to_numpy()
    rows = []
    for i, own in enumerate(named):
        kept = emotion == own
        even, groups = float(attention.table.loc[kept, "even"].mean()), units[kept]
        for j, (layer, head) in enumerate(np.ndindex(attention.delta.shape[1:])):
            values = attention.delta[kept, layer, head]
            ends = grouped_mean_interval(values, groups, n_resamples=n_resamples, seed=seed)
            same = attention.delta[kept & equal, layer, head]
            other = (
                attention.per_token[kept, layer, head].mean(),
                same.mean() if len(same) else np.nan,
                even,
            )
            size = (len(values), len(set(groups)))
            rows.append(
                (own, layer, head, name_of((layer, head)), values.mean(), *ends, p[i, j], *other, *size)
            )
    columns = ["emotion", "layer", "head", "name", "delta", "low", "high", "p", "per_token", "same_length"]
    return pd.DataFrame(rows, columns=[*columns, "even", "n", "n_groups"])


def strongest(table: pd.DataFrame, top: int = 5) -> pd.DataFrame:
    """The heads that look most at the words of each emotion, the largest delta first."""
    order = table.sort_values("delta", ascending=False, kind="stable")
    best = order.groupby("emotion", sort=False).head(top)
    named = pd.Categorical(best["emotion"], list(dict.fromkeys(table["emotion"])))
    return best.iloc[np.argsort(named.codes, kind="stable")].reset_index(drop=True)

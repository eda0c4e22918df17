"""Words as the blocks of a model see them: where they stand in prompts, or alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.captured import forward_batches
from emotion_utils.errors import UserError
from emotion_utils.heads.ends import Neutral, neutral_end
from emotion_utils.hooks import HookPoint, n_layers
from emotion_utils.positions import encode, find_reads

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["Words", "words_alone", "words_in_prompts"]


@dataclass(frozen=True, eq=False)
class Words:
    """Words as the blocks of a model see them.

    Attributes
    ----------
    table
        One row per word: ``emotion`` (``neutral`` for the words of comparison), ``word`` and ``n`` (places where it was
        read).
    states
        Residual stream before each block at the word, the mean over its tokens and places.
    neutral
        The end of neutral texts, which what a head writes is added to.
    """

    table: pd.DataFrame
    states: Float[Tensor, "word layer d_model"] = field(repr=False)
    neutral: Neutral = field(repr=False)


def words_in_prompts(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: pd.DataFrame
) -> Words:
    """Read the marked emotion words, and the words in their place in neutral partners, where they stand in prompts.

    A word at position 0 is left out.

    Raises
    ------
    UserError
        Where the prompts have no marked words, or no neutral partner with a word in their place.
    """
    texts = prompts["text"].tolist()
    reads = find_reads(prompts, encode(tokenizer, texts), ["emotion", "match"])
    reads = reads[~reads["sink"]].merge(prompts.drop(columns="text"), on="id")
    names = []
    for read in reads.itertuples():
        side = "emotion" if read.position == "emotion" else "match"
        start, end = int(getattr(read, f"{side}_start")), int(getattr(read, f"{side}_end"))
        names.append(texts[read.row][start:end].lower())
    emotion = np.where(reads["position"] == "match", "neutral", reads["emotion"])
    reads = reads.assign(emotion=emotion, word=names).drop_duplicates(["emotion", "row", "first", "last"])
    if set(reads["emotion"]) <= {"neutral"} or "neutral" not in set(reads["emotion"]):
        raise UserError(
            "The prompts have no emotion words with words in their place in neutral partners: take prompts that mark "
            "them, such as the profile baseline, or give words to words_alone."
        )
    neutral = prompts.loc[prompts["emotion"] == "neutral", "text"].drop_duplicates().tolist()
    return _words(model, tokenizer, texts, reads.reset_index(drop=True), neutral)


def words_alone(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, words: Mapping[str, Sequence[str]]
) -> Words:
    """Read words without a context: every block is given the embedding of the word.

    Parameters
    ----------
    model, tokenizer
    words
        By emotion; under ``neutral`` those of comparison. Where most tokenizers begin a word with a blank, so do these.

    Raises
    ------
    UserError
        Without neutral words, or without others.
    """
    table = pd.DataFrame([(e, word, 1) for e in words for word in words[e]], columns=["emotion", "word", "n"])
    if not (table["emotion"] == "neutral").any() or (table["emotion"] == "neutral").all():
        raise UserError(
            f"Words are given for {', '.join(words) or 'nothing'}: give some of an emotion, and neutral ones."
        )
    embed, rows = model.get_input_embeddings(), []
    for word in table["word"]:
        ids = tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            rows.append(embed(torch.tensor(ids, device=embed.weight.device)).float().mean(dim=0).cpu())
    states = torch.stack(rows)[:, None].expand(-1, n_layers(model), -1).contiguous()
    neutral = table.loc[table["emotion"] == "neutral", "word"].tolist()
    return Words(table, states, _end(model, tokenizer, neutral))


def _words(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    reads: pd.DataFrame,
    neutral: Sequence[str],
) -> Words:
    layers = n_layers(model)
    where = [HookPoint(layer, "resid_pre") for layer in range(layers)]
    needed, at = np.unique(reads["row"], return_inverse=True)
    found = torch.empty(len(reads), layers, int(model.config.get_text_config().hidden_size))
    for rows, _, caught in forward_batches(model, tokenizer, [texts[i] for i in needed], where):
        stacked = torch.stack([caught[point].float().cpu() for point in where], dim=1)
        for local, row in enumerate(rows):
            for read in np.flatnonzero(at == row):
                first, last = int(reads["first"].iloc[read]), int(reads["last"].iloc[read])
                found[read] = stacked[local, :, first:last].mean(dim=1)
    groups = reads.groupby(["emotion", "word"], sort=False)
    table = groups.size().rename("n").reset_index()
    states = torch.stack(
        [found[torch.from_numpy(np.asarray(own))].mean(dim=0) for own in groups.indices.values()]
    )
    order = {key: i for i, key in enumerate(groups.indices)}
    states = states[
        [order[emotion, word] for emotion, word in zip(table["emotion"], table["word"], strict=True)]
    ]
    return Words(table, states, _end(model, tokenizer, neutral))


def _end(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Neutral:
    return neutral_end(model, int(tokenizer.pad_token_id or 0), list(encode(tokenizer, list(texts)).ids))

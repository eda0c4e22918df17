"""What heads attend to when a reply is about to begin: the attention of the last token by class of token.

The last token's query is the one that the prediction is read from. Classes are found from the pair alone: what both
prompts end with, and the names that somebody is spoken to by there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotion_utils.activations.forward import forward_batches
from emotion_utils.core.errors import UserError
from emotion_utils.heads.pairs import Head, Pairs, name_of
from emotion_utils.models.hooks import HookPoint
from emotion_utils.prompts.keywords import words_with_spans
from emotion_utils.statistics.flips import max_t_by_emotion
from emotion_utils.statistics.resampling import grouped_mean_interval

CLASSES = ("first", "cause", "name", "ending", "name in the ending", "punctuation", "itself")
"""``first``: position 0, an attention sink. ``cause``: words before the ending that the prompts of a pair share, which
say what happened. ``name``: names there. ``ending`` and ``name in the ending``: the same after that, up to the last
token. ``punctuation``: anywhere. ``itself``: the last token."""
SENTENCE = re.compile(r"(?<=[.!?])\s+")


def people(texts: Sequence[str]) -> set[str]:
    """Names: capitalised words inside the last sentence of any prompt, but for its first word and I."""
    found = set()
    for text in texts:
        words = [word for word, _ in words_with_spans(SENTENCE.split(text.strip())[-1])]
        found |= {word for word in words[1:] if word[0].isupper() and word != "I"}
    return found


def token_classes(pairs: Pairs) -> list[Int[np.ndarray, " token"]]:
    """The class of each token, as its number in :data:`CLASSES`, of all prompts as in ``Pairs.ids``."""
    read = [token_spans(pairs, ids) for ids in pairs.ids]
    names = people([text for text, _ in read])
    return [
        _classes(text, spans, len(ids) - int(pairs.shared[i % len(pairs)]), names)
        for i, (ids, (text, spans)) in enumerate(zip(pairs.ids, read, strict=True))
    ]


def token_spans(pairs: Pairs, ids: Sequence[int]) -> tuple[str, list[tuple[int, int]]]:
    """The text of a prompt, and the characters of each token in it."""
    texts = [
        pairs.model.tokenizer.decode(
            list(ids[:end]), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        for end in range(len(ids) + 1)
    ]
    ends = [len(text) for text in texts]
    return texts[-1], list(pairwise(ends))


def _classes(
    text: str, spans: Sequence[tuple[int, int]], ending: int, names: set[str]
) -> Int[np.ndarray, " token"]:
    found = np.empty(len(spans), dtype=np.int64)
    people_at = [
        (start, start + len(word.split("'")[0]))
        for word, (start, _) in words_with_spans(text)
        if re.split(r"['’]", word)[0] in names
    ]
    for i, (start, end) in enumerate(spans):
        named = any(start < stop and end > begin for begin, stop in people_at)
        if i == 0:
            kind = "first"
        elif i == len(spans) - 1:
            kind = "itself"
        elif not any(character.isalnum() for character in text[start:end]):
            kind = "punctuation"
        elif named:
            kind = "name" if i < ending else "name in the ending"
        else:
            kind = "cause" if i < ending else "ending"
        found[i] = CLASSES.index(kind)
    return found


def attention_by_class(
    pairs: Pairs,
    heads: Sequence[Head],
    *,
    n_permutations: int = 1000,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Attention of the last token by class of token, on the emotional prompts and on their partners.

    Parameters
    ----------
    pairs
    heads
    n_permutations, n_resamples, seed
        Of the flips and of the bootstrap over units.

    Returns
    -------
    One row per emotion, head and class: ``emotion, layer, head, name, tokens`` (the class), ``share`` (mean of the
    emotional prompts), ``low, high`` (95 %), ``even`` (of attention spread evenly over all tokens of the same prompts),
    ``p`` (of share against even, two-sided, by flips of whole units, adjusted for all rows), ``partner`` (share on
    the neutral prompts), ``more`` (mean of share - partner), ``more_low, more_high`` (95 %), ``n`` (pairs) and
    ``n_groups``.
    """
    share, even = _shares(pairs, heads)  # (side, pair, head, class), (side, pair, class)
    emotion, units = pairs.table["emotion"].to_numpy(dtype=object), pairs.table["unit"].to_numpy()
    beyond = (share[0] - even[0][:, None]).reshape(len(pairs), -1)
    p = max_t_by_emotion(beyond, emotion, units, n_permutations, seed).reshape(-1, len(heads), len(CLASSES))
    interval = partial(grouped_mean_interval, n_resamples=n_resamples, seed=seed)
    rows = []
    for e, own in enumerate(pairs.emotions):
        kept = emotion == own
        groups = units[kept]
        for i, head in enumerate(heads):
            for c, tokens in enumerate(CLASSES):
                ours, partner = share[:, kept, i, c]
                ends = np.clip(interval(ours, groups), 0, 1)
                apart = interval(ours - partner, groups)
                told = (ours.mean(), *ends, even[0, kept, c].mean(), p[e, i, c], partner.mean())
                size = (int(kept.sum()), len(set(groups)))
                rows.append(
                    (own, *head, name_of(head), tokens, *told, (ours - partner).mean(), *apart, *size)
                )
    columns = ["emotion", "layer", "head", "name", "tokens", "share", "low", "high", "even", "p", "partner"]
    return pd.DataFrame(rows, columns=[*columns, "more", "more_low", "more_high", "n", "n_groups"])


def _shares(
    pairs: Pairs, heads: Sequence[Head]
) -> tuple[Float[np.ndarray, "side pair head class"], Float[np.ndarray, "side pair class"]]:
    """Attention of the last token on each class of token, and what attention spread evenly gives it."""
    classes, kinds = token_classes(pairs), np.arange(len(CLASSES))
    member = [(own[:, None] == kinds).astype(float) for own in classes]  # (token, class)
    last = _last_patterns(pairs, heads, pairs.ids)
    share = np.stack([seen @ own for seen, own in zip(last, member, strict=True)])
    even = np.stack([own.mean(axis=0) for own in member])
    return share.reshape(2, len(pairs), len(heads), -1), even.reshape(2, len(pairs), -1)


def _last_patterns(
    pairs: Pairs, heads: Sequence[Head], ids: Sequence[Sequence[int]]
) -> list[Float[np.ndarray, "head token"]]:
    """Attention of the last token of each prompt."""
    for head in heads:
        if head not in pairs.heads:
            raise UserError(f"There is no head {name_of(head)}: the model has {_known(pairs)}.")
    where = [HookPoint(layer, "pattern") for layer in sorted({layer for layer, _ in heads})]
    patterns: list[Float[np.ndarray, "head token"]] = [np.empty((0, 0))] * len(ids)
    for rows, lengths, caught in forward_batches(pairs.model, ids, where, side="left", take=_last_query):
        last = torch.stack([caught[HookPoint(layer, "pattern")][:, head] for layer, head in heads], dim=1)
        for i, (row, tokens) in enumerate(zip(rows.tolist(), lengths.tolist(), strict=True)):
            patterns[row] = last[i, :, last.shape[2] - tokens :].numpy()
    return patterns


def _last_query(pattern: Float[Tensor, "prompt head query key"]) -> Float[Tensor, "prompt head key"]:
    return pattern[:, :, -1].double().cpu()


def _known(pairs: Pairs) -> str:
    return f"{name_of(pairs.heads[0])} to {name_of(pairs.heads[-1])}"

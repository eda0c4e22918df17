"""What Chapter 2 finds, as the numbers that its sentences are filled with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch

from emotion_utils.activations.anisotropy import mean_cosine
from emotion_utils.activations.extraction import points
from emotion_utils.activations.forward import forward_batches
from emotion_utils.activations.prompt_sets import affordable_part
from emotion_utils.activations.token_spans import find_spans
from emotion_utils.core.errors import listing
from emotion_utils.models.reading import AS_IT_IS, own_start
from emotion_utils.statistics.resampling import resampling_units

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

FLOAT16 = float(np.finfo(np.float16).max)
"""The largest number that float16 can write."""


class MarkedWords(NamedTuple):
    """Emotion words that prompts mark, over all sets."""

    words: int
    least_rate: float
    """Share whose tokens were found, in the set where it is lowest."""


def marked_words(rates: pd.DataFrame) -> MarkedWords:
    """Sum up :func:`inventory.match_rates`; sets without a marked word count in neither number."""
    return MarkedWords(int(rates["words"].sum()), float(rates["word_rate"].min()))


def summarise_marked(rates: pd.DataFrame, lost: pd.DataFrame, name: str) -> str:
    """Say in Markdown how many marked words were found in the tokenizer.

    Parameters
    ----------
    rates
        From :func:`inventory.match_rates` of all sets.
    lost, name
        From :func:`inventory.missed` of one set, and its name.
    """
    marked, without = marked_words(rates), rates.loc[rates["words"] == 0, "set"].tolist()
    text = (
        f"Of the {marked.words:,} marked emotion words of all sets, at least **{marked.least_rate:.0%}** of "
        f"each set were found in this tokenizer. Prompts of *{name}* without a read at the emotion word: "
        f"**{len(lost)}**."
    )
    if without:
        text += f" {listing(f'*{other}*' for other in without)} have no such word, on purpose."
    return text


class PaddingTraps(NamedTuple):
    """How far the last layer moves under left padding, as a multiple of its size, and how large values are."""

    no_positions: float
    """Without explicit positions."""
    no_mask: float
    """Without a mask as well."""
    largest: float
    """Value of any layer."""
    of_float16: float
    """That value as a share of the largest number of float16."""


def padding_traps(traps: pd.DataFrame, layers: pd.DataFrame) -> PaddingTraps:
    """Sum up :func:`batch_invariance.traps` and :func:`batch_invariance.by_layer`."""
    moved = traps.set_index("trap")["relative"]
    largest = float(layers["largest"].max())
    return PaddingTraps(
        float(moved["left padding, no explicit positions"]),
        float(moved["left padding, no mask"]),
        largest,
        largest / FLOAT16,
    )


class StoredRequest(NamedTuple):
    """What a store saves: milliseconds of a request and of the same request again."""

    first: float
    again: float
    same: bool
    """Whether both gave the same numbers to the last bit."""


def stored_request(requests: pd.DataFrame) -> StoredRequest:
    """Sum up :func:`throughput.from_store`."""
    by_request = requests.set_index("request")
    first, again = by_request["seconds"][["first time", "again"]] * 1000
    return StoredRequest(float(first), float(again), bool(by_request.at["again", "same"]))


SEPARATED = 100
"""Prompts on which a separator is taken away again."""
TOKENS = 4000
"""Of these prompts at most, as for :func:`prompt_sets.affordable_part`."""


def separator_effect(model: Model, prompts: pd.DataFrame, seed: int = 0) -> pd.DataFrame | None:
    """What the separator changes: the same prompts with it and without.

    Parameters
    ----------
    model
    prompts
    seed
        Of the draw of at most :data:`SEPARATED` of them with at most :data:`TOKENS` tokens.

    Returns
    -------
    Two rows, ``in front`` (the token, or nothing). ``at position 0``: share of the emotion words that hold position 0.
    ``sink``: how many times as long as the later tokens of its prompt position 0 is, at the layer where that is most
    (median over prompts). ``words``: the same for the emotion words, at the layer ``layer`` of the sink without a
    separator (mean over prompts); both are NaN without emotion words. ``cosine``: mean cosine of the ends of two
    prompts of different units, at the layer where it is largest. None for a model that puts nothing of its own in
    front.
    """
    if model.reading.separator is None or model.reading.chat or own_start(model.tokenizer):
        return None
    few = prompts.sample(min(SEPARATED, len(prompts)), random_state=seed).reset_index(drop=True)
    few = affordable_part(model, few, TOKENS, seed=seed)
    bare = replace(model, reading=replace(AS_IT_IS, bos=False))
    token = model.tokenizer.convert_ids_to_tokens(model.reading.separator)
    found = {name: _lengths_and_ends(own, few) for name, own in (("nothing", bare), (f"`{token}`", model))}
    layer = int(np.argmax(found["nothing"].sink))
    rows = [
        {
            "in front": name, "at position 0": own.at_start, "sink": own.sink.max(), "words": own.words[layer],
            "layer": layer, "cosine": own.cosine.max(), "n": len(few),
        }
        for name, own in found.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


class _Lengths(NamedTuple):
    """By layer: lengths of position 0 and of emotion words, and the cosine of ends."""

    at_start: float
    sink: np.ndarray
    words: np.ndarray
    cosine: np.ndarray


def _lengths_and_ends(model: Model, prompts: pd.DataFrame) -> _Lengths:
    encoded = model.encode(prompts["text"].tolist())
    reads = find_spans(prompts, encoded, ["emotion"])
    word = {read.row: slice(read.first, read.last) for read in reads.itertuples()}
    units = pd.factorize(resampling_units(prompts))[0]
    ratios = np.empty((len(prompts), model.n_layers))
    words = np.full((len(prompts), model.n_layers), np.nan)
    ends = np.empty((len(prompts), model.n_layers, model.d_model))
    where = points(model)
    for rows, lengths, caught in forward_batches(model, encoded.ids, where):
        for point in where:
            hidden = caught[point].float()
            norms = torch.linalg.vector_norm(hidden, dim=-1).cpu().numpy()  # (prompt, position)
            for i, (row, length) in enumerate(zip(rows.tolist(), lengths.tolist(), strict=True)):
                later = np.median(norms[i, 1:length])
                ratios[row, point.layer] = norms[i, 0] / later
                if row in word:
                    words[row, point.layer] = norms[i, word[row]].mean() / later
                ends[row, point.layer] = hidden[i, length - 1].cpu().numpy()
    cosines = [mean_cosine(ends[:, layer], units) for layer in range(model.n_layers)]
    start = float(reads["sink"].mean()) if len(reads) else float("nan")
    of_words = np.nanmean(words, axis=0) if word else words[0]
    return _Lengths(start, np.median(ratios, axis=0), of_words, np.array(cosines))


def summarise_separator(table: pd.DataFrame | None, reading: str) -> str:
    """Say in Markdown what :func:`separator_effect` found; ``reading`` is the sentence for a model without one."""
    if table is None:
        return f"There is nothing to take away here. {reading}"
    bare, separated = (row for _, row in table.iterrows())
    cosines = (
        f"The largest mean cosine of the ends of two prompts goes from {bare['cosine']:.2f} "
        f"to {separated['cosine']:.2f} (n = {bare['n']} prompts)."
    )
    if np.isnan(bare["words"]):
        return (
            f"Without the separator the first token is the sink, at layer {bare['layer']} **{bare['sink']:.0f} times** "
            f"as long as the later tokens of its prompt; the separator itself is {separated['sink']:.0f} times as long "
            f"where it is most. {cosines}"
        )
    return (
        f"Without the separator **{bare['at position 0']:.0%}** of the emotion words stand at position 0, with it "
        f"{separated['at position 0']:.0%}. At layer {bare['layer']} a word is {bare['words']:.1f} times as long as "
        f"the other tokens of its prompt where nothing stands in front, and {separated['words']:.1f} times after the "
        f"separator, which takes the sink ({separated['sink']:.0f} times; without it the first word, "
        f"{bare['sink']:.0f} times). {cosines}"
    )

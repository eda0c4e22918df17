"""What can be read from a model on a set of prompts: the hooks with their shapes, and the reads with their tokens."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Int

from emotion_utils.activations.extraction import Activations
from emotion_utils.activations.forward import forward_batches
from emotion_utils.activations.token_spans import POSITIONS, find_spans, match_rate, unmatched
from emotion_utils.models.hooks import HookPoint
from emotion_utils.prompts.report import shorten
from emotion_utils.statistics.resampling import FEWEST_UNITS, resampling_units

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

KINDS = {
    "resid_pre": ("residual stream before the block", "position, d_model"),
    "z": ("each head, before the output projection", "position, head, d_head"),
    "attn_out": ("what attention adds to the stream", "position, d_model"),
    "mlp_out": ("what the MLP adds to the stream", "position, d_model"),
    "resid_post": ("residual stream after the block", "position, d_model"),
    "pattern": ("attention probabilities; only read", "head, query, key"),
}
"""Kind of hook to what it is and the axes of one prompt."""


def hook_shapes(model: Model, prompts: pd.DataFrame) -> pd.DataFrame:
    """Shapes of what each kind of hook gives for a prompt of median length, measured in a forward pass.

    Parameters
    ----------
    model
    prompts
        With the column ``text``.

    Returns
    -------
    Columns ``hook, what, axes, shape`` (of one layer) and ``kB per prompt`` (of all layers in float32).
    """
    counts = [len(row) for row in model.encode(prompts["text"].tolist()).ids]
    text = prompts["text"].iloc[int(np.argsort(counts, kind="stable")[len(counts) // 2])]
    where = [HookPoint(0, kind) for kind in KINDS]
    _, _, caught = next(forward_batches(model, model.encode([text]).ids, where))
    rows = []
    for point in where:
        shape = tuple(caught[point].shape[1:])
        what, axes = KINDS[point.kind]
        size = prod(shape) * model.n_layers * 4 / 1000
        rows.append((point.kind, what, axes, " × ".join(map(str, shape)), size))
    return pd.DataFrame(rows, columns=["hook", "what", "axes", "shape", "kB per prompt"])


def summarise_size(prompts: pd.DataFrame, name: str, kind: str = "profile") -> str:
    """Say in Markdown how large the set is, and whether it is large enough for intervals.

    Parameters
    ----------
    prompts
    name, kind
        Of the set: a ``profile``, or the ``file`` of a reader.
    """
    units = len(set(resampling_units(prompts)))
    text = (
        f"The {kind} is **{name}**: {len(prompts)} prompts in {units} independent units, which are resampled "
        "together in every interval below."
    )
    if units < FEWEST_UNITS:
        text += f" **That is too few**: with fewer than {FEWEST_UNITS} units no interval is given, and no test is made."
        text += " This profile is for trying the machinery." if kind == "profile" else ""
    return text


def token_counts(sets: Mapping[str, pd.DataFrame], model: Model) -> dict[str, Int[np.ndarray, " prompt"]]:
    """Tokens of every prompt as the model reads it, special tokens included, by prompt set."""
    return {
        name: np.array([len(ids) for ids in model.encode(table["text"].tolist()).ids])
        for name, table in sets.items()
    }


def example_reads(model: Model, prompts: pd.DataFrame) -> pd.DataFrame:
    """The reads of the first prompt that has one at every position, with the text of their tokens.

    Returns
    -------
    One row per read (of ``all`` the first two), columns ``position, id, text`` (that is read), ``first, last, tokens``
    and ``sink``; tokens that ``mean`` runs over stand apart by ``|``.
    """
    encoded = model.encode(prompts["text"].tolist())
    reads = find_spans(prompts, encoded, POSITIONS)
    complete = reads.groupby("id")["position"].nunique()
    own = reads[reads["id"] == complete.idxmax()].groupby("position", sort=False).head(2)
    texts = prompts["text"].tolist()
    shown = []
    for read in own.itertuples():
        spans = encoded.spans[read.row][read.first : read.last]
        shown.append(
            shorten("|".join(texts[read.row][start:end].strip() for start, end in spans)) or "(special token)"
        )
    own = own.assign(text=[shorten(texts[row]) for row in own["row"]], tokens=shown)
    return own[["position", "id", "text", "first", "last", "tokens", "sink"]].reset_index(drop=True)


def match_rates(sets: Mapping[str, pd.DataFrame], model: Model) -> pd.DataFrame:
    """How many of the marked words the tokenizer's tokens cover, by prompt set.

    Returns
    -------
    Columns ``set, emotional, words, word_rate, matches, match_rate, at_start``: emotional prompts, how many of them
    mark an emotion word and a match, the shares of these whose tokens were found (NaN where none is marked), and the
    share of the emotion words that hold position 0.
    """
    rows = []
    for name, prompts in sets.items():
        reads = find_spans(prompts, model.encode(prompts["text"].tolist()), ["emotion", "match"])
        emotional = prompts[prompts["emotion"] != "neutral"]
        row: list[object] = [name, len(emotional)]
        for position in ("emotion", "match"):
            row += [
                int(emotional[f"{position}_start"].notna().sum()),
                match_rate(prompts, reads, position),
            ]
        words = reads[reads["position"] == "emotion"]
        rows.append((*row, float(words["sink"].mean()) if len(words) else float("nan")))
    columns = ["set", "emotional", "words", "word_rate", "matches", "match_rate", "at_start"]
    return pd.DataFrame(rows, columns=columns)


def missed(sets: Mapping[str, pd.DataFrame], model: Model) -> pd.DataFrame:
    """The emotional prompts whose emotion word was not found: ``set, id, emotion, text``."""
    parts = []
    for name, prompts in sets.items():
        reads = find_spans(prompts, model.encode(prompts["text"].tolist()), ["emotion"])
        parts.append(unmatched(prompts, reads, "emotion").assign(set=name))
    found = pd.concat(parts, ignore_index=True)
    return found[["set", "id", "emotion", "text"]]


def ragged_shapes(found: Activations, prompts: pd.DataFrame, top: int = 3) -> pd.DataFrame:
    """Shapes of the reports' layout ``[layer][prompt]`` for the first prompts.

    Parameters
    ----------
    found
        Read at the position ``all``.
    prompts
        Those that were read.
    top
        Prompts to list.

    Returns
    -------
    Columns ``layer, prompt, shape`` for the first and the last layer.
    """
    ragged = found.ragged("resid_post")
    texts = prompts["text"].tolist()
    rows = [
        (layer, shorten(texts[i]), " × ".join(map(str, ragged[layer][i].shape)))
        for layer in sorted({0, len(ragged) - 1})
        for i in range(min(top, len(texts)))
    ]
    return pd.DataFrame(rows, columns=["layer", "prompt", "shape (position × d_model)"])

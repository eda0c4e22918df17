"""Words as the blocks of a model see them, in what prompts say happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.activations.forward import forward_batches
from emotion_utils.core.errors import UserError
from emotion_utils.heads.attention_by_class import CLASSES, token_classes, token_spans
from emotion_utils.heads.outputs import Neutral, neutral_last_token
from emotion_utils.heads.pairs import Pairs
from emotion_utils.models.hooks import HookPoint
from emotion_utils.models.positions import covering
from emotion_utils.prompts.keywords import words_with_spans

if TYPE_CHECKING:
    from emotion_utils.models.model import Model


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
    targets
        By emotion: the tokens that a head which carries the emotion should make more probable.
    """

    table: pd.DataFrame
    states: Float[Tensor, "word layer d_model"] = field(repr=False)
    neutral: Neutral = field(repr=False)
    targets: Mapping[str, Sequence[int]] = field(repr=False)


def words_in_causes(pairs: Pairs, fewest: int = 2) -> Words:
    """Read the words that say what happened, of emotional prompts and, as neutral ones, of their partners.

    They stand before the ending that the prompts of a pair share; names are left out, and words that stand in fewer
    places than ``fewest``. The targets are the tokens with which only replies of the emotion begin.

    Raises
    ------
    UserError
        Where no word is left.
    """
    cause, words = CLASSES.index("cause"), []
    emotions = [*pairs.table["emotion"], *["neutral"] * len(pairs)]
    for row, (ids, classes) in enumerate(zip(pairs.ids, token_classes(pairs), strict=True)):
        text, characters = token_spans(pairs, ids)
        for word, span in words_with_spans(text):
            at = covering(characters, *span)
            if at and (classes[at] == cause).all():
                words.append((emotions[row], word.lower(), row, at[0], at[-1] + 1))
    spans = pd.DataFrame(words, columns=["emotion", "word", "row", "first", "last"])
    spans = spans[spans.groupby(["emotion", "word"])["row"].transform("size") >= fewest]
    if not {"neutral"} < set(spans["emotion"]):
        raise UserError(
            f"No word stands in {fewest} causes of an emotion, or none in neutral ones: take more pairs, or fewest=1."
        )
    table, states = _states(pairs.model, pairs.ids, spans)
    targets = {
        emotion: sorted({token for opening in pairs.openings for token in opening[emotion]})
        for emotion in pairs.emotions
    }
    return Words(table, states, neutral_last_token(pairs.model, pairs.neutral), targets)


def _states(
    model: Model, ids: Sequence[Sequence[int]], spans: pd.DataFrame
) -> tuple[pd.DataFrame, Float[Tensor, "word layer d_model"]]:
    """Each different word, and the mean state before each block over its token spans (row, first, last)."""
    where = [HookPoint(layer, "resid_pre") for layer in range(model.n_layers)]
    code = spans.groupby(["emotion", "word"], sort=False).ngroup().to_numpy()
    table = spans.groupby(["emotion", "word"], sort=False).size().rename("n").reset_index()
    total = torch.zeros(len(table), len(where), model.d_model, dtype=torch.float64)
    by_row: dict[int, list[tuple[int, int, int]]] = {}
    for word, row, first, last in zip(code, spans["row"], spans["first"], spans["last"], strict=True):
        by_row.setdefault(int(row), []).append((int(word), int(first), int(last)))
    read = list(by_row)
    for rows, _, caught in forward_batches(model, [ids[row] for row in read], where):
        states = torch.stack([caught[point].double().cpu() for point in where], dim=1)
        for i, row in enumerate(rows.tolist()):
            for word, first, last in by_row[read[row]]:
                total[word] += states[i, :, first:last].mean(dim=1)  # (layer, d_model)
    return table, (total / torch.from_numpy(table["n"].to_numpy().copy())[:, None, None]).float()

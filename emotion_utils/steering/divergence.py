"""How far steering moves the next-token distribution along the texts that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from emotion_utils.engine.backoff import in_pieces
from emotion_utils.engine.interventions import UNTOUCHED, Condition
from emotion_utils.engine.prefill import Prefill
from emotion_utils.engine.requests import ConditionBatch
from emotion_utils.scoring.divergence import kl_divergence
from emotion_utils.steering.subject import SteeredModel
from emotion_utils.steering.trials import SteeringSetting, conditions_of

ROWS = 16


def text_divergence(
    steered: SteeredModel, table: pd.DataFrame, settings: Sequence[SteeringSetting]
) -> Float[np.ndarray, " text"]:
    """Mean divergence of the steered from the untouched model over the tokens of each text, in nats per token.

    Both read the same text, the steered one as it wrote it. A large value early and a small one later is a push that
    the text then carries on by itself.

    Parameters
    ----------
    steered
    table
        From :func:`trials.run`.
    settings
        Those that the texts were made under.

    Returns
    -------
    One number per row of the table; NaN for a text without tokens.
    """
    conditions = conditions_of(settings)
    rows = [
        (steered.ids(context), ids, conditions[name])
        for context, ids, name in zip(table["context"], table["ids"], table["condition"], strict=True)
    ]
    means = np.full(len(rows), np.nan)
    order = [i for i in np.argsort([len(ids) for _, ids, _ in rows], kind="stable").tolist() if rows[i][1]]
    for piece, values in in_pieces(order, ROWS, lambda some: _means(steered, [rows[i] for i in some])):
        means[list(piece)] = values
    return means


def _means(steered: SteeredModel, table: Sequence[tuple[list[int], list[int], Condition]]) -> list[float]:
    texts = [prompt + new[:-1] for prompt, new, _ in table]
    keep = max(len(new) for _, new, _ in table)
    lengths = [len(prompt) for prompt, _, _ in table]
    rows = partial(ConditionBatch.of, steered.model, texts, prompts=lengths)
    moved, untouched = (
        torch.log_softmax(Prefill(rows(conditions=chosen), keep=keep).run().logits.float(), -1)
        for chosen in ([condition for _, _, condition in table], [UNTOUCHED] * len(table))
    )
    return [
        float(kl_divergence(moved[row, -len(new) :], untouched[row, -len(new) :]).mean())
        for row, (_, new, _) in enumerate(table)
    ]

"""The logit lens on a vector: which tokens it makes more likely, through the model's own final norm and unembedding.

A direction has no logits of its own, since the final norm depends on the whole state. What is read here is the change
of the lens from a neutral state to the same state with the vector added (nostalgebraist 2020).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn

from emotion_utils.core.emotions import EMOTIONAL
from emotion_utils.core.errors import UserError
from emotion_utils.prompts.keywords import keyword_lexicon
from emotion_utils.statistics.auc import areas
from emotion_utils.statistics.nulls import AgainstNull, against_null
from emotion_utils.vectors.contrasts import Contrasts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import PreTrainedTokenizerBase

    from emotion_utils.models.model import Model

FEWEST_TOKENS = 3
TOP = 8
"""Tokens that are listed."""


def final_norm(model: Model) -> nn.Module:
    """The norm between the last block and the unembedding."""
    decoder = model.network.get_decoder()
    for name in ("ln_f", "norm", "final_layer_norm"):
        if hasattr(decoder, name):
            return getattr(decoder, name)
    raise UserError(f"A {type(decoder).__name__} has no final norm that is known here.")


@torch.no_grad()
def lens(model: Model, states: Float[Tensor, "... d_model"]) -> Float[Tensor, "... vocabulary"]:
    """Logits that a residual stream would give if it were the last one, float32 on the CPU."""
    head = model.network.get_output_embeddings()
    states = states.to(device=head.weight.device, dtype=head.weight.dtype)
    logits = head(final_norm(model)(states)).float().cpu()
    cap = getattr(model.network.config.get_text_config(), "final_logit_softcapping", None)
    return torch.tanh(logits / cap) * cap if cap else logits


def lens_shift(
    model: Model,
    base: Float[Tensor, " d_model"],
    directions: Float[Tensor, "... d_model"],
) -> Float[Tensor, "... vocabulary"]:
    """Change of the log-probabilities of all tokens when a direction is added to a state."""
    before = torch.log_softmax(lens(model, base), dim=-1)
    return torch.log_softmax(lens(model, base + directions), dim=-1) - before


def promoted(
    model: Model,
    base: Float[Tensor, " d_model"],
    direction: Float[Tensor, " d_model"],
    top: int = 10,
) -> pd.DataFrame:
    """The tokens that a vector promotes most: ``rank, token, change`` (of the log-probability, in nats)."""
    shift = lens_shift(model, base, direction)
    best = shift.topk(min(top, len(shift)))
    tokens = [model.tokenizer.decode([int(i)]) for i in best.indices]
    return pd.DataFrame({"rank": range(1, len(tokens) + 1), "token": tokens, "change": best.values.numpy()})


def named_emotions(
    model: Model,
    given: Contrasts,
    before: Contrasts,
    layers: Mapping[str, int],
    n_permutations: int = 199,
    seed: int = 0,
) -> pd.DataFrame:
    """Read the vector of each emotion at one layer.

    Parameters
    ----------
    model
    given
        What vectors are made from, read at the end.
    before
        States of the same layers whose neutral ones a vector is added to, read at the end.
    layers
        Emotion to layer.
    n_permutations, seed
        Of the labels.

    Returns
    -------
    One row per emotion: ``emotion, layer``, the columns of :func:`naming`, and ``promotes``, the tokens in order.
    """
    vectors = given.vectors(given.observed())[0]
    null = given.no_emotion(n_permutations, seed)
    rows = []
    for emotion, layer in layers.items():
        i, k = EMOTIONAL.index(emotion), given.layers.index(layer)
        base = before.values[torch.from_numpy(before.labels == "neutral"), k].mean(dim=0)
        direction = torch.from_numpy(vectors[i, k]).float()
        drawn = torch.einsum("br,rd->bd", torch.from_numpy(null[:, i]), given.values[:, k].double()).float()
        tokens = promoted(model, base, direction, TOP)["token"]
        scores = naming(model, base, direction, drawn, emotion)
        rows.append(
            {"emotion": emotion, "layer": layer, **scores, "promotes": " | ".join(tokens.str.strip())}
        )
    return pd.DataFrame(rows)


def keyword_tokens(tokenizer: PreTrainedTokenizerBase, emotion: str) -> list[int]:
    """Ids of the keywords of an emotion that are one token, after a space or not, in lower case or capitalised."""
    single = set()
    for word in keyword_lexicon()[emotion]:
        for text in (word, word.capitalize(), f" {word}", f" {word.capitalize()}"):
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            if len(ids) == 1:
                single.add(int(ids[0]))
    return sorted(single)


def naming(
    model: Model,
    base: Float[Tensor, " d_model"],
    direction: Float[Tensor, " d_model"],
    null: Float[Tensor, "draw d_model"],
    emotion: str,
) -> dict[str, float]:
    """Whether a vector promotes the words that name its emotion: area under the curve of keywords against all tokens.

    Parameters
    ----------
    base
        A neutral state of the same layer.
    direction
        The vector.
    null
        Vectors made with permuted labels.
    emotion

    Returns
    -------
    ``value, null, null_high, p, n`` (keywords that are one token); NaN where there are fewer than three.
    """
    ids = keyword_tokens(model.tokenizer, emotion)
    model.check_tokens(ids)
    if len(ids) < FEWEST_TOKENS:
        return {**dict.fromkeys(AgainstNull._fields, np.nan), "n": len(ids)}
    shift = lens_shift(model, base, torch.cat([direction[None], null]))  # (1 + draw, vocabulary)
    positive = np.zeros(shift.shape[1], dtype=bool)
    positive[ids] = True
    aurocs = areas(shift.T.numpy(), positive)
    return {**against_null(aurocs[0], aurocs[1:])._asdict(), "n": len(ids)}

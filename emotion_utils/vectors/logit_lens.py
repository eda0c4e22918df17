"""The logit lens on a vector: which tokens it makes more likely, through the model's own final norm and unembedding.

A direction has no logits of its own, since the final norm depends on the whole state. What is read here is the change
of the lens from a neutral state to the same state with the vector added (nostalgebraist 2020).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn

from emotion_utils.core.emotions import others_of
from emotion_utils.core.errors import UserError
from emotion_utils.prompts.keywords import keyword_lexicon
from emotion_utils.statistics.auc import areas
from emotion_utils.statistics.nulls import AgainstNull, against_null
from emotion_utils.statistics.permutations import LEVEL
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
    *,
    keywords: bool = True,
) -> pd.DataFrame:
    """Read the vector of each emotion at one layer.

    Parameters
    ----------
    model
    given
        What vectors are made from, read at the end.
    before
        States of the same layers, read at the end: a vector is added to the mean of the neutral ones or, where there
        are none, of all other labels.
    layers
        Emotion to layer.
    n_permutations, seed
        Of the labels.
    keywords
        Whether the list of keywords has words of these emotions.

    Returns
    -------
    One row per emotion: ``emotion, layer``, with ``keywords`` the columns of :func:`naming`, and ``promotes``, the
    tokens in order.
    """
    null = given.no_emotion(n_permutations, seed) if keywords else np.empty(0)
    rows = []
    for (emotion, layer), (base, direction) in zip(
        layers.items(), _added(given, before, layers), strict=True
    ):
        tokens, scores = promoted(model, base, direction, TOP)["token"], {}
        if keywords:
            i, k = given.emotions.index(emotion), given.layers.index(layer)
            drawn = torch.einsum("br,rd->bd", torch.from_numpy(null[:, i]), given.values[:, k].double())
            scores = naming(model, base, direction, drawn.float(), emotion)
        rows.append(
            {"emotion": emotion, "layer": layer, **scores, "promotes": " | ".join(tokens.str.strip())}
        )
    return pd.DataFrame(rows)


def _added(
    given: Contrasts, before: Contrasts, layers: Mapping[str, int]
) -> list[tuple[Float[Tensor, " d_model"], Float[Tensor, " d_model"]]]:
    """For each emotion at its layer the state that its vector is added to, and the vector."""
    vectors, pairs = given.vectors(given.observed())[0], []
    for emotion, layer in layers.items():
        i, k = given.emotions.index(emotion), given.layers.index(layer)
        pairs.append((base_state(before, emotion, k), torch.from_numpy(vectors[i, k]).float()))
    return pairs


def base_state(before: Contrasts, emotion: str, at: int) -> Float[Tensor, " d_model"]:
    """The mean state that a vector is added to, at one of the layers that were read."""
    rows = others_of(pd.DataFrame({"emotion": before.labels}), emotion)
    return before.values[torch.tensor(rows), at].mean(dim=0)


class OwnNames(NamedTuple):
    """Whether vectors promote the names of their own labels more than those of the others.

    Attributes
    ----------
    value
        Share of the other labels' names that a vector promotes less than its own, mean over the vectors; 1/2 by chance.
    null, null_high, p
        After the names were dealt out anew.
    n
        Labels.
    """

    value: float
    null: float
    null_high: float
    p: float
    n: int

    @property
    def above(self) -> bool:
        """Whether the names are told apart at :data:`LEVEL`."""
        return self.p <= LEVEL


def own_names(
    model: Model,
    given: Contrasts,
    before: Contrasts,
    layers: Mapping[str, int],
    n_permutations: int = 199,
    seed: int = 0,
) -> OwnNames:
    """Ask of each vector how much likelier it makes the first token of each label's name, written after a space.

    Parameters
    ----------
    model, given, before, layers
        As of :func:`named_emotions`; one label alone cannot be asked.
    n_permutations, seed
        Of the names.
    """
    ids = [model.tokenizer(f" {emotion}", add_special_tokens=False)["input_ids"][0] for emotion in layers]
    rows = [lens_shift(model, *added)[ids].numpy() for added in _added(given, before, layers)]
    rises, n = np.stack(rows), len(rows)  # (vector, name)
    rng = np.random.default_rng(seed)
    dealt = [np.arange(n), *(rng.permutation(n) for _ in range(n_permutations))]
    ours, *null = (_share_below(rises[:, order]) for order in dealt)
    return OwnNames(*against_null(ours, np.array(null)), n)


def _share_below(rises: Float[np.ndarray, "vector name"]) -> float:
    """Share of the entries beside the diagonal that are below it in their row, equal ones counted half."""
    own = np.diag(rises)[:, None]
    below = (rises < own) + 0.5 * (rises == own) - 0.5 * np.eye(len(rises))
    return float(below.sum() / max(len(rises) * (len(rises) - 1), 1))


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

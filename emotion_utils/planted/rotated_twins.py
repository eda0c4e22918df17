"""The rotated twin: the same function in other coordinates, the positive control of every comparison of models.

RMSNorm divides by a length, and lengths do not change under a rotation. Once its gains are folded into the weights that
read after it, the residual stream can be rotated, and the rotation folded into all weights that write to it and read
from it. The logits stay; every activation of the residual stream turns.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn

from emotion_utils.activations.extraction import extract, points
from emotion_utils.alignment.align import align
from emotion_utils.core.errors import UserError
from emotion_utils.models.model import Model
from emotion_utils.planted.generators import random_basis
from emotion_utils.subspaces.readings import PairedStates

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

FAMILIES = ("llama", "qwen3")
"""Model types with an RMSNorm before each part, and none after it."""


@torch.no_grad()
def rotated_twin(model: PreTrainedModel, seed: int = 0) -> tuple[PreTrainedModel, Float[np.ndarray, "d d"]]:
    """A copy of a model whose residual stream is rotated, and the rotation.

    Parameters
    ----------
    model
        Of a family in :data:`FAMILIES`; it is left as it is.
    seed
        Of the rotation.

    Returns
    -------
    The copy, and Q: a state h of the model is h Q in the copy.

    Raises
    ------
    UserError
        For another family: its norms do not commute with a rotation.
    """
    kind = model.config.model_type
    if kind not in FAMILIES:
        raise UserError(
            f'A model of the type "{kind}" has no rotated twin here: its norms do not commute with a rotation, or are '
            f"not known to. Take one of the types {', '.join(FAMILIES)}."
        )
    twin: Any = copy.deepcopy(model)
    body = twin.model
    basis = random_basis(model.config.hidden_size, np.random.default_rng(seed))
    turn = torch.from_numpy(basis).to(body.embed_tokens.weight.device)
    vocabulary, width = twin.lm_head.weight.shape
    head = nn.Linear(width, vocabulary, bias=False).to(twin.lm_head.weight)
    head.weight.copy_(twin.lm_head.weight)
    twin.lm_head = head
    twin.config.tie_word_embeddings = False
    body.embed_tokens.weight.copy_(body.embed_tokens.weight.double() @ turn)
    for layer in body.layers:
        attention, mlp = layer.self_attn, layer.mlp
        _fold(layer.input_layernorm, (attention.q_proj, attention.k_proj, attention.v_proj), turn)
        _fold(layer.post_attention_layernorm, (mlp.gate_proj, mlp.up_proj), turn)
        for writer in (attention.o_proj, mlp.down_proj):
            writer.weight.copy_(turn.T @ writer.weight.double())
            if writer.bias is not None:
                writer.bias.copy_(writer.bias.double() @ turn)
    _fold(body.norm, (twin.lm_head,), turn)
    return twin, basis


def _fold(norm: Any, readers: Sequence[nn.Linear], turn: Tensor) -> None:
    """Move the gains of a norm into the weights that read after it, and let those read rotated states."""
    gains = norm.weight.double()
    for reader in readers:
        reader.weight.copy_((reader.weight.double() * gains) @ turn)
    norm.weight.fill_(1.0)


@torch.no_grad()
def logit_difference(
    model: PreTrainedModel, twin: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> float:
    """Largest absolute difference of the logits, over all tokens of all texts."""
    worst = 0.0
    for text in texts:
        ids = tokenizer(text, return_tensors="pt")["input_ids"].to(model.device)
        found = model(ids).logits - twin(ids).logits
        worst = max(worst, float(found.abs().max()))
    return worst


def at_layers(side: PairedStates, kept: Sequence[int]) -> PairedStates:
    """The same model at some of its layers, by their place in the list."""
    rows = list(kept)
    emotional, partners = (
        {emotion: states[rows] for emotion, states in part.items()}
        for part in (side.emotional, side.partners)
    )
    layers = tuple(side.layers[i] for i in rows)
    return replace(side, layers=layers, neutral=side.neutral[rows], emotional=emotional, partners=partners)


def side_of(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: pd.DataFrame, name: str
) -> PairedStates:
    """What `alignment.align` compares, read at the last token of a profile whose prompts come in fours.

    Parameters
    ----------
    prompts
        With one neutral prompt per ``pair_id``, which is the partner of that pair's emotional ones.
    """
    own = Model(model, tokenizer, name)
    read = extract(own, prompts, points(own), ["end"], progress=False)
    ids, values = read.at("end")
    table = prompts.set_index("id").loc[ids].reset_index()
    states = values.double().numpy().transpose(1, 0, 2)  # (layer, prompt, d_model)
    neutral = np.flatnonzero(table["emotion"] == "neutral")
    partner = pd.Series(neutral, table["pair_id"].iloc[neutral])
    emotional, partners = {}, {}
    for emotion in sorted(set(table["emotion"]) - {"neutral"}):
        rows = np.flatnonzero(table["emotion"] == emotion)
        emotional[emotion] = states[:, rows]
        partners[emotion] = states[:, partner[table["pair_id"].iloc[rows]].to_numpy()]
    groups = pd.factorize(table["group"].iloc[neutral])[0]
    return PairedStates(name, tuple(read.layers()), states[:, neutral], groups, emotional, partners)


def some_rows(side: PairedStates, families: int, each: int, seed: int) -> np.ndarray:
    """Numbers of neutral rows: so many of each of so many families."""
    rng = np.random.default_rng(seed)
    codes, counts = np.unique(side.groups, return_counts=True)
    large = codes[counts >= each]
    if len(large) < families:
        raise UserError(
            f"{families} families of {each} rows were asked for: {len(large)} have as many; take fewer."
        )
    chosen = rng.permutation(large)[:families]
    rows = [rng.permutation(np.flatnonzero(side.groups == code))[:each] for code in chosen]
    return np.sort(np.concatenate(rows))


def noisy(side: PairedStates, noise: float, rng: np.random.Generator) -> PairedStates:
    """The same states with Gaussian noise of so many standard deviations of the layer's neutral states."""
    deviation = (side.neutral - side.neutral.mean(axis=1, keepdims=True)).std(axis=(1, 2), keepdims=True)

    def seen(states: np.ndarray) -> np.ndarray:
        return states + noise * deviation * rng.normal(size=states.shape)

    emotional = {emotion: seen(states) for emotion, states in side.emotional.items()}
    partners = {emotion: seen(states) for emotion, states in side.partners.items()}
    return replace(side, neutral=seen(side.neutral), emotional=emotional, partners=partners)


def twin_trials(
    model: PairedStates,
    twin: PairedStates,
    noise: float,
    families: int,
    each: int,
    seeds: Sequence[int],
    n_permutations: int = 99,
) -> pd.DataFrame:
    """The sound pipeline on a model and its twin with noise added, on other rows each time.

    Returns
    -------
    Columns ``seed, r2, overlap, probe``, as `trials.null_trials`.
    """
    found = []
    for seed in seeds:
        rows = some_rows(model, families, each, seed)
        one, other = (replace(s, neutral=s.neutral[:, rows], groups=s.groups[rows]) for s in (model, twin))
        other = noisy(other, noise, np.random.default_rng([seed, 1]))
        best = align(one, other, n_permutations=n_permutations, seed=seed).best().set_index("score")
        found.append({"seed": seed, **best["p"].to_dict()})
    return pd.DataFrame(found, columns=["seed", "r2", "overlap", "probe"])

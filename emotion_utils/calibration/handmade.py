"""A transformer whose circuit is known because it was written by hand: one head carries the emotion, nothing else does.

The head looks back at the emotion word and writes a direction that the unembedding reads as that emotion's reaction.
Every other head attends and moves nothing but noise that is orthogonal to it. Screening and patching have to rank this
head first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float

from emotion_utils.calibration.generators import EMOTIONS, random_basis
from emotion_utils.errors import UserError

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

__all__ = ["Handmade", "handmade"]

LAYERS, HEADS, HEAD_DIM, VOCABULARY = 3, 4, 16, 40
WIDTH = HEADS * HEAD_DIM
SHARPNESS = 40.0


@dataclass(frozen=True, eq=False)
class Handmade:
    """A model and its known circuit.

    Attributes
    ----------
    model
        Reads and writes numbers of words; it has no tokenizer.
    layer, head
        The one head that carries the emotion.
    words, reactions
        By emotion: the number of the word that names it, and of the word that reacts to it.
    directions
        By emotion: the unit vector that the head writes.
    fillers
        Numbers of words that mean nothing.
    """

    model: LlamaForCausalLM
    layer: int
    head: int
    words: dict[str, int]
    reactions: dict[str, int]
    directions: dict[str, Float[np.ndarray, " d_model"]] = field(repr=False)
    fillers: tuple[int, ...] = ()


@torch.no_grad()
def handmade(layer: int = 1, head: int = 2, seed: int = 0, noise: float = 0.05) -> Handmade:
    """Write the weights.

    Parameters
    ----------
    layer, head
        Where the emotion is carried.
    seed
        Of the coordinates, of the fillers and of what the other heads write.
    noise
        Size of what the other heads and the MLPs write, orthogonal to all that matters.
    """
    if not (0 <= layer < LAYERS and 0 <= head < HEADS):
        raise UserError(
            f"The model has {LAYERS} layers of {HEADS} heads: there is no head {head} in layer {layer}."
        )
    rng, n = np.random.default_rng(seed), len(EMOTIONS)
    basis = random_basis(WIDTH, rng)
    named, written, rest = basis[:n], basis[n : 2 * n], basis[2 * n :]
    model: Any = _empty()
    words, reactions = (
        dict(zip(EMOTIONS, range(n), strict=True)),
        dict(zip(EMOTIONS, range(n, 2 * n), strict=True)),
    )
    embedding = rng.normal(size=(VOCABULARY, len(rest))) @ rest / np.sqrt(len(rest))
    embedding[:n] += named
    model.model.embed_tokens.weight.copy_(torch.from_numpy(embedding))
    unembedding = 0.1 * rng.normal(size=(VOCABULARY, len(rest))) @ rest
    unembedding[n : 2 * n] = written
    model.lm_head.weight.copy_(torch.from_numpy(unembedding))
    for block in model.model.layers:
        _write_noise(block, rest, noise, rng)
    _write_head(model.model.layers[layer].self_attn, head, named, written)
    directions = dict(zip(EMOTIONS, written, strict=True))
    return Handmade(model.eval(), layer, head, words, reactions, directions, tuple(range(2 * n, VOCABULARY)))


def _empty() -> LlamaForCausalLM:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=WIDTH, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=HEADS, head_dim=HEAD_DIM, attention_bias=True,
        max_position_embeddings=128, tie_word_embeddings=False, bos_token_id=None, eos_token_id=None,
        rope_parameters={"rope_type": "default", "rope_theta": 1e9},
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    for name, weight in model.named_parameters():
        weight.data.fill_(1.0 if "norm" in name else 0.0)
    return model


def _write_noise(block: Any, rest: np.ndarray, noise: float, rng: np.random.Generator) -> None:
    """Heads and MLPs that read and write only what does not matter."""

    def matrix(rows: int, *, reads: bool) -> torch.Tensor:
        drawn = rng.normal(size=(rows, len(rest))) @ rest / np.sqrt(len(rest))
        return torch.from_numpy(drawn if reads else drawn.T)

    attention, mlp = block.self_attn, block.mlp
    for reader in (attention.q_proj, attention.k_proj, attention.v_proj, mlp.gate_proj, mlp.up_proj):
        reader.weight.copy_(matrix(WIDTH, reads=True))
    for writer in (attention.o_proj, mlp.down_proj):
        writer.weight.copy_(noise * matrix(WIDTH, reads=False))


def _write_head(attention: Any, head: int, named: np.ndarray, written: np.ndarray) -> None:
    """A constant query that meets the key of any emotion word, in the pair of coordinates that RoPE turns slowest."""
    own = slice(head * HEAD_DIM, (head + 1) * HEAD_DIM)
    for part in (attention.q_proj, attention.k_proj, attention.v_proj):
        part.weight[own] = 0.0
    attention.o_proj.weight[:, own] = 0.0
    slow = head * HEAD_DIM + HEAD_DIM // 2 - 1
    attention.q_proj.bias[slow] = SHARPNESS
    attention.k_proj.weight[slow] = torch.from_numpy(named.sum(axis=0))
    for i in range(len(named)):
        attention.v_proj.weight[head * HEAD_DIM + i] = torch.from_numpy(named[i])
        attention.o_proj.weight[:, head * HEAD_DIM + i] = torch.from_numpy(written[i])

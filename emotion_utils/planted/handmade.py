"""A transformer whose circuit is known because it was written by hand: one head carries the emotion, nothing else does.

The head looks back at the emotion word and writes a direction that the unembedding reads as that emotion's reaction.
Every other head attends and moves nothing but noise that is orthogonal to it. Screening and patching have to rank this
head first. To make that hard the noise can be spread over all directions, and decoys can look at emotion words and
write what the answer does not depend on; without the planted head there is nothing to find.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float

from emotion_utils.core.errors import UserError
from emotion_utils.planted.generators import EMOTIONS, random_basis

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

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
    neutral
        Number of the word that is the neutral reaction.
    decoys
        Layer and head of those that attend to emotion words and write nothing that matters.
    planted
        Whether ``layer`` and ``head`` carry the emotion; otherwise that head is noise as all others.
    """

    model: LlamaForCausalLM
    layer: int
    head: int
    words: dict[str, int]
    reactions: dict[str, int]
    directions: dict[str, Float[np.ndarray, " d_model"]] = field(repr=False)
    fillers: tuple[int, ...] = ()
    neutral: int = VOCABULARY - 1
    decoys: tuple[tuple[int, int], ...] = ()
    planted: bool = True


@torch.no_grad()
def handmade(
    layer: int = 1,
    head: int = 2,
    seed: int = 0,
    noise: float = 0.05,
    *,
    everywhere: bool = False,
    sharpness: float = SHARPNESS,
    decoys: int = 0,
    planted: bool = True,
) -> Handmade:
    """Write the weights.

    Parameters
    ----------
    layer, head
        Where the emotion is carried.
    seed
        Of the coordinates, of the fillers, of the decoys and of what the other heads write.
    noise
        Size of what the other heads and the MLPs write; the planted head writes with size 1.
    everywhere
        Whether they read and write all directions; otherwise only those that are orthogonal to all that matters.
    sharpness
        Of the planted head's attention: at 3 an emotion word gets about 0.8 of it, at 40 all of it.
    decoys
        So many other heads attend to emotion words with all their attention, and write noise that is orthogonal to all
        that matters.
    planted
        Whether there is a planted head.
    """
    if not (0 <= layer < LAYERS and 0 <= head < HEADS):
        raise UserError(
            f"The model has {LAYERS} layers of {HEADS} heads: there is no head {head} in layer {layer}."
        )
    others = [(i, j) for i in range(LAYERS) for j in range(HEADS) if (i, j) != (layer, head)]
    if not 0 <= decoys <= len(others):
        raise UserError(f"The model has {len(others)} heads for decoys: {decoys} cannot be had.")
    rng, n = np.random.default_rng(seed), len(EMOTIONS)
    basis = random_basis(WIDTH, rng)
    named, written, neutral, rest = basis[:n], basis[n : 2 * n], basis[2 * n], basis[2 * n + 1 :]
    model: Any = _empty()
    words, reactions = (
        dict(zip(EMOTIONS, range(n), strict=True)),
        dict(zip(EMOTIONS, range(n, 2 * n), strict=True)),
    )
    embedding = rng.normal(size=(VOCABULARY, len(rest))) @ rest / np.sqrt(len(rest))
    embedding[:n] += named
    model.model.embed_tokens.weight.copy_(torch.from_numpy(embedding))
    unembedding = 0.1 * rng.normal(size=(VOCABULARY, len(rest))) @ rest
    unembedding[n : 2 * n], unembedding[-1] = written, neutral
    model.lm_head.weight.copy_(torch.from_numpy(unembedding))
    blocks = model.model.layers
    for block in blocks:
        _write_noise(block, basis if everywhere else rest, noise, rng)
    chosen = tuple(others[i] for i in sorted(rng.permutation(len(others))[:decoys].tolist()))
    for at, own in chosen:
        _write_attention(blocks[at].self_attn, own, named, SHARPNESS)
        drawn = rng.normal(size=(HEAD_DIM, len(rest))) @ rest / np.sqrt(len(rest))
        blocks[at].self_attn.o_proj.weight[:, _rows(own)] = torch.from_numpy(noise * drawn.T).float()
    if planted:
        _write_head(blocks[layer].self_attn, head, named, written, sharpness)
    directions = dict(zip(EMOTIONS, written, strict=True))
    fillers = tuple(range(2 * n, VOCABULARY - 1))
    return Handmade(
        model.eval(), layer, head, words, reactions, directions, fillers, decoys=chosen, planted=planted
    )


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


def _write_noise(block: Any, reach: np.ndarray, noise: float, rng: np.random.Generator) -> None:
    """Heads and MLPs that read and write some directions at random, by default only those that do not matter."""

    def matrix(rows: int, *, reads: bool) -> torch.Tensor:
        drawn = rng.normal(size=(rows, len(reach))) @ reach / np.sqrt(len(reach))
        return torch.from_numpy(drawn if reads else drawn.T)

    attention, mlp = block.self_attn, block.mlp
    for reader in (attention.q_proj, attention.k_proj, attention.v_proj, mlp.gate_proj, mlp.up_proj):
        reader.weight.copy_(matrix(WIDTH, reads=True))
    for writer in (attention.o_proj, mlp.down_proj):
        writer.weight.copy_(noise * matrix(WIDTH, reads=False))


def _rows(head: int) -> slice:
    return slice(head * HEAD_DIM, (head + 1) * HEAD_DIM)


def _write_attention(attention: Any, head: int, named: np.ndarray, sharpness: float) -> None:
    """A constant query that meets the key of any emotion word, in the pair of coordinates that RoPE turns slowest."""
    for part in (attention.q_proj, attention.k_proj):
        part.weight[_rows(head)] = 0.0
    slow = head * HEAD_DIM + HEAD_DIM // 2 - 1
    attention.q_proj.bias[slow] = sharpness
    attention.k_proj.weight[slow] = torch.from_numpy(named.sum(axis=0))


def _write_head(attention: Any, head: int, named: np.ndarray, written: np.ndarray, sharpness: float) -> None:
    """Attention to emotion words, of which it writes one direction each."""
    _write_attention(attention, head, named, sharpness)
    attention.v_proj.weight[_rows(head)] = 0.0
    attention.o_proj.weight[:, _rows(head)] = 0.0
    for i in range(len(named)):
        attention.v_proj.weight[head * HEAD_DIM + i] = torch.from_numpy(named[i])
        attention.o_proj.weight[:, head * HEAD_DIM + i] = torch.from_numpy(written[i])

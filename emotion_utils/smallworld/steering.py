"""Difference-of-means steering of a bundled model, the plainest version: what it takes to flip a neutral reaction.

The book has its own engine for interventions. This one is kept apart and small, so that a card does not depend on
the code that the card's numbers are to check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from emotion_utils.smallworld.evaluate import continuations
from emotion_utils.smallworld.grammar import Document, Grammar
from emotion_utils.smallworld.measures import Measured, share
from emotion_utils.smallworld.openings import classify, context_ids, openings

__all__ = [
    "Steered",
    "adding",
    "blocks",
    "difference_of_means",
    "flip_table",
    "prepare",
    "reaction_residuals",
    "reactions_under",
    "steering_report",
]

TARGETS = ("gratitude", "anger", "apology")
ALPHAS = (0.5, 1.0, 1.5, 2.0)
NEW_TOKENS = 24


@dataclass(frozen=True)
class Steered:
    """The neutral contexts that a vector is tried on, encoded once."""

    contexts: list[list[int]]
    openings: list[list[tuple[str, str]]]
    told: list[str]


def blocks(model: PreTrainedModel) -> nn.ModuleList:
    """The transformer blocks in order, in any of the families."""
    base = model.base_model
    return base.h if hasattr(base, "h") else base.layers


@torch.no_grad()
def reaction_residuals(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, docs: Sequence[Document]
) -> Tensor:
    """Output of every block at the last position before the reaction: (document, layer, d_model)."""
    kept: list[Tensor] = []
    handles = [
        b.register_forward_hook(lambda _, __, out: kept.append(_hidden(out)[:, -1])) for b in blocks(model)
    ]
    rows = []
    try:
        for document in docs:
            kept.clear()
            model(torch.tensor([context_ids(tokenizer, document)]), use_cache=False)
            rows.append(torch.cat(kept))
    finally:
        for handle in handles:
            handle.remove()
    return torch.stack(rows)


def difference_of_means(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    emotional: Mapping[str, Sequence[Document]],
    neutral: Sequence[Document],
) -> dict[str, Tensor]:
    """Mean residual before an emotional reaction minus that before a neutral one: emotion to (layer, d_model)."""
    rest = reaction_residuals(model, tokenizer, neutral).mean(dim=0)
    return {e: reaction_residuals(model, tokenizer, docs).mean(dim=0) - rest for e, docs in emotional.items()}


@contextmanager
def adding(model: PreTrainedModel, layer: int, vector: Tensor) -> Iterator[None]:
    """Add ``vector`` to the output of a block at the last position of a prompt and at every later one.

    Prompts are padded on the left, so the last position of each is the last column; while a cache is in use, every
    further pass is one column wide.
    """

    def add(_module: nn.Module, _inputs: object, out: object) -> object:
        hidden = _hidden(out).clone()
        hidden[:, -1] += vector
        return (hidden, *out[1:]) if isinstance(out, tuple) else hidden

    handle = blocks(model)[layer].register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()


def prepare(tokenizer: PreTrainedTokenizerFast, blind: Grammar, docs: Sequence[Document]) -> Steered:
    """Encode contexts and list what could be said after each."""
    contexts = [context_ids(tokenizer, d) for d in docs]
    told = [tokenizer.decode(c, skip_special_tokens=True) for c in contexts]
    rest = [d.context[len(t) :] for d, t in zip(docs, told, strict=True)]
    known = [[(r + text, e) for text, e in openings(blind, d)] for d, r in zip(docs, rest, strict=True)]
    return Steered(contexts, known, told)


def reactions_under(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, steered: Steered, layer: int, vector: Tensor
) -> list[str | None]:
    """Emotion of the greedy reaction to each context while ``vector`` is added at ``layer``."""
    with adding(model, layer, vector):
        made = continuations(model, tokenizer, steered.contexts, NEW_TOKENS)
    out = []
    for context, told, new, known in zip(steered.contexts, steered.told, made, steered.openings, strict=True):
        text = tokenizer.decode([*context, *new], skip_special_tokens=True)
        out.append(classify(text[len(told) :], known))
    return out


def flip_table(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    steered: Steered,
    vectors: dict[str, Tensor],
    layers: Sequence[int],
    alphas: Sequence[float],
    progress: bool = False,
) -> dict[tuple[int, float, str], Measured]:
    """Share of contexts whose greedy reaction becomes the target: (layer, alpha, emotion) to share."""
    cells = [(layer, alpha, e) for layer in layers for alpha in alphas for e in vectors]
    table = {}
    for layer, alpha, emotion in tqdm(cells, desc="steering", disable=not progress, leave=False):
        found = reactions_under(model, tokenizer, steered, layer, alpha * vectors[emotion][layer])
        table[layer, alpha, emotion] = share(sum(f == emotion for f in found), len(found))
    return table


def steering_report(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    blind: Grammar,
    vectors: dict[str, Tensor],
    select: Sequence[Document],
    test: Sequence[Document],
    seed: int = 0,
    progress: bool = False,
) -> dict[str, object]:
    """Flips on ``test`` at the layer and alpha that are best on ``select``, with the controls.

    The layer is the one whose worst emotion flips most often at alpha 1; the alpha likewise at that layer. The
    random control adds a vector of the same norm in a random direction and counts every emotional reaction.
    """
    trial, held_out = prepare(tokenizer, blind, select), prepare(tokenizer, blind, test)
    every = range(len(blocks(model)))
    at_one = flip_table(model, tokenizer, trial, vectors, list(every), [1.0], progress)
    layer = max(every, key=lambda i: _worst(at_one, i, 1.0))
    other = flip_table(model, tokenizer, trial, vectors, [layer], [a for a in ALPHAS if a != 1.0], progress)
    table = at_one | other
    alpha = max(ALPHAS, key=lambda a: (_worst(table, layer, a), -abs(a - 1)))
    final = flip_table(model, tokenizer, held_out, vectors, [layer], sorted({1.0, alpha}), progress)
    return {
        "layer": layer,
        "alpha": alpha,
        "flipped": {e: final[layer, alpha, e].as_json() for e in vectors},
        "flipped_at_alpha_1": {e: final[layer, 1.0, e].as_json() for e in vectors},
        "random": _random_control(model, tokenizer, held_out, vectors, layer, alpha, seed).as_json(),
        "unsteered_emotional": _emotional(model, tokenizer, held_out, layer, torch.zeros(())).as_json(),
        "by_layer_at_alpha_1": {str(i): {e: at_one[i, 1.0, e].value for e in vectors} for i in every},
    }


def _worst(table: dict[tuple[int, float, str], Measured], layer: int, alpha: float) -> tuple[float, float]:
    values = [m.value for (i, a, _), m in table.items() if (i, a) == (layer, alpha)]
    return min(values), sum(values)


def _emotional(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, steered: Steered, layer: int, vector: Tensor
) -> Measured:
    found = reactions_under(model, tokenizer, steered, layer, vector)
    return share(sum(f in TARGETS for f in found), len(found))


def _random_control(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    steered: Steered,
    vectors: dict[str, Tensor],
    layer: int,
    alpha: float,
    seed: int,
) -> Measured:
    generator = torch.Generator().manual_seed(seed)
    hits = n = 0
    for directions in vectors.values():
        vector = alpha * directions[layer]
        noise = torch.randn(vector.shape, generator=generator)
        found = reactions_under(model, tokenizer, steered, layer, noise * vector.norm() / noise.norm())
        hits, n = hits + sum(f in TARGETS for f in found), n + len(found)
    return share(hits, n)


def _hidden(out: object) -> Tensor:
    return out[0] if isinstance(out, tuple) else out  # type: ignore[return-value]

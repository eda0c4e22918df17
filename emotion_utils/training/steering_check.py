"""Difference-of-means steering of a bundled model, the plainest version: what it takes to flip a neutral reaction.

The book has its own engine for interventions. This one is kept apart and small, so that a card does not depend on
the code that the card's numbers are to check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import product

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from emotion_utils.models.model import Model
from emotion_utils.smallworld.grammar import Document, Grammar
from emotion_utils.smallworld.openings import classify, context_ids, openings
from emotion_utils.training.evaluation import continuations
from emotion_utils.training.measures import Measured, share

TARGETS = ("gratitude", "anger", "apology")
ALPHAS = (1.0, 1.5, 2.0, 3.0)
AFTER = (0, 1)
NEW_TOKENS = 24

Shift = Callable[[int], Tensor]  # number of rows to what is added to each: (row, d_model) or (d_model,)


@dataclass(frozen=True)
class Setting:
    """Where a vector is added: the output of which block, times ``alpha``, and at how many generated positions."""

    layer: int
    alpha: float
    after: int


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
def reaction_residuals(model: Model, docs: Sequence[Document]) -> Tensor:
    """Output of every block at the last position before the reaction: (document, layer, d_model)."""
    kept: list[Tensor] = []
    handles = [
        b.register_forward_hook(lambda _, __, out: kept.append(_hidden(out)[:, -1]))
        for b in blocks(model.network)
    ]
    rows = []
    try:
        for document in docs:
            kept.clear()
            model.network(torch.tensor([context_ids(model.tokenizer, document)]), use_cache=False)
            rows.append(torch.cat(kept))
    finally:
        for handle in handles:
            handle.remove()
    return torch.stack(rows)


def difference_of_means(
    model: Model,
    emotional: Mapping[str, Sequence[Document]],
    neutral: Sequence[Document],
) -> dict[str, Tensor]:
    """Mean residual before an emotional reaction minus that before a neutral one: emotion to (layer, d_model)."""
    rest = reaction_residuals(model, neutral).mean(dim=0)
    return {e: reaction_residuals(model, docs).mean(dim=0) - rest for e, docs in emotional.items()}


@contextmanager
def adding(model: PreTrainedModel, layer: int, shift: Shift, after: int = 0) -> Iterator[None]:
    """Add to the output of a block at the last position of each prompt and at the ``after`` next ones.

    Prompts are padded on the left, so the last position of each is the last column; while a cache is in use, every
    further pass is one column wide. What ``shift`` gives for a batch stays the same until the next prompts come.
    """
    given, passes = torch.zeros(()), 0

    def add(_module: nn.Module, _inputs: object, out: object) -> object:
        nonlocal given, passes
        hidden = _hidden(out)
        passes = 0 if hidden.shape[1] > 1 else passes + 1
        if passes > after:
            return out
        if passes == 0:
            given = shift(len(hidden))
        hidden = hidden.clone()
        hidden[:, -1] += given
        return (hidden, *out[1:]) if isinstance(out, tuple) else hidden

    handle = blocks(model)[layer].register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()


def random_directions(norm: float, width: int, seed: int) -> Shift:
    """For each row a direction of its own, drawn uniformly, of length ``norm``."""
    generator = torch.Generator().manual_seed(seed)

    def shift(rows: int) -> Tensor:
        noise = torch.randn(rows, width, generator=generator)
        return norm * noise / noise.norm(dim=1, keepdim=True)

    return shift


def prepare(tokenizer: PreTrainedTokenizerFast, blind: Grammar, docs: Sequence[Document]) -> Steered:
    """Encode contexts and list what could be said after each."""
    contexts = [context_ids(tokenizer, d) for d in docs]
    told = [tokenizer.decode(c, skip_special_tokens=True) for c in contexts]
    rest = [d.context[len(t) :] for d, t in zip(docs, told, strict=True)]
    known = [[(r + text, e) for text, e in openings(blind, d)] for d, r in zip(docs, rest, strict=True)]
    return Steered(contexts, known, told)


def reactions_under(
    model: Model,
    steered: Steered,
    layer: int,
    shift: Shift,
    after: int = 0,
) -> list[str | None]:
    """Emotion of the greedy reaction to each context while ``shift`` is added at ``layer``."""
    with adding(model.network, layer, shift, after):
        made = continuations(model, steered.contexts, NEW_TOKENS)
    out = []
    for context, told, new, known in zip(steered.contexts, steered.told, made, steered.openings, strict=True):
        text = model.tokenizer.decode([*context, *new], skip_special_tokens=True)
        out.append(classify(text[len(told) :], known))
    return out


@dataclass(frozen=True)
class Trial:
    """A model with contexts to steer: what every measurement below shares."""

    model: Model
    contexts: Steered
    vectors: Mapping[str, Tensor]  # emotion to (layer, d_model)
    seed: int

    def flipped(self, emotion: str, at: Setting) -> Measured:
        """Share of contexts whose reaction becomes ``emotion`` under its vector."""
        vector = at.alpha * self.vectors[emotion][at.layer]
        found = self._reactions(at, lambda _rows: vector)
        return share(sum(f == emotion for f in found), len(found))

    def random(self, emotion: str, at: Setting) -> Measured:
        """Share of contexts with any emotional reaction under random vectors as long as that of ``emotion``."""
        vector = at.alpha * self.vectors[emotion][at.layer]
        found = self._reactions(at, random_directions(float(vector.norm()), len(vector), self.seed))
        return share(sum(f in TARGETS for f in found), len(found))

    def unsteered(self) -> Measured:
        """Share of contexts with any emotional reaction when nothing is added."""
        found = self._reactions(Setting(0, 0.0, 0), lambda _rows: torch.zeros(()))
        return share(sum(f in TARGETS for f in found), len(found))

    def _reactions(self, at: Setting, shift: Shift) -> list[str | None]:
        return reactions_under(self.model, self.contexts, at.layer, shift, at.after)


def steering_report(
    model: Model,
    blind: Grammar,
    vectors: Mapping[str, Tensor],
    select: Sequence[Document],
    test: Sequence[Document],
    seed: int = 0,
    progress: bool = False,
) -> dict[str, object]:
    """Flips on ``test`` at the setting of each emotion that is best on ``select``, with the random control.

    The best setting is the one with the most flips beyond those to any emotion under random vectors of the same
    length; among equals the smallest alpha, then the earliest layer, then the fewest positions.
    """
    trial = Trial(model, prepare(model.tokenizer, blind, select), vectors, seed)
    held_out = Trial(model, prepare(model.tokenizer, blind, test), vectors, seed + 1)
    settings = [Setting(*v) for v in product(range(model.n_layers), ALPHAS, AFTER)]
    cells = tqdm(list(product(vectors, settings)), desc="steering", disable=not progress, leave=False)
    flips = {(emotion, at): trial.flipped(emotion, at).value for emotion, at in cells}
    best = {e: _best(trial, e, {at: flips[e, at] for at in settings}) for e in vectors}
    random = {e: held_out.random(e, best[e]) for e in vectors}
    return {
        "chosen": {e: asdict(at) for e, at in best.items()},
        "flipped": {e: held_out.flipped(e, best[e]).as_json() for e in vectors},
        "random": _pooled(random).as_json(),
        "random_by_emotion": {e: m.as_json() for e, m in random.items()},
        "unsteered_emotional": held_out.unsteered().as_json(),
        "selected_by_layer": {
            str(i): {e: round(max(flips[e, at] for at in settings if at.layer == i), 4) for e in vectors}
            for i in range(model.n_layers)
        },
    }


def _best(trial: Trial, emotion: str, flips: Mapping[Setting, float]) -> Setting:
    """The setting with the largest margin over random vectors; they are tried only where they can still decide."""
    margins: dict[Setting, float] = {}
    for at in sorted(flips, key=lambda at: -flips[at]):
        if margins and flips[at] < max(margins.values()) - 1e-9:
            break
        margins[at] = flips[at] - trial.random(emotion, at).value
    return max(margins, key=lambda at: (round(margins[at], 9), -at.alpha, -at.layer, -at.after))


def _pooled(parts: Mapping[str, Measured]) -> Measured:
    n = sum(m.n for m in parts.values())
    return share(round(sum(m.value * m.n for m in parts.values())), n)


def _hidden(out: object) -> Tensor:
    return out[0] if isinstance(out, tuple) else out  # type: ignore[return-value]

"""How much a continuation surprises a model that is not steered, alone and beside genuine replies."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.core.errors import UserError
from emotion_utils.engine.decoding import Sampling
from emotion_utils.engine.generation import generate
from emotion_utils.engine.reading import mean_surprise
from emotion_utils.models.batches import by_length
from emotion_utils.scoring.replies import GENUINE, first_reply, genuine_replies, splice
from emotion_utils.scoring.scorer import Rows, Scorer

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

BATCH_TOKENS = 4096
LOGIT_BYTES = 2**28
DRAWN = Sampling(30, temperature=1.0, samples=GENUINE)
"""Texts of the untouched model in the place of genuine replies, which other labels do not have."""
LIKE = 12
"""Texts stand together by their length in steps of so many tokens."""
NAN = float("nan")


@dataclass(frozen=True)
class Judge:
    """An unsteered model that reads texts.

    Attributes
    ----------
    model
        Its tokenizer must know character spans.
    side
        Where a batch is padded. On the `left`, texts that follow the same context share what is read of it; on the
        `right`, each is read from its first token on. The numbers are the same.
    """

    model: Model
    side: str = "left"

    def nll(self, contexts: Sequence[str], texts: Sequence[str]) -> Float[np.ndarray, " text"]:
        """Mean negative log-probability per token of each continuation given its context, in nats.

        Context and continuation are encoded as one text after the ``opening`` of the model; a token that reaches into
        the continuation belongs to it. In a chat the continuation is the answer to the context. Where both together
        exceed the model's context, the beginning of the context is left out. NaN for an empty continuation.

        Raises
        ------
        UserError
            For a continuation that is itself longer than the model's context.
        """
        pairs = list(zip(contexts, texts, strict=True))
        place = {pair: i for i, pair in enumerate(dict.fromkeys(pairs))}  # each different one is read once
        rows = [self._encode(context, text) for context, text in place]
        self.model.check_tokens(chain.from_iterable(ids for ids, _ in rows))
        out = np.full(len(rows), NAN)
        some = [i for i, (_, new) in enumerate(rows) if new]
        for batch in self._batches(rows, some) if some else []:
            out[batch] = self._batch([rows[i] for i in batch])
        return out[np.array([place[pair] for pair in pairs], dtype=np.int64)]

    def _batches(self, rows: Sequence[tuple[list[int], int]], some: Sequence[int]) -> list[np.ndarray]:
        """Numbers of the rows of each batch; on the left, texts of one context and of like length stand together."""
        if self.side == "right":
            lengths = np.array([len(rows[i][0]) for i in some])
            sizes = np.array([rows[i][1] for i in some]) * self._vocabulary * 4
            return by_length(np.array(some), lengths, sizes, BATCH_TOKENS, LOGIT_BYTES)
        given = {i: (len(ids) - new, ids[: len(ids) - new]) for i in some for ids, new in [rows[i]]}
        widest = max(rows[i][1] for i in some)
        fit = max(1, min(LOGIT_BYTES // (widest * self._vocabulary * 4), BATCH_TOKENS // widest))
        order = np.array(sorted(some, key=lambda i: (rows[i][1] // LIKE, given[i])))
        return [order[start : start + fit] for start in range(0, len(order), fit)]

    @property
    def _vocabulary(self) -> int:
        return int(self.model.network.config.get_text_config().vocab_size)

    def _encode(self, context: str, text: str) -> tuple[list[int], int]:
        """Token ids of both, and how many of them belong to the continuation."""
        if self.model.reading.chat:
            told, said = self.model.starting_ids(context), self._plain(text)
            return self._cut([], told + said, len(said), text)
        found = self.model.tokenizer(
            context + text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        new = sum(end > len(context) for _, end in found["offset_mapping"]) if text else 0
        return self._cut(self.model.opening, found["input_ids"], new, text)

    def _plain(self, text: str) -> list[int]:
        return list(self.model.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _cut(self, first: list[int], told: list[int], new: int, text: str) -> tuple[list[int], int]:
        room = self.model.context - len(first)
        if new > room - (not first):
            raise UserError(
                f"The text {text[:40]!r}... has {new} tokens, and the judge has room for {room}: cut it."
            )
        ids = first + told[-room:]
        return ids, min(new, len(ids) - 1)

    def _batch(self, rows: Sequence[tuple[list[int], int]]) -> list[float]:
        if self.side == "left":
            return mean_surprise(self.model, [(ids[:-new], ids[-new:]) for ids, new in rows])
        return self._alone(rows)

    @torch.no_grad()
    def _alone(self, rows: Sequence[tuple[list[int], int]]) -> list[float]:
        """Each row read from its first token on."""
        inputs = self.model.padded([ids for ids, _ in rows], self.side)
        longest = max(len(ids) for ids, _ in rows)
        ends = [longest if self.side == "left" else len(ids) for ids, _ in rows]
        first = min(end - new for end, (_, new) in zip(ends, rows, strict=True))
        logp = self._log_probabilities(inputs, first - 1)  # (row, position from first - 1 on, vocabulary)
        out = []
        for row, (end, (ids, new)) in enumerate(zip(ends, rows, strict=True)):
            told = logp[row, end - new - first : end - first]  # (new token, vocabulary)
            given = torch.tensor(ids[len(ids) - new :], device=told.device)
            out.append(-float(told.gather(1, given[:, None]).double().mean()))
        return out

    def _log_probabilities(
        self, inputs: Mapping[str, Tensor], first: int
    ) -> Float[Tensor, "row position vocabulary"]:
        """Of the token after each position from `first` on; logits are made for these positions only."""
        kept = inputs["input_ids"].shape[1] - first
        fewer = (
            {"logits_to_keep": kept}
            if "logits_to_keep" in inspect.signature(self.model.network.forward).parameters
            else {}
        )
        logits = self.model.network(**inputs, use_cache=False, **fewer).logits[:, -kept:]
        return torch.log_softmax(logits.float(), dim=-1)


def relative_perplexity(
    judge: Judge, n: int = GENUINE, seed: int = 0, labels: tuple[str, ...] | None = None
) -> Scorer:
    """Perplexity of the reply over that of genuine replies of the row's emotion spliced into the same context.

    Both are read up to the end of the first reply. The genuine replies are `n` of
    :func:`replies.genuine_replies`; their perplexity in a context is the exponential of their mean surprise there.

    Parameters
    ----------
    judge
        The unsteered model.
    n, seed
        Of the genuine replies, the same in every context.
    labels
        Other ones than the book's emotions, which have no genuine replies: the perplexity is held against that of
        texts that the unsteered model draws in the same context (:data:`DRAWN`), and all texts are read whole.
    """
    known: dict[
        tuple[str, str], float
    ] = {}  # kept, so that the next table of the same contexts costs nothing

    def measure(rows: Rows) -> Float[np.ndarray, " text"]:
        pairs = list(zip(rows.contexts, rows.emotions, strict=True))
        new = sorted(set(pairs) - known.keys())
        usual = genuine_nll(judge, new, n, seed) if labels is None else drawn_nll(judge, [c for c, _ in new])
        known.update(zip(new, usual.tolist(), strict=True))
        read = [_reply_part(text) if labels is None else text.rstrip() for text in rows.texts]
        found = judge.nll(rows.contexts, read)
        return np.exp(found - np.array([known[pair] for pair in pairs]))

    limits = (
        "Genuine replies are those of the small world, strange to a judge of other English; greedy text is cheaper "
        "than sampled text, so 1 is no floor; the text after the first reply is not read; NaN for an empty reply."
        if labels is None
        else "Beside texts that the unsteered model draws itself; greedy text is cheaper than these, so 1 is no floor; "
        "NaN for an empty text."
    )
    kind = "genuine replies of the emotion" if labels is None else "texts that the unsteered model draws"
    higher = f"less expected than {kind} (1: as expected)"
    return Scorer(
        "relative_perplexity", (0, math.inf), higher, limits, measure, ("text", "context", "emotion"),
        labels or EMOTIONS,
    )  # fmt: skip


def genuine_nll(
    judge: Judge, pairs: Sequence[tuple[str, str]], n: int = GENUINE, seed: int = 0
) -> Float[np.ndarray, " pair"]:
    """Mean surprise, nats per token, at `n` genuine replies for each pair of a context and an emotion."""
    replies = {emotion: genuine_replies(emotion, n, seed) for emotion in sorted({e for _, e in pairs})}
    spliced = [(context, _reply_part(splice(context, r))) for context, e in pairs for r in replies[e]]
    nll = judge.nll([context for context, _ in spliced], [text for _, text in spliced])
    ends = np.cumsum([len(replies[emotion]) for _, emotion in pairs])
    return np.array([part.mean() for part in np.split(nll, ends)[: len(pairs)]])


def drawn_nll(judge: Judge, contexts: Sequence[str]) -> Float[np.ndarray, " context"]:
    """Mean surprise, nats per token, at the texts of :data:`DRAWN` after each context; NaN where all are empty."""
    different = list(dict.fromkeys(contexts))
    ids = [judge.model.starting_ids(context) for context in different]
    drawn = generate(judge.model, ids, how=DRAWN, progress=False)
    nll = judge.nll([different[i] for i in drawn["prompt"]], [text.rstrip() for text in drawn["text"]])
    means = drawn.assign(nll=nll).groupby("prompt")["nll"].mean()
    return np.array([means[different.index(context)] for context in contexts])


def _reply_part(text: str) -> str:
    """The text up to the end of its first reply, with what stands before the reply."""
    reply = first_reply(text)
    return text[: text.index(reply) + len(reply)] if reply else ""

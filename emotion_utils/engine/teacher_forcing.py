"""What a model would say under conditions, without letting it speak: probabilities of given continuations.

One forward pass gives the log-probability of a whole continuation, so that an effect can be measured without the
chance of sampling: the log-odds of emotional against neutral continuations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from scipy.special import logsumexp
from torch import Tensor

from emotion_utils.core.errors import UserError
from emotion_utils.engine.backoff import in_pieces
from emotion_utils.engine.interventions import UNTOUCHED, Condition
from emotion_utils.engine.memory import fitting_rows
from emotion_utils.engine.prefill import Prefill
from emotion_utils.engine.requests import ConditionBatch, Prompt, checked, distinct, each_with

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

BATCH_ROWS = 128


def continuation_log_probs(
    model: Model,
    prompts: Sequence[Prompt],
    continuations: Sequence[str],
    conditions: Sequence[Condition] = (UNTOUCHED,),
    *,
    rows: Int[np.ndarray, "row 2"] | None = None,
    batch_rows: int | None = None,
    side: str = "left",
    share: bool = True,
) -> pd.DataFrame:
    """Log-probability of every continuation after each prompt under each condition.

    Parameters
    ----------
    model
    prompts
        Texts, or token ids.
    continuations
        Texts with the blank that they begin with; they are encoded by themselves, without special tokens.
    conditions
        With different names. Windows are counted from the end of the prompt: a continuation lies where generated tokens
        would.
    rows
        Pairs (prompt, condition) by number; by default all.
    batch_rows
        Rows of a forward pass; by default as many as fit into memory. Halved whenever it runs out.
    side, share
        As of :func:`generation.generate`.

    Returns
    -------
    One row per pair and continuation: ``prompt``, ``condition``, ``continuation`` (number), ``log_prob`` (in nats,
    summed over its tokens) and ``n_tokens``.

    Raises
    ------
    UserError
        For a continuation without tokens, and what :func:`generation.generate` refuses.
    """
    if isinstance(continuations, str):
        raise UserError(f"Continuations are a list, also if there is one: [{continuations!r}].")
    endings = [model.tokenizer(text, add_special_tokens=False)["input_ids"] for text in continuations]
    for text, ids in zip(continuations, endings, strict=True):
        if not ids:
            raise UserError(f"The continuation {text!r} has no tokens: leave it out.")
        model.check_tokens(ids, f"The continuation {text!r} has")
    longest = max(map(len, endings), default=0)
    starts, pairs = checked(model, prompts, conditions, rows, longest)
    plan = each_with(pairs, len(endings))  # (row, [prompt, condition, continuation])
    reading = _Reading(model, starts, endings, conditions, side, share)
    run, which = distinct(plan, conditions)
    lengths = [len(starts[p]) + len(endings[e]) for p, _, e in run.tolist()]
    # by length, and rows of the same length by the block from which they are changed
    blocks = np.array([condition.first_block() for condition in conditions], dtype=np.int64)
    order = np.lexsort((blocks[run[:, 1]], lengths)).tolist()
    found = np.empty(len(run))
    size = _size(batch_rows, model, max(lengths, default=1), longest + 1)
    for piece, values in in_pieces(order, size, lambda some: reading.log_probs(run[list(some)])):
        found[list(piece)] = values
    table = pd.DataFrame(plan, columns=["prompt", "condition", "continuation"])
    table["condition"] = [conditions[i].name for i in plan[:, 1].tolist()]
    table["log_prob"] = found[which]
    table["n_tokens"] = [len(endings[i]) for i in plan[:, 2].tolist()]
    return table


def _size(asked: int | None, model: Model, slots: int, logits: int) -> int:
    return fitting_rows(model, slots, logits, BATCH_ROWS) if asked is None else asked


@dataclass(frozen=True, eq=False)
class _Reading:
    """Prompts with continuations under conditions; rows are triples of their numbers (prompt, condition, ending)."""

    model: Model
    starts: Sequence[list[int]]
    endings: Sequence[list[int]]
    conditions: Sequence[Condition]
    side: str = "left"
    share: bool = True

    @torch.no_grad()
    def _logits(self, part: Int[np.ndarray, "row 3"]) -> Float[Tensor, "row keep vocabulary"]:
        """Logits at the last positions of some rows: the longest ending and the token before it."""
        starts, endings = (
            [self.starts[p] for p in part[:, 0].tolist()],
            [self.endings[e] for e in part[:, 2].tolist()],
        )
        texts = [start + ending for start, ending in zip(starts, endings, strict=True)]
        conditions = [self.conditions[c] for c in part[:, 1].tolist()]
        rows = ConditionBatch.of(self.model, texts, conditions, list(map(len, starts)), self.side)
        keep = max(map(len, endings)) + 1
        return Prefill(rows, keep=keep, share=self.share).run().logits

    def log_probs(self, part: Int[np.ndarray, "row 3"]) -> list[float]:
        """Of the whole ending of each row."""
        logits, out = self._logits(part), []
        for own, (prompt, condition, ending) in zip(logits, part.tolist(), strict=True):
            tokens = torch.tensor(self.endings[ending], device=own.device)
            told = own[-1 - len(tokens) : -1].float()
            chances = told.gather(1, tokens[:, None]).squeeze(1) - told.logsumexp(dim=-1)
            value = float(chances.double().sum())
            self._check(value, prompt, condition)
            out.append(value)
        return out

    def next_tokens(self, part: Int[np.ndarray, "row 3"]) -> Float[Tensor, "row vocabulary"]:
        """Of each token after each row."""
        chances = torch.log_softmax(self._logits(part)[:, -1].float(), dim=-1).cpu()
        best = chances.max(dim=-1).values.tolist()
        for value, (prompt, condition, _) in zip(best, part.tolist(), strict=True):
            self._check(value, prompt, condition)
        return chances

    def _check(self, value: float, prompt: int, condition: int) -> None:
        if not np.isfinite(value):
            raise UserError(
                f'Under the condition "{self.conditions[condition].name}" a log-probability after the prompt '
                f"{self.model.tokenizer.decode(self.starts[prompt])[:60]!r} is {value}: use float32 or bfloat16, or a "
                "smaller strength."
            )


def log_odds(table: pd.DataFrame, emotional: Sequence[int], neutral: Sequence[int]) -> pd.DataFrame:
    """How much more probable one set of continuations is than another, in nats.

    Parameters
    ----------
    table
        From :func:`continuation_log_probs`.
    emotional, neutral
        Numbers of the continuations.

    Returns
    -------
    One row per prompt and condition: ``prompt, condition, log_odds``; the logarithm of the sum of the probabilities of
    the emotional ones over that of the neutral ones.

    Raises
    ------
    UserError
        Where a set is empty or has a continuation that the table has not, where a continuation is named twice, and
        where the table has a prompt and condition twice.
    """
    known = set(table["continuation"])
    named = [*emotional, *neutral]
    if len(set(named)) < len(named):
        raise UserError(
            f"A continuation is named twice in {list(emotional)} and {list(neutral)}: it would count double."
        )
    if table.duplicated(["prompt", "condition", "continuation"]).any():
        raise UserError("The table has a prompt and condition twice: ask for each pair of rows once.")
    for name, numbers in (("emotional", emotional), ("neutral", neutral)):
        if not len(numbers) or not set(numbers) <= known:
            raise UserError(
                f"The {name} continuations {list(numbers)} are not among those of the table: {known}."
            )
    wide = table.pivot(index=["prompt", "condition"], columns="continuation", values="log_prob")
    odds = logsumexp(wide[list(emotional)], axis=1) - logsumexp(wide[list(neutral)], axis=1)
    return pd.DataFrame({"log_odds": odds}, index=wide.index).reset_index()


def continuation_log_odds(
    model: Model,
    prompts: Sequence[Prompt],
    emotional: Sequence[str],
    neutral: Sequence[str],
    conditions: Sequence[Condition] = (UNTOUCHED,),
) -> pd.DataFrame:
    """How much more probable some continuations are than others, by teacher forcing: ``eu.log_odds(model, ...)``.

    Parameters
    ----------
    model
        From `emotion_utils.load`.
    prompts
        Texts, or token ids.
    emotional, neutral
        Continuations of both kinds, with the blank that they begin with.
    conditions
        As of :func:`generation.generate`: from `steer`, `ablate`, `patch`; by default the untouched model.

    Returns
    -------
    One row per prompt and condition: ``prompt`` (number), ``condition`` (name), ``log_odds`` (nats): the logarithm of
    the summed probability of the emotional ones over that of the neutral ones.

    Raises
    ------
    UserError
        For no continuation of a kind, and what :func:`continuation_log_probs` refuses.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> model = eu.load("small-gpt2")
    >>> eu.log_odds(model, ["Anna helped Tom. Tom said:"], [' "Thank you'], [' "I see'])["condition"].tolist()
    ['untouched']
    """
    table = continuation_log_probs(model, prompts, [*emotional, *neutral], conditions)
    numbers = range(len(emotional) + len(neutral))
    return log_odds(table, numbers[: len(emotional)], numbers[len(emotional) :])


def next_token_log_probs(
    model: Model,
    prompts: Sequence[Prompt],
    conditions: Sequence[Condition] = (UNTOUCHED,),
    *,
    batch_rows: int | None = None,
) -> Float[Tensor, "prompt condition vocabulary"]:
    """Log-probabilities of the token after each prompt under each condition, in float32 on the CPU.

    Raises
    ------
    UserError
        For what :func:`generation.generate` refuses.
    """
    starts, pairs = checked(model, prompts, conditions, None, 1)
    reading = _Reading(model, starts, [[]], conditions)
    run, which = distinct(each_with(pairs, 1), conditions)
    size = _size(batch_rows, model, max(map(len, starts), default=1), 1)
    pieces = in_pieces(range(len(run)), size, lambda some: reading.next_tokens(run[list(some)]))
    found = [values for _, values in pieces]
    if not found:
        return torch.empty(len(starts), len(conditions), model.network.config.get_text_config().vocab_size)
    return torch.cat(found)[which].reshape(len(starts), len(conditions), -1)


def next_token_log_masses(
    model: Model,
    prompts: Sequence[Prompt],
    sets: Sequence[Sequence[int]],
    conditions: Sequence[Condition] = (UNTOUCHED,),
    *,
    rows: Int[np.ndarray, "row 2"] | None = None,
    batch_rows: int | None = None,
    share: bool = True,
) -> Float[np.ndarray, "row set"]:
    """Log of the probability that the token after a prompt is one of a set; the vocabulary is not kept.

    Parameters
    ----------
    model
    prompts
        Texts, or token ids.
    sets
        Token ids of each set.
    conditions
        With different names.
    rows
        Pairs (prompt, condition) by number; by default all, the conditions of a prompt side by side.
    batch_rows, share
        As of :func:`continuation_log_probs`.

    Raises
    ------
    UserError
        For a set without tokens or with one that the model does not have, and what :func:`generation.generate` refuses.
    """
    known = int(model.network.get_output_embeddings().weight.shape[0])
    for tokens in sets:
        if not len(tokens) or min(tokens) < 0 or max(tokens) >= known:
            raise UserError(
                f"A set of next tokens holds some of the tokens 0 to {known - 1}, not {list(tokens)[:8]}."
            )
    starts, pairs = checked(model, prompts, conditions, rows, 1)
    reading = _Reading(model, starts, [[]], conditions, share=share)
    run, which = distinct(each_with(pairs, 1), conditions)
    order = np.argsort([len(starts[p]) for p in run[:, 0].tolist()], kind="stable").tolist()

    def masses(some: Sequence[int]) -> np.ndarray:
        chances = reading.next_tokens(run[list(some)])
        return np.stack([chances[:, list(tokens)].double().logsumexp(-1).numpy() for tokens in sets], axis=1)

    found = np.empty((len(run), len(sets)))
    size = _size(batch_rows, model, max(map(len, starts), default=1), 1)
    for piece, values in in_pieces(order, size, masses):
        found[list(piece)] = values
    return found[which]

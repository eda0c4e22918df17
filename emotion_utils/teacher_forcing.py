"""What a model would say under conditions, without letting it speak: probabilities of given continuations.

One forward pass gives the log-probability of a whole continuation, so that an effect can be measured without the
chance of sampling: the log-odds of emotional against neutral continuations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from scipy.special import logsumexp
from torch import Tensor

from emotion_utils.backoff import in_pieces
from emotion_utils.errors import UserError
from emotion_utils.generation import Prompt, all_rows, prompt_ids
from emotion_utils.hooks import n_layers
from emotion_utils.interventions import UNTOUCHED, Condition, check_conditions
from emotion_utils.models import context_of
from emotion_utils.packing import Packed
from emotion_utils.prefill import Prefill

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["continuation_log_probs", "log_odds", "next_token_log_probs"]

BATCH_ROWS = 128


def continuation_log_probs(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    continuations: Sequence[str],
    conditions: Sequence[Condition] = (UNTOUCHED,),
    *,
    rows: Int[np.ndarray, "row 2"] | None = None,
    batch_rows: int = BATCH_ROWS,
    side: str = "left",
    share: bool = True,
) -> pd.DataFrame:
    """Log-probability of every continuation after each prompt under each condition.

    Parameters
    ----------
    model, tokenizer
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
        Rows of a forward pass; halved whenever memory runs out.
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
    check_conditions(model, conditions)
    endings = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in continuations]
    for text, ids in zip(continuations, endings, strict=True):
        if not ids:
            raise UserError(f"The continuation {text!r} has no tokens: leave it out.")
    longest = max(map(len, endings), default=0)
    starts = prompt_ids(tokenizer, prompts, context_of(model.config, model.config.name_or_path), longest)
    pairs = all_rows(len(starts), len(conditions)) if rows is None else np.asarray(rows, dtype=np.int64)
    plan = np.concatenate(
        [np.repeat(pairs, len(endings), axis=0), np.tile(np.arange(len(endings)), len(pairs))[:, None]],
        axis=1,
    )

    def work(some: Sequence[int]) -> list[float]:
        part = plan[list(some)]
        return _log_probs(model, tokenizer, starts, endings, conditions, part, side, share)

    order = np.argsort(
        [len(starts[p]) + len(endings[c]) for p, _, c in plan.tolist()], kind="stable"
    ).tolist()
    found = np.empty(len(plan))
    for piece, values in in_pieces(order, batch_rows, work):
        found[list(piece)] = values
    table = pd.DataFrame(plan, columns=["prompt", "condition", "continuation"])
    table["condition"] = [conditions[i].name for i in plan[:, 1].tolist()]
    table["log_prob"] = found
    table["n_tokens"] = [len(endings[i]) for i in plan[:, 2].tolist()]
    return table


@torch.no_grad()
def _log_probs(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    starts: Sequence[list[int]],
    endings: Sequence[list[int]],
    conditions: Sequence[Condition],
    part: Int[np.ndarray, "row 3"],
    side: str,
    share: bool,
) -> list[float]:
    texts, which = np.unique(part[:, [0, 2]], axis=0, return_inverse=True)
    ids = [starts[p] + endings[c] for p, c in texts.tolist()]
    packed = Packed(
        [conditions[c] for c in part[:, 1].tolist()],
        [len(starts[p]) for p in part[:, 0].tolist()],
        n_layers(model),
    )
    keep = max(len(endings[c]) for c in part[:, 2].tolist()) + 1
    pad = int(tokenizer.pad_token_id or 0)
    logits = (
        Prefill(model, ids, which.reshape(-1), packed, pad, keep=keep, side=side, share=share).run().logits
    )
    chances = torch.log_softmax(logits.float(), dim=-1)  # (row, keep, vocabulary)
    out = []
    for row, (prompt, condition, ending) in enumerate(part.tolist()):
        tokens = torch.tensor(endings[ending], device=chances.device)
        own = chances[row, keep - 1 - len(tokens) : keep - 1].gather(1, tokens[:, None])
        value = float(own.double().sum())
        if not np.isfinite(value):
            raise UserError(
                f'Under the condition "{conditions[condition].name}" the log-probability of a continuation of the '
                f"prompt {tokenizer.decode(starts[prompt])[:60]!r} is {value}: use float32 or bfloat16, or a smaller "
                "strength."
            )
        out.append(value)
    return out


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
        Where a set is empty or has a continuation that the table has not.
    """
    known = set(table["continuation"])
    for name, numbers in (("emotional", emotional), ("neutral", neutral)):
        if not len(numbers) or not set(numbers) <= known:
            raise UserError(
                f"The {name} continuations {list(numbers)} are not among those of the table: {known}."
            )
    wide = table.pivot(index=["prompt", "condition"], columns="continuation", values="log_prob")
    odds = logsumexp(wide[list(emotional)], axis=1) - logsumexp(wide[list(neutral)], axis=1)
    return pd.DataFrame({"log_odds": odds}, index=wide.index).reset_index()


@torch.no_grad()
def next_token_log_probs(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    conditions: Sequence[Condition] = (UNTOUCHED,),
    *,
    batch_rows: int = BATCH_ROWS,
) -> Float[Tensor, "prompt condition vocabulary"]:
    """Log-probabilities of the token after each prompt under each condition, in float32 on the CPU."""
    check_conditions(model, conditions)
    starts = prompt_ids(tokenizer, prompts, context_of(model.config, model.config.name_or_path), 1)
    plan, pad = all_rows(len(starts), len(conditions)), int(tokenizer.pad_token_id or 0)

    def work(some: Sequence[int]) -> Tensor:
        part = plan[list(some)]
        prompts_here, which = np.unique(part[:, 0], return_inverse=True)
        ids = [starts[p] for p in prompts_here.tolist()]
        packed = Packed(
            [conditions[c] for c in part[:, 1]], [len(ids[p]) for p in which.tolist()], n_layers(model)
        )
        return torch.log_softmax(
            Prefill(model, ids, which, packed, pad).run().logits[:, -1].float(), dim=-1
        ).cpu()

    found = [values for _, values in in_pieces(range(len(plan)), batch_rows, work)]
    return torch.cat(found).reshape(len(starts), len(conditions), -1)

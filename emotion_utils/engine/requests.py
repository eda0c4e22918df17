"""What is asked of the engine, checked before anything runs; and the rows of one batch.

A row is a text under a condition. Many rows have the same text: it is kept once, so that what they share is computed
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import Condition, check_conditions
from emotion_utils.engine.packing import Packed
from emotion_utils.models.positions import encode

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

Prompt = str | Sequence[int]


@dataclass(frozen=True, eq=False)
class ConditionBatch:
    """Texts under conditions, in one batch.

    Attributes
    ----------
    model
    ids
        Tokens of the different texts.
    which
        The text of each row.
    packed
        The conditions of the rows.
    side
        Of the padding.
    """

    model: Model
    ids: Sequence[Sequence[int]]
    which: Int[np.ndarray, " row"]
    packed: Packed
    side: str = "left"

    def __post_init__(self) -> None:
        if self.side not in ("left", "right"):
            raise UserError(f'Texts are padded on the "left" or the "right", not "{self.side}".')

    @classmethod
    def of(
        cls,
        model: Model,
        texts: Sequence[Sequence[int]],
        conditions: Sequence[Condition],
        prompts: Sequence[int] | None = None,
        side: str = "left",
    ) -> ConditionBatch:
        """Rows from the text and the condition of each, and how many of its tokens are the prompt (None: all)."""
        number: dict[tuple[int, ...], int] = {}
        which = np.array([number.setdefault(tuple(text), len(number)) for text in texts])
        packed = Packed(
            conditions, [len(text) for text in texts] if prompts is None else prompts, model.n_layers
        )
        return cls(model, list(number), which, packed, side)


def checked(
    model: Model,
    prompts: Sequence[Prompt],
    conditions: Sequence[Condition],
    rows: Int[np.ndarray, "row 2"] | None,
    needed: int,
) -> tuple[list[list[int]], Int[np.ndarray, "row 2"]]:
    """Token ids of prompts, and which of them is to be run under which condition: pairs of numbers.

    Raises
    ------
    UserError
        For a model in training mode, what :func:`interventions.check_conditions` and :func:`prompt_ids` refuse, a
        token that the model does not have, and rows of prompts or conditions that are not there.
    """
    model.check_mode()
    check_conditions(model, conditions)
    ids = prompt_ids(model, prompts, needed)
    for number, row in enumerate(ids):
        model.check_tokens(row, f"Prompt {number} has")
    return ids, all_rows(len(ids), len(conditions)) if rows is None else _pairs(
        rows, len(ids), len(conditions)
    )


def _pairs(rows: Any, prompts: int, conditions: int) -> Int[np.ndarray, "row 2"]:
    pairs = np.asarray(rows)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.issubdtype(pairs.dtype, np.integer):
        raise UserError(
            f"Rows are pairs of numbers, (prompt, condition), not {pairs.dtype} of shape {pairs.shape}."
        )
    for prompt, condition in pairs[((pairs < 0) | (pairs >= [prompts, conditions])).any(axis=1)].tolist():
        raise UserError(
            f"A row asks for prompt {prompt} under condition {condition}, and there are {prompts} prompts and "
            f"{conditions} conditions, counted from 0."
        )
    return pairs.astype(np.int64)


def prompt_ids(model: Model, prompts: Sequence[Prompt], needed: int) -> list[list[int]]:
    """Token ids of prompts given as text or as ids.

    Parameters
    ----------
    model
    prompts
    needed
        Positions that are needed after each prompt.

    Raises
    ------
    UserError
        For one text in place of several, a prompt without tokens, and one that leaves no room; with the prompt.
    """
    if isinstance(prompts, str):
        raise UserError(f"Prompts are a list, also if there is one: [{prompts[:60]!r}].")
    texts = [prompt for prompt in prompts if isinstance(prompt, str)]
    encoded, room = iter(encode(model.tokenizer, texts, None, model.reading).ids), model.context
    found = [list(map(int, next(encoded) if isinstance(prompt, str) else prompt)) for prompt in prompts]
    for prompt, ids in zip(prompts, found, strict=True):
        if not ids:
            raise UserError(f"The prompt {prompt!r} has no tokens: leave it out.")
        if len(ids) + needed > room:
            told = repr(prompt if isinstance(prompt, str) else model.tokenizer.decode(ids))
            raise UserError(
                f"The prompt {told[:60]} has {len(ids)} tokens, {needed} more are asked for, and the model has room "
                f"for {room}: shorten it, ask for fewer, or leave it out."
            )
    return found


def all_rows(prompts: int, conditions: int) -> Int[np.ndarray, "row 2"]:
    """Every prompt under every condition: pairs of numbers, the conditions of a prompt side by side."""
    grid = np.meshgrid(np.arange(prompts), np.arange(conditions), indexing="ij")
    return np.stack([part.ravel() for part in grid], axis=1)


def each_with(pairs: Int[np.ndarray, "row 2"], n: int) -> Int[np.ndarray, "repeated 3"]:
    """Each pair n times, with a number from 0 to n - 1."""
    return np.column_stack([np.repeat(pairs, n, axis=0), np.tile(np.arange(n), len(pairs))])


def distinct(
    plan: Int[np.ndarray, "row 3"], conditions: Sequence[Condition]
) -> tuple[Int[np.ndarray, "run 3"], Int[np.ndarray, " row"]]:
    """The rows that have to be run, and which of them each row of a plan (prompt, condition, number) is.

    Conditions that change nothing are one: in any batch they give exactly what the untouched model gives.
    """
    idle = [i for i, condition in enumerate(conditions) if condition.changes_nothing]
    same = np.arange(len(conditions))
    same[idle] = idle[:1]
    merged = np.column_stack([plan[:, 0], same[plan[:, 1]], plan[:, 2]])
    run, which = np.unique(merged, axis=0, return_inverse=True)
    return run, which.reshape(-1)

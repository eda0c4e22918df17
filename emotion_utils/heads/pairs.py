"""Emotional prompts beside their neutral partners, and what heads are asked to explain: the log-odds of the reply.

Both prompts of a pair end in the same words, after which somebody is about to speak. What a model expects there is read
from the one next token: how much more probable the openings of emotional replies are than those of neutral ones. The
difference between the two prompts of a pair is what the emotional prompt caused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import UNTOUCHED, Condition
from emotion_utils.engine.teacher_forcing import next_token_log_masses
from emotion_utils.prompts.loading import labelled_set
from emotion_utils.prompts.partners import partners
from emotion_utils.scoring.replies import joint, own_openings
from emotion_utils.statistics.resampling import resampling_units

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

Head = tuple[int, int]
"""Layer and head, counted from 0."""
NAME = re.compile(r"L(\d+)H(\d+)")


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of prompts for one model.

    Attributes
    ----------
    model
        Of its tokenizer nothing is used but the padding token.
    table
        One row per pair: ``pair`` (name), ``emotion``, ``unit`` (what is resampled together), ``split`` and ``version``
        (of the wording).
    emotional, neutral
        Token ids of both prompts of each pair.
    openings
        By emotion, neutral among them: token ids with which only its replies begin, of each pair.
    """

    model: Model
    table: pd.DataFrame
    emotional: Sequence[Sequence[int]] = field(repr=False)
    neutral: Sequence[Sequence[int]] = field(repr=False)
    openings: Sequence[Mapping[str, Sequence[int]]] = field(repr=False)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def emotions(self) -> list[str]:
        """In the order of the table."""
        return list(dict.fromkeys(self.table["emotion"]))

    @property
    def heads(self) -> list[Head]:
        """Every head of the model, layer by layer."""
        return [(layer, head) for layer in range(self.model.n_layers) for head in range(self.model.n_heads)]

    @property
    def ids(self) -> list[Sequence[int]]:
        """Token ids of all emotional prompts, then of all neutral ones."""
        return [*self.emotional, *self.neutral]

    @cached_property
    def shared(self) -> Int[np.ndarray, " pair"]:
        """Tokens of the common ending of each pair."""
        pairs = zip(self.emotional, self.neutral, strict=True)
        return np.array([shared_ending(one, other) for one, other in pairs])

    @cached_property
    def _sets(self) -> tuple[list[tuple[int, ...]], Int[np.ndarray, "pair 2"]]:
        """The different sets of openings, and which two of them (emotional, neutral) each pair compares."""
        number: dict[tuple[int, ...], int] = {}
        own = [
            [number.setdefault(tuple(opening[kind]), len(number)) for kind in (emotion, "neutral")]
            for opening, emotion in zip(self.openings, self.table["emotion"], strict=True)
        ]
        return list(number), np.array(own, dtype=np.int64).reshape(-1, 2)

    @cached_property
    def untouched(self) -> Float[np.ndarray, "side pair"]:
        """Log-odds (nats) of both prompts of each pair in the untouched model; some of the pairs take them over."""
        return self.log_odds()[:, :, 0]

    def where(self, kept: Bool[np.ndarray, " pair"] | pd.Series) -> Pairs:
        """Some of the pairs."""
        rows = np.flatnonzero(np.asarray(kept))
        if not len(rows):
            raise UserError(
                "None of the pairs of prompts is left: choose a split or an emotion that has some."
            )
        parts: dict[str, Any] = {
            name: [getattr(self, name)[row] for row in rows] for name in ("emotional", "neutral", "openings")
        }
        found = replace(self, table=self.table.iloc[rows].reset_index(drop=True), **parts)
        if "untouched" in self.__dict__:  # a cached property keeps its value there
            found.__dict__["untouched"] = self.untouched[:, rows]
        return found

    def of(self, *splits: str) -> Pairs:
        """The pairs of some splits."""
        return self.where(self.table["split"].isin(splits))

    def log_odds(
        self,
        conditions: Sequence[Condition] = (UNTOUCHED,),
        rows: Int[np.ndarray, "row 2"] | None = None,
        *,
        share: bool = True,
    ) -> Float[np.ndarray, ...]:
        """Log-odds (nats) that the reply opens as one of the pair's emotion does, against a neutral one.

        Parameters
        ----------
        conditions
        rows
            Pairs (prompt, condition) by number, prompts counted as in ``ids``.
        share
            As of :func:`generation.generate`.

        Returns
        -------
        Shape (side, pair, condition), side 0 emotional and 1 neutral; with ``rows`` shape (row,).
        """
        sets, own = self._sets
        found = next_token_log_masses(self.model, self.ids, sets, conditions, rows=rows, share=share)
        if rows is None:
            found = found.reshape(2, len(self), len(conditions), len(sets))
            at = own[None, :, None, :]
            both = np.take_along_axis(found, np.broadcast_to(at, (*found.shape[:3], 2)), axis=3)
        else:
            both = np.take_along_axis(found, own[np.asarray(rows)[:, 0] % len(self)], axis=1)
        return both[..., 0] - both[..., 1]

    def log_odds_of(
        self, logits: Float[Tensor, "row vocabulary"], rows: Sequence[int]
    ) -> Float[Tensor, " row"]:
        """The same from logits, with a gradient; rows are prompts, counted as in ``ids``."""
        sets, own = self._sets
        logs = torch.log_softmax(logits.float(), dim=-1)
        masses = torch.stack([logs[:, list(tokens)].logsumexp(-1) for tokens in sets], dim=1)
        which = torch.from_numpy(own[np.asarray(rows) % len(self)]).to(logits.device)
        out = masses.gather(1, which)
        return out[:, 0] - out[:, 1]


def shared_ending(one: Sequence[int], other: Sequence[int]) -> int:
    """Number of tokens that two texts have in common at their end."""
    ends = zip(reversed(one), reversed(other), strict=False)
    return next((i for i, (a, b) in enumerate(ends) if a != b), min(len(one), len(other)))


def emotional_pairs(model: Model, prompts: pd.DataFrame, *, reply: bool = True) -> Pairs:
    """Pair each emotional prompt with its neutral partner, up to the mark that opens the reply.

    Parameters
    ----------
    model
    prompts
        A prompt set in which each emotional prompt has a partner, such as ``implicit``.
    reply
        Without it the prompts are left as they are: for texts that go on from them. Such pairs need no common ending
        and have no log-odds.

    Raises
    ------
    UserError
        Where no emotional prompt has a partner, where the two of a pair do not end alike, and where the tokenizer gives
        no token with which replies of one emotion alone begin.
    """
    told = partners(prompts.assign(unit=resampling_units(prompts)), ["text"])
    if not len(told):
        raise UserError(
            "No emotional prompt has a neutral partner with its pair_id: take the prompt set implicit."
        )
    table = pd.DataFrame(
        {
            "pair": told["id"],
            "emotion": told["emotion"],
            "unit": told["unit"],
            "split": told["split"],
            "version": told.groupby(["emotion", "group"]).cumcount(),
        }
    ).reset_index(drop=True)
    between = [joint(text) if reply else "" for text in told["text"]]
    known = (
        {mark: own_openings(model.tokenizer, mark) for mark in dict.fromkeys(between)} if reply else {"": {}}
    )
    found = Pairs(
        model,
        table,
        _ids(model, told["text"], between),
        _ids(model, told["partner_text"], between),
        [known[mark] for mark in between],
    )
    model.check_tokens(chain.from_iterable(found.ids))
    if reply:
        _check(found)
    return found


def _ids(model: Model, texts: pd.Series, marks: Sequence[str]) -> list[list[int]]:
    return [model.starting_ids(text + mark.rstrip(" ")) for text, mark in zip(texts, marks, strict=True)]


def _check(pairs: Pairs) -> None:
    for emotion in ("neutral", *pairs.emotions):
        if not all(opening[emotion] for opening in pairs.openings):
            raise UserError(
                f"No token of this tokenizer begins the replies of {emotion} alone: its log-odds have no measure."
            )
    if not pairs.shared.all():
        lonely = pairs.table["pair"][int(np.flatnonzero(pairs.shared == 0)[0])]
        raise UserError(
            f'The prompt "{lonely}" and its neutral partner do not end in the same token: leave it out.'
        )


def head_pairs(model: Model, prompts: str | pd.DataFrame = "implicit", n: int | None = None) -> Pairs:
    """Pair emotional prompts with their neutral partners: what heads are screened on.

    Parameters
    ----------
    model
        From `emotion_utils.load`.
    prompts
        Name of a prompt set in which each emotional prompt has a neutral partner that ends alike, or its table.
    n
        Pairs of each emotion and split, taken in turn from their units; by default all.

    Returns
    -------
    The pairs: ``pairs.log_odds()`` of shape (side, pair, condition), in nats, says how much more probable the openings
    of emotional replies are than those of neutral ones; side 0 is the emotional prompt, side 1 its partner.

    Raises
    ------
    UserError
        What :func:`emotional_pairs` refuses.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> pairs = eu.head_pairs(eu.load("small-gpt2"), n=2)
    >>> len(pairs), pairs.log_odds().shape
    (18, (2, 18, 1))
    """
    pairs = emotional_pairs(model, labelled_set(prompts))
    return pairs if n is None else few(pairs, n)


def measured(effects: Float[np.ndarray, "pair head"]) -> Bool[np.ndarray, " head"]:
    """Which heads a method was run for; the effects of others are NaN."""
    return np.asarray(~np.isnan(effects).all(axis=0))


def name_of(head: Head) -> str:
    """As the field writes it: L1H10."""
    return f"L{head[0]}H{head[1]}"


def head_of(head: Head | str) -> Head:
    """The head of such a name; one that is given as (layer, head) stays as it is.

    Raises
    ------
    UserError
        For a text that is no name of a head.
    """
    if not isinstance(head, str):
        return head
    if not (found := NAME.fullmatch(head)):
        raise UserError(f'A head is written L1H10 or (1, 10), layer and head counted from 0, not "{head}".')
    return int(found[1]), int(found[2])


def heads_of(model: Model, heads: Sequence[Head | str]) -> list[Head]:
    """Some of a model's heads, given as in :func:`head_of`.

    Raises
    ------
    UserError
        Where none is named, and for one that the model does not have.
    """
    chosen = [head_of(head) for head in heads]
    if not chosen:
        raise UserError("No head is named: give at least one, such as L1H4.")
    for layer, head in chosen:
        if not (0 <= layer < model.n_layers and 0 <= head < model.n_heads):
            raise UserError(
                f"There is no head {name_of((layer, head))}: the model has layers 0 to {model.n_layers - 1}, "
                f"with heads 0 to {model.n_heads - 1} each."
            )
    return chosen


def few(pairs: Pairs, n: int, build: int | None = None) -> Pairs:
    """The first pairs of each emotion and split, taken in turn from their units; of the build split as many as said."""
    turn = pairs.table.groupby(["emotion", "split", "unit"], sort=False).cumcount()
    order = pairs.table.assign(turn=turn).sort_values("turn", kind="stable")
    place = order.groupby(["emotion", "split"], sort=False).cumcount().sort_index()
    most = np.where(pairs.table["split"] == "build", n if build is None else build, n)
    return pairs.where(np.asarray(place < most))

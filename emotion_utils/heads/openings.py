"""The words that heads are asked about: which openings of replies answer to the cause, and whether any do.

The bundled models learnt the replies of the small world, and every opening that only one emotion's replies have tells
that emotion. A model from elsewhere opens replies in its own way: most of these words, such as *A* or *It*, say nothing
there, and hide the few that do. So its openings are chosen by itself, on the build split: those that become more
probable after the emotional prompts, and those of neutral replies that become less so. The other pairs then show
whether the outcome moves at all; where it does not, heads have nothing to carry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy.special import logsumexp

from emotion_utils.core.hashing import digest
from emotion_utils.core.profiles import HeadsSize
from emotion_utils.core.sources import code_of
from emotion_utils.core.store import Store
from emotion_utils.engine.teacher_forcing import next_token_log_masses
from emotion_utils.heads.budget import Plan, planned
from emotion_utils.heads.pairs import Pairs, emotional_pairs, few
from emotion_utils.models.model import Model
from emotion_utils.models.registry import knows_small_world
from emotion_utils.statistics.resampling import grouped_mean_interval

OWN, NEUTRAL = "the emotion's", "neutral"
LEAST = 0.5
"""Nats: a smaller difference between partners is not worth dividing by."""


@dataclass(frozen=True, eq=False)
class Asked:
    """What heads of a model are asked to explain.

    Attributes
    ----------
    pairs
        With the openings that count; of a model whose openings were chosen only those of emotions for which the outcome
        moves, unless it moves for none.
    plan
        What the budget pays for.
    words
        Openings that were chosen, one row each: ``emotion, replies`` (:data:`OWN` or :data:`NEUTRAL`), ``word``,
        ``rise`` (mean change of its log-probability after the emotional prompts, nats), ``low, high, n``; empty where
        every opening counts.
    outcome
        Of :func:`outcome`, on all pairs that nothing is chosen on, also where heads are run on fewer.
    before
        The same with every opening; empty where none was chosen.
    """

    pairs: Pairs
    plan: Plan
    words: pd.DataFrame = field(repr=False)
    outcome: pd.DataFrame = field(repr=False)
    before: pd.DataFrame = field(repr=False)


def asked(model: Model, prompts: pd.DataFrame, size: HeadsSize, store: Store | None = None) -> Asked:
    """Pair prompts, plan what the budget pays for, and choose openings where the model did not learn them.

    Parameters
    ----------
    model
    prompts
        As of :func:`pairs.emotional_pairs`.
    size
        Of the profile.
    store
        Keeps what is read from the model.
    """
    every = emotional_pairs(model, prompts)
    plan = planned(size, every)
    pairs, nothing = plan.pairs(every), pd.DataFrame()
    if knows_small_world(model.name):
        return Asked(pairs, plan, nothing, outcome(pairs), nothing)
    many = few(every, size.pairs)
    tokens = sorted({int(t) for opening in many.openings for own in opening.values() for t in own})
    logs, build = token_logs(many, tokens, store), np.asarray(many.table["split"] == "build")
    words = chosen_openings(many.where(build), tokens, logs[:, build])
    plain, tuned = (_with_odds(some, tokens, logs) for some in (many, with_openings(many, words)))
    found = outcome(tuned)
    moving = found.loc[found["moves"], "emotion"] if found["moves"].any() else found["emotion"]
    kept = tuned.table["pair"].isin(pairs.table["pair"]) & tuned.table["emotion"].isin(moving)
    return Asked(tuned.where(kept), plan, words, found, outcome(plain))


def token_logs(
    pairs: Pairs, tokens: Sequence[int], store: Store | None = None
) -> Float[np.ndarray, "side pair token"]:
    """Log-probability of each of some tokens after each prompt."""

    def read() -> dict[str, torch.Tensor]:
        found = next_token_log_masses(pairs.model, pairs.ids, [[token] for token in tokens])
        return {"logs": torch.from_numpy(found.reshape(2, len(pairs), -1))}

    if store is None:
        return read()["logs"].numpy()
    key: dict[str, Any] = {**pairs.model.identity, "code": code_of(__name__), "tokens": list(tokens)}
    key["prompts"] = digest([list(map(int, row)) for row in pairs.ids])
    return np.asarray(store.compute("opening_logs", key, read)["logs"].numpy())


def chosen_openings(
    pairs: Pairs, tokens: Sequence[int], logs: Float[np.ndarray, "side pair token"]
) -> pd.DataFrame:
    """The openings that answer to the cause: of an emotion's replies those that rise, of neutral ones those that fall.

    A word counts where the interval of its mean change lies on that side of zero, or, with too few units for one, its
    mean. An emotion without such a word keeps all of that kind.

    Parameters
    ----------
    pairs
        Of the build split.
    tokens, logs
        From :func:`token_logs`.

    Returns
    -------
    The attribute ``words`` of :class:`Asked`, with the column ``token``.
    """
    rise, at = logs[0] - logs[1], {token: i for i, token in enumerate(tokens)}
    rows = []
    for emotion in pairs.emotions:
        kept = (pairs.table["emotion"] == emotion).to_numpy()
        units = pairs.table.loc[kept, "unit"].to_numpy()
        for replies, sign in ((OWN, 1), (NEUTRAL, -1)):
            name = emotion if replies == OWN else NEUTRAL
            own = sorted({t for o, k in zip(pairs.openings, kept, strict=True) if k for t in o[name]})
            found = [_change(pairs, token, rise[kept, at[token]], units) for token in own]
            good = [row for row in found if _on_side(row, sign)]
            rows += [(emotion, replies, *row) for row in good or found]
    return pd.DataFrame(rows, columns=["emotion", "replies", "token", "word", "rise", "low", "high", "n"])


def _change(pairs: Pairs, token: int, values: np.ndarray, units: np.ndarray) -> tuple[Any, ...]:
    ends = grouped_mean_interval(values, units)
    return token, pairs.model.tokenizer.decode([token]).strip(), float(values.mean()), *ends, len(values)


def _on_side(row: tuple[Any, ...], sign: int) -> bool:
    _, _, mean, low, high, _ = row
    end = low if sign > 0 else high
    return bool(sign * (mean if np.isnan(end) else end) > 0)


def with_openings(pairs: Pairs, words: pd.DataFrame) -> Pairs:
    """The same pairs, each with the openings that were chosen for its emotion."""
    sets = {key: set(rows["token"]) for key, rows in words.groupby(["emotion", "replies"])}
    openings = []
    for emotion, opening in zip(pairs.table["emotion"], pairs.openings, strict=True):
        own = {emotion: sets[emotion, OWN], "neutral": sets[emotion, NEUTRAL]}
        openings.append(
            {
                name: [token for token in tokens if name not in own or token in own[name]]
                for name, tokens in opening.items()
            }
        )
    return replace(pairs, openings=openings)


def _with_odds(pairs: Pairs, tokens: Sequence[int], logs: np.ndarray) -> Pairs:
    """Give pairs the log-odds that these log-probabilities make, so that the model is not run for them again."""
    at, found = {token: i for i, token in enumerate(tokens)}, np.empty(logs.shape[:2])
    for i, (emotion, opening) in enumerate(zip(pairs.table["emotion"], pairs.openings, strict=True)):
        own, other = ([at[int(t)] for t in opening[name]] for name in (emotion, "neutral"))
        found[:, i] = logsumexp(logs[:, i, own], axis=1) - logsumexp(logs[:, i, other], axis=1)
    known = replace(pairs)
    known.__dict__["untouched"] = found  # a cached property keeps its value there
    return known


def anything_to_carry(found: pd.DataFrame) -> bool:
    """Whether some emotion moves the outcome, from :func:`outcome`; without an interval, by :data:`LEAST` nats."""
    sure = found["low"].notna() | (found["difference"] >= LEAST)
    return bool((found["moves"] & sure).any())


def outcome(pairs: Pairs) -> pd.DataFrame:
    """Whether the log-odds differ between partners, on the pairs that nothing is chosen on.

    Returns
    -------
    One row per emotion: ``emotion, emotional, neutral, difference`` (means, nats), ``low, high`` (95 %), ``n,
    n_groups``
    and ``moves``: whether the interval lies above zero; with too few units for one, whether the mean does.
    """
    held = pairs.where(pairs.table["split"] != "build")
    rows = []
    for emotion in held.emotions:
        part = held.where(held.table["emotion"] == emotion)
        one, other = part.untouched
        units = part.table["unit"].to_numpy()
        low, high = grouped_mean_interval(one - other, units)
        mean = float((one - other).mean())
        moves = bool((mean if np.isnan(low) else low) > 0)
        size = (len(part), len(set(units)))
        rows.append((emotion, float(one.mean()), float(other.mean()), mean, low, high, *size, moves))
    columns = ["emotion", "emotional", "neutral", "difference", "low", "high", "n", "n_groups", "moves"]
    return pd.DataFrame(rows, columns=columns)

"""Whether an emotion vector acts through what was predictable of the states, or through what is new in them.

The vector and its two parts, which sum to it, are each added to the residual stream of held-out scenes: once as long
as they are within the vector, once as long as the whole vector, beside random vectors of the same length. What is read
are genuine replies, by teacher forcing: no text is generated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emotion_utils.baselines.reply_shifts import reply_shifts
from emotion_utils.core.errors import UserError
from emotion_utils.novelty.resampled import Resampled
from emotion_utils.novelty.vector_parts import NEW, PREDICTED, WHOLE, VectorParts
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.resampling import effective_units, unit_weights
from emotion_utils.steering.controls import isotropic
from emotion_utils.steering.trials import SteeringSetting

if TYPE_CHECKING:
    from emotion_utils.steering.subject import SteeredModel

OWN, EQUAL = "own length", "equal length"
RANDOM = "random"
STRENGTH = 0.5
"""Length of the whole vector, in median lengths of the residual stream."""
SCENES = 12
"""Held-out scenes, of more kinds of events than an interval needs."""
VECTORS, TURNS = 100, 6
"""Random vectors beside each, and into how many groups they fall: each is tried on every sixth scene."""
NOTHING = 1e-6
"""Share of the vector's length below which a part is rounding, and has no direction."""
OUTCOMES = ("shift", "gain")
RESAMPLES = 1000


def part_settings(
    steered: SteeredModel,
    emotion: str,
    one: VectorParts,
    alpha: float = STRENGTH,
    n_random: int = VECTORS,
    seed: int = 0,
) -> list[SteeringSetting]:
    """The whole vector and its parts at both lengths, then random vectors of each of these lengths.

    Parameters
    ----------
    steered
    emotion, one
        The vector.
    alpha
        Length of the whole vector in units of strength; a part of its own length is as much shorter or longer as it is
        within the vector.
    n_random
        Vectors of each length; the same directions for all lengths.
    seed
        Of these.

    Returns
    -------
    The kind of a setting is ``<part>, <length>``, and that of a random vector ``random, <the same>``. A part that is
    zero has no direction and is left out.
    """
    layer, vectors = one.layer, one.vectors
    size = {name: float(vector.norm()) for name, vector in vectors.items()}
    if size[WHOLE] == 0:
        raise UserError(
            f"The vector of {emotion} at layer {layer} is zero: it says nothing, choose other prompts."
        )
    rng = np.random.default_rng(np.random.SeedSequence([seed, layer]))
    unit, drawn = steered.unit[layer], isotropic(n_random, len(vectors[WHOLE]), rng)
    settings = []
    for name, vector in vectors.items():
        if size[name] < NOTHING * size[WHOLE]:
            continue
        for length, strength in ((OWN, alpha * size[name] / size[WHOLE]), (EQUAL, alpha)):
            if name == WHOLE and length == OWN:
                continue  # the same as the other
            direction = (vector / size[name] * unit).float()
            own = SteeringSetting(emotion, layer, strength, direction, kind=f"{name}, {length}")
            kind = f"{RANDOM}, {own.kind if length == OWN else EQUAL}"
            settings.append(own)
            if length == EQUAL and name != WHOLE:
                continue  # the whole vector has the same rivals
            settings += [
                replace(own, vector=(random * unit).float(), kind=kind, number=number)
                for number, random in enumerate(drawn)
            ]
    return settings


def steer_parts(
    steered: SteeredModel,
    contexts: pd.DataFrame,
    parts: Mapping[str, VectorParts],
    alpha: float = STRENGTH,
    n_random: int = VECTORS,
    seed: int = 0,
) -> pd.DataFrame:
    """Add every vector, its parts, and random vectors to held-out scenes, and read genuine replies.

    Parameters
    ----------
    steered
    contexts
        Neutral scenes that no vector is made from, about :data:`SCENES` of them, such as
        :func:`emotion_utils.steering.contexts.fresh_contexts`: the prompts' own test split has too few kinds of events
        for an interval.
    parts
        From :func:`vector_parts`.
    alpha, n_random, seed
        As of :func:`part_settings`; each random vector is tried on every :data:`TURNS`-th scene alone.

    Returns
    -------
    One row per emotion, setting and scene: ``emotion, kind, number, prompt, unit``, and in nats ``shift`` (of the
    log-odds of the emotion's replies against neutral ones) and ``gain`` (of the log-probability of the former).
    """
    turns = min(TURNS, len(contexts), max(1, n_random))
    tables = []
    for emotion, one in parts.items():
        settings = part_settings(steered, emotion, one, alpha, n_random, seed)
        tables.append(reply_shifts(steered, contexts, [s for s in settings if not _is_random(s.kind)]))
        for turn in range(turns if n_random else 0):
            some = [s for s in settings if _is_random(s.kind) and s.number % turns == turn]
            tables.append(reply_shifts(steered, contexts.iloc[turn::turns], some))
    table = pd.concat(tables, ignore_index=True)
    table["unit"] = contexts["unit"].reindex(table["prompt"]).to_numpy()
    return table[["emotion", "kind", "number", "prompt", "unit", *OUTCOMES]]


def _is_random(kind: str) -> bool:
    return kind.startswith(f"{RANDOM}, ")


def part_effects(table: pd.DataFrame, outcome: str = "gain", seed: int = 0) -> pd.DataFrame:
    """What the vector and each part reach, beside random vectors of the same length.

    Parameters
    ----------
    table
        From :func:`steer_parts`.
    outcome
        ``gain`` or ``shift``. A push that breaks the text raises the log-odds of rare replies, and never their gain.
    seed
        Of the bootstrap over units of scenes.

    Returns
    -------
    One row per emotion, part and length: ``emotion, part, length, value, low, high`` (nats), ``null, null_high, p``
    (random vectors as units, in the scenes where each was tried), ``p_holm`` (over the emotions), ``of_whole, of_low,
    of_high`` (share of the whole vector's effect; none where that is not above 0), ``scenes, units, vectors``.
    """
    rows = []
    for emotion, own in table.groupby("emotion", sort=False):
        values = _by_scene(own, outcome)
        for kind in values.columns:
            part, _, length = kind.partition(", ")
            effect, whole = (_resampled(own, values[name], seed) for name in (kind, f"{WHOLE}, {EQUAL}"))
            share = _ratio(effect, whole)
            row = (emotion, part, length, effect.value, *effect.ends(), *_held(own, values[kind], outcome))
            rows.append((*row, share.value, *share.ends(), len(values), own["unit"].nunique()))
    columns = ["emotion", "part", "length", "value", "low", "high", "null", "null_high", "p", "vectors"]
    found = pd.DataFrame(rows, columns=[*columns, "of_whole", "of_low", "of_high", "scenes", "units"])
    over_emotions = found.groupby(["part", "length"])["p"]
    return found.assign(p_holm=over_emotions.transform(lambda p: adjusted(p.to_numpy(), "holm")))


def part_gaps(table: pd.DataFrame, outcome: str = "gain", seed: int = 0) -> pd.DataFrame:
    """The answer: what the predictable part reaches minus what the new part does, in the same scenes.

    Returns
    -------
    One row per emotion and length: ``emotion, length, difference, low, high``, and ``beyond_sum, beyond_low,
    beyond_high`` at their own lengths: what the whole vector reaches beyond the sum of its parts.
    """
    rows = []
    for emotion, own in table.groupby("emotion", sort=False):
        values = _by_scene(own, outcome)
        for length in (OWN, EQUAL):
            names = [f"{part}, {length}" for part in (PREDICTED, NEW)]
            if not set(names) <= set(values.columns):
                continue
            one, other = (_resampled(own, values[name], seed) for name in names)
            beyond: Sequence[float] = (np.nan, np.nan, np.nan)
            if length == OWN:
                extra = _resampled(own, values[f"{WHOLE}, {EQUAL}"] - values[names].sum(axis=1), seed)
                beyond = (extra.value, *extra.ends())
            rows.append((emotion, length, (one - other).value, *(one - other).ends(), *beyond))
    names = ["emotion", "length", "difference", "low", "high", "beyond_sum", "beyond_low", "beyond_high"]
    return pd.DataFrame(rows, columns=names)


def _by_scene(own: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Scenes by the kinds of settings that are no random vectors."""
    table = own[~own["kind"].map(_is_random)]
    return table.pivot(index="prompt", columns="kind", values=outcome)[list(dict.fromkeys(table["kind"]))]


def _resampled(own: pd.DataFrame, values: pd.Series, seed: int) -> Resampled:
    """Mean over scenes, resampled by their units."""
    units = own.groupby("prompt")["unit"].first().reindex(values.index).to_numpy()
    weights = unit_weights(units, RESAMPLES, np.random.default_rng(seed))
    draws = weights @ values.to_numpy() / weights.sum(axis=1)
    return Resampled(float(values.mean()), draws, effective_units(units))


def _ratio(effect: Resampled, whole: Resampled) -> Resampled:
    """One mean over another, draw by draw, where the other surely has a sign."""
    low, high = whole.ends()
    if not (low > 0 or high < 0):
        return Resampled(float("nan"), np.full(len(effect.draws), np.nan), float("nan"))
    return Resampled(effect.value / whole.value, effect.draws / whole.draws, effect.units)


def _held(own: pd.DataFrame, values: pd.Series, outcome: str) -> tuple[float, float, float, int]:
    """Mean and 95 % of random vectors of the same length, p, and their number."""
    _, _, length = str(values.name).partition(", ")
    kind = f"{RANDOM}, {values.name if length == OWN else EQUAL}"
    random = own[own["kind"] == kind]
    if not len(random):
        return np.nan, np.nan, np.nan, 0
    ahead = (random[outcome] - random["prompt"].map(values)).groupby(random["number"]).mean()
    held = against_null(0.0, ahead.to_numpy())
    middle = float(values.mean())
    return held.null + middle, held.null_high + middle, held.p, len(ahead)

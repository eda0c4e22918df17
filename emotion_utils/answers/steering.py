"""Chapter 5: what an emotion's vector does to what is said, and how much of that is left beside its rivals."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import NamedTuple

import pandas as pd

from emotion_utils.answers.answer import Answer, Falsifier, capital
from emotion_utils.baselines.arms import RANDOM
from emotion_utils.baselines.logit_bias import KIND as BIAS
from emotion_utils.baselines.remainder import MATTERS, NATS, TEXTS, Left, counted
from emotion_utils.statistics.in_words import span
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.resampling import FEWEST_UNITS
from emotion_utils.steering.findings import HALF, BesideRandom, Reached
from emotion_utils.steering.overview import passed

QUESTION = "Does a vector that stands for an emotion make a model say it, and is that more than a push?"


class Blind(NamedTuple):
    """The blind model: emotions that it is steered to, of how many, and those beyond the bias in nats (None: open)."""

    steered: int
    emotions: int
    beyond_bias: int | None


def blind_of(beside: pd.DataFrame, left: pd.DataFrame, control: str) -> Blind:
    """Of the model that has nothing to carry.

    Parameters
    ----------
    beside
        From :func:`emotion_utils.steering.overview.overview`.
    left
        From :func:`emotion_utils.baselines.remainder.of_models`.
    control
        Its name.
    """
    row = passed(beside).set_index("model").loc[control]
    total = counted(left[left["model"] == control])
    beyond = total.beyond_bias if total.decided else None
    return Blind(int(row["steered"]), int(row["emotions"]), beyond)


def answer(
    model: str,
    reached: Sequence[Reached],
    random: BesideRandom,
    compared: pd.DataFrame,
    turns: pd.Series,
    left: pd.DataFrame,
    blind: Blind | None = None,
) -> Answer:
    """What the chapter found on one model.

    Parameters
    ----------
    model
        Its name, for readers.
    reached
        From :func:`emotion_utils.steering.findings.reached_goal`: the test split first, fresh texts last.
    random, compared
        From :func:`emotion_utils.steering.findings.beside_random`, :func:`emotion_utils.steering.controls.compare`.
    turns
        By emotion, from :func:`emotion_utils.steering.readout.turns_round`.
    left
        From :func:`emotion_utils.baselines.remainder.remaining`.
    blind
        None where no blind model was run beside.
    """
    total = counted(left)
    finding = f"On {model}, {goal_words(reached[0])}. {_left_words(left, total)}"
    if blind is not None:
        finding += f" {_blind_words(blind)}"
    others = (_other_vectors(compared), _signs(turns), *([] if blind is None else [_understanding(blind)]))
    falsifiers = (_bias(total), _setting(reached, random), _luck(random), *others)
    points = (
        *(f"*{capital(one.contexts)}*: {goal_words(one)}." for one in reached),
        _random_words(random), _left_words(left, total), _texts_words(left),
    )  # fmt: skip
    return Answer(QUESTION, finding, falsifiers, points)


RANDOM_SHARE = "nats that random vectors of equal length reach, share of the vector's"
BIAS_SHARE = "nats that a bias on first words reaches, share of the vector's"
BLIND_SHARE = "share of the emotions that the blind model is steered to"


def findings(left: pd.DataFrame, blind: Blind | None) -> pd.DataFrame:
    """What of the effect its rivals reach, for the record and the welcome page.

    Parameters
    ----------
    left
        From :func:`emotion_utils.baselines.remainder.remaining`.
    blind
        From :func:`blind_of`.

    Returns
    -------
    Columns ``finding, value, low, high, null, n``; shares are means over the emotions whose vector raises the log-odds.
    """
    rows: list[tuple[str, float, float, float, float, float]] = []
    nats = left[(left["outcome"] == NATS) & (left["vector"] > 0)]
    for against, told in ((RANDOM, RANDOM_SHARE), (BIAS, BIAS_SHARE)):
        own = nats[nats["against"] == against]
        if len(own):
            rows.append((told, float((own["rival"] / own["vector"]).mean()), nan, nan, nan, len(own)))
    if blind is not None:
        rows.append((BLIND_SHARE, blind.steered / blind.emotions, nan, nan, nan, blind.emotions))
    return pd.DataFrame(rows, columns=["finding", "value", "low", "high", "null", "n"])


def goal_words(one: Reached) -> str:
    """For how many emotions the goal is reached, on how many units and different replies, and what that can carry."""
    low, high = one.different
    replies = f"{low}" if low == high else f"{low} to {high}"
    few = "" if one.units >= FEWEST_UNITS else ", too few topics to say it of others"
    return (
        f"steering reaches the goal within the budget for **{one.reached} of {one.emotions}** emotions, in contexts of "
        f"{one.units} topics (kinds of events) with {replies} different replies{few}"
    )


def _left_words(left: pd.DataFrame, total: Left) -> str:
    """One sentence: nats of the vector, shares of them that rivals reach, and whether more is left."""
    nats = left[left["outcome"] == NATS]
    random, bias = (nats[nats["against"] == against] for against in (RANDOM, BIAS))
    gained = span(bias["vector"], "+.1f")
    shares = [span(part["rival"] / part["vector"], ".0%") for part in (random, bias)]
    told = (
        f"Of the {gained} nats by which it raises the log-odds of genuine replies, random vectors of equal length "
        f"reach {shares[0]} and a bias on first words that moves the next token as far reaches {shares[1]}"
    )
    if not total.decided:
        return f"{told}; too few kinds of events to say what is left beyond that."
    return (
        f"{told}: more than this bias is left for **{total.beyond_bias} of {total.emotions}** emotions; "
        f"{total.beside_bias}."
    )


def _texts_words(left: pd.DataFrame) -> str:
    texts = left[(left["outcome"] == TEXTS) & (left["against"] == BIAS)]
    random = left[(left["outcome"] == TEXTS) & (left["against"] == RANDOM)]
    each = "; ".join(
        f"{row.emotion}: vector {row.vector:.0%}, bias {row.rival:.0%}, random vectors {other:.0%}"
        for row, other in zip(texts.itertuples(), random["rival"], strict=True)
    )
    return f"Texts that say the emotion, on the same fresh contexts: {each}."


def _random_words(random: BesideRandom) -> str:
    mean = span([one.mean for one in random.by_emotion], ".1%")
    best = span([one.highest for one in random.by_emotion], ".0%")
    return (
        f"{random.controls} random vectors of each emotion turn {mean} of the contexts on average, the best of them "
        f"{best}; the emotion's own are {'' if random.beyond else 'not everywhere '}beyond them (p after Holm up to "
        f"{random.p:.3f})."
    )


def _blind_words(blind: Blind) -> str:
    told = f"A blind model, to which causes mean nothing, is steered to {blind.steered} of {blind.emotions} as well"
    if blind.steered == 0:
        return f"A blind model, to which causes mean nothing, is steered to none of {blind.emotions}."
    return f"{told}: a vector *begins a reply*, which need not move an understanding."


def _bias(total: Left) -> Falsifier:
    condition = (
        "a bias on the first words, which knows nothing of the model's states, reaches as much in nats for some "
        f"emotion: surely less than {MATTERS:.0%} of the vector's effect is left beyond it"
    )
    if not total.decided:
        return Falsifier(condition, None, "too few kinds of events")
    happened = True if total.not_beyond_bias else (None if total.open_beside_bias else False)
    return Falsifier(
        condition,
        happened,
        f"for {len(total.not_beyond_bias)} of {total.emotions} emotions it does, for {total.beyond_bias} the vector "
        f"reaches more, for {len(total.open_beside_bias)} neither is sure",
    )


def _setting(reached: Sequence[Reached], random: BesideRandom) -> Falsifier:
    test = reached[0]
    emotions = len(random.by_emotion)
    enough = emotions / (1 + random.controls) <= LEVEL
    happened = test.reached == 0 or not random.beyond
    few = "" if enough else f", which {random.controls} of them cannot make small"
    return Falsifier(
        "no setting reaches the goal within the budget on the test split, or some vector is not beyond random ones",
        None if happened and test.reached and not enough else happened,
        f"{test.reached} of {test.emotions} emotions reach it; p after Holm against random vectors up to "
        f"{random.p:.3f}{few}",
    )


def _luck(random: BesideRandom) -> Falsifier:
    return Falsifier(
        "*random vectors do nothing*: a random vector turns half of the contexts or more",
        random.lucky > 0,
        f"for {random.lucky} of {len(random.by_emotion)} emotions some random vector does",
    )


def _other_vectors(compared: pd.DataFrame) -> Falsifier:
    condition = (
        "*the vector is the emotion's own*: another emotion's vector says it in half of the contexts or more"
    )
    pairs = compared[compared["against"].str.startswith("vector of")]
    if pairs.empty:
        return Falsifier(condition, None, "there is no other emotion")
    same = int((pairs["control"] >= HALF).sum())
    broken = int((pairs["none of them"] > HALF).sum())
    happened = True if same else (None if broken == len(pairs) else False)
    return Falsifier(
        condition, happened, f"{same} of {len(pairs)} pairs; in {broken} the other vector breaks the text"
    )


def _signs(turns: pd.Series) -> Falsifier:
    one_way = int((~turns).sum())
    return Falsifier(
        "*the effect turns round with its sign*: half of the contexts or more go the wrong way",
        one_way > 0,
        f"{one_way} of {len(turns)} vectors work one way only",
    )


def _understanding(blind: Blind) -> Falsifier:
    beyond = "" if blind.beyond_bias is None else f"; beyond the bias in nats for {blind.beyond_bias}"
    return Falsifier(
        "*steering moves what the model understands*: a blind model is steered as well",
        blind.steered > 0,
        f"it is steered to {blind.steered} of {blind.emotions} emotions{beyond}",
    )

"""Which settings are worth a text: what each does to the probability of genuine replies, in one pass and without text.

The odds of emotional against neutral replies would not do: any push that breaks a text raises them, since it makes both
kinds of reply improbable, and the rarer kind less so. Here a setting has to make the emotion's own replies *more
probable than the untouched model finds them*, which a push that breaks the text cannot.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import UNTOUCHED
from emotion_utils.engine.teacher_forcing import continuation_log_probs
from emotion_utils.scoring.replies import genuine_replies, splice
from emotion_utils.steering.subject import SteeredModel
from emotion_utils.steering.trials import SteeringSetting, conditions_of, described

PAIRS = 2
"""Contexts that are read at least, each with another genuine reply."""
FINALISTS = 6
"""Settings of an emotion that texts are generated under."""
CELL = ["emotion", "made", "where", "layer"]


def screen(
    steered: SteeredModel,
    contexts: pd.DataFrame,
    settings: Sequence[SteeringSetting],
    pairs: int = PAIRS,
    against: str | None = None,
) -> pd.DataFrame:
    """Read genuine replies of the emotion under every setting: no text is generated.

    What a setting leaves as it is (blocks before its layer, positions before its window) is computed once.

    Parameters
    ----------
    steered
    contexts
        Of the select split; the first of them are taken.
    settings
        With a strength.
    pairs
        Contexts, each with another reply.
    against
        Another emotion whose replies are subtracted; None screens by the emotion's replies alone.

    Returns
    -------
    One row per setting: the columns of :func:`trials.described` and ``score``, the mean change of a reply's
    log-probability (nats).
    """
    if len(contexts) < pairs:
        raise UserError(f"A screen over {pairs} contexts needs as many, not {len(contexts)}.")
    about, parts = described(settings), []
    for emotion in dict.fromkeys(setting.emotion for setting in settings):
        conditions = conditions_of([setting for setting in settings if setting.emotion == emotion])
        named = {UNTOUCHED.name: UNTOUCHED} | conditions
        gains = []
        for i, context in enumerate(contexts["context"].head(pairs)):
            kinds = [emotion] if against is None else [emotion, against]
            replies = [splice(context, genuine_replies(kind, pairs)[i]) for kind in kinds]
            read = continuation_log_probs(
                steered.model, [steered.ids(context)], replies, list(named.values())
            )
            wide = read.pivot(index="condition", columns="continuation", values="log_prob")
            value = wide[0] if against is None else wide[0] - wide[1]
            gains.append(value - value[UNTOUCHED.name])
        parts.append(sum(gains[1:], gains[0]) / pairs)
    score = pd.concat(parts).rename("score")
    return about.join(score[~score.index.duplicated()], on="condition")


def best_strengths(screened: pd.DataFrame) -> pd.DataFrame:
    """Of each kind of vector, window and layer the strength with the highest score, the best cell first."""
    ordered = screened[screened["alpha"] > 0].sort_values("score", ascending=False, kind="stable")
    return ordered.groupby(CELL, sort=False).head(1)


def finalists(screened: pd.DataFrame, n: int = FINALISTS) -> pd.DataFrame:
    """The best cells of each emotion, each at its best strength: the settings that get texts.

    Neighbouring strengths of one cell do nearly the same, so that a cell is entered once.
    """
    return best_strengths(screened).groupby("emotion", sort=False).head(n)


def settings_of(steered: SteeredModel, rows: pd.DataFrame) -> list[SteeringSetting]:
    """The settings that rows of a table describe."""
    return [
        SteeringSetting(r.emotion, int(r.layer), float(r.alpha), steered.direction(r.emotion, int(r.layer), r.made),
                        r.made, where=r.where)
        for r in rows.itertuples()
    ]  # fmt: skip

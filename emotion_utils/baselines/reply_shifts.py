"""What a push does to genuine replies in one reading: to their log-odds against neutral ones, and to them alone.

The log-odds rise under any push that breaks a text, since both kinds of reply become improbable and the rarer one less
so. The probability of the emotion's own replies rises only under a push *towards* them.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from scipy.special import logsumexp

from emotion_utils.baselines.logit_bias import by_joint
from emotion_utils.engine.interventions import UNTOUCHED
from emotion_utils.engine.teacher_forcing import continuation_log_probs
from emotion_utils.scoring.replies import splice
from emotion_utils.steering.subject import SteeredModel
from emotion_utils.steering.trials import SteeringSetting, conditions_of, described


def reply_shifts(
    steered: SteeredModel, contexts: pd.DataFrame, settings: Sequence[SteeringSetting]
) -> pd.DataFrame:
    """Read genuine replies of each setting's emotion, and neutral ones, by teacher forcing: no text is generated.

    Parameters
    ----------
    steered
    contexts
        From :mod:`emotion_utils.steering.contexts`.
    settings
        Those without strength are the untouched model.

    Returns
    -------
    One row per context and setting: the columns of `trials.described`, ``prompt`` (in the index of the contexts),
    ``shift`` (of the log-odds, as `readout.reply_log_odds` has it) and ``gain`` (of the log of the summed probability
    of the emotion's replies), both in nats and minus those of the untouched model in the same context.
    """
    parts = [
        _read(steered, part, [setting for setting in settings if setting.emotion == emotion])
        for emotion in dict.fromkeys(setting.emotion for setting in settings)
        for part in by_joint(contexts)
    ]
    return pd.concat(parts, ignore_index=True)


def _read(steered: SteeredModel, contexts: pd.DataFrame, settings: Sequence[SteeringSetting]) -> pd.DataFrame:
    """Of contexts in which a reply is set in the same marks, and settings of one emotion."""
    start = contexts["context"].iloc[0]
    own, rest = (
        [splice(start, reply) for reply in side]
        for side in steered.sides(settings[0].emotion, steered.replies)
    )
    conditions = list((conditions_of(settings) | {UNTOUCHED.name: UNTOUCHED}).values())
    ids = [steered.ids(text) for text in contexts["context"]]
    read = continuation_log_probs(steered.model, ids, [*own, *rest], conditions)
    wide = read.pivot(index=["condition", "prompt"], columns="continuation", values="log_prob").sort_index(
        axis=1
    )
    mass, beside = (logsumexp(part, axis=1) for part in (wide.iloc[:, : len(own)], wide.iloc[:, len(own) :]))
    table = pd.DataFrame({"shift": mass - beside, "gain": mass}, index=wide.index)
    table -= table.loc[UNTOUCHED.name].reindex(table.index.get_level_values("prompt")).to_numpy()
    table = described(settings).merge(table.reset_index(), on="condition")
    return table.assign(prompt=contexts.index.to_numpy()[table["prompt"]])

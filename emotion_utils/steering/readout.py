"""What a steered model is about to say, without letting it speak: one token, whole replies, and along its own texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from emotion_utils.core.errors import UserError
from emotion_utils.engine.backoff import in_pieces
from emotion_utils.engine.interventions import UNTOUCHED, Condition, Window, steering
from emotion_utils.engine.prefill import Prefill
from emotion_utils.engine.requests import ConditionBatch
from emotion_utils.engine.teacher_forcing import continuation_log_probs, log_odds, next_token_log_probs
from emotion_utils.scoring.divergence import kl_divergence
from emotion_utils.scoring.replies import (
    REPLIES_DRAWN,
    drawn_replies,
    joint,
    own_openings,
    splice,
)
from emotion_utils.statistics.resampling import grouped_mean_interval
from emotion_utils.steering.subject import SteeredModel
from emotion_utils.steering.trials import WINDOWS, SteeringSetting, conditions_of, described

MARK = "X"
ROWS = 16
"""Texts of a batch whose next-token distributions are compared."""


def reply_log_odds(
    steered: SteeredModel, contexts: pd.DataFrame, settings: Sequence[SteeringSetting], n: int | None = None
) -> pd.DataFrame:
    """Log-odds of genuine replies of the emotion against neutral ones, by teacher forcing: no text is generated.

    Of an own label they are those of its texts against what it stands against: :meth:`SteeredModel.sides`.

    Parameters
    ----------
    steered
    contexts
        From :mod:`contexts`.
    settings
        Those without strength give the odds of the untouched model.
    n
        Replies of each kind; by default those of the model.

    Returns
    -------
    One row per context and setting: ``kind, number, emotion, layer, alpha, prompt, unit, log_odds`` (nats) and
    ``shift`` (minus that of the untouched model in the same context).
    """
    contexts, parts = contexts.reset_index(drop=True), []
    for emotion in dict.fromkeys(setting.emotion for setting in settings):
        of_emotion = [setting for setting in settings if setting.emotion == emotion]
        for part in _by_joint(contexts):
            parts.append(_odds(steered, part, emotion, of_emotion, steered.replies if n is None else n))
    return pd.concat(parts, ignore_index=True)


def _odds(
    steered: SteeredModel, contexts: pd.DataFrame, emotion: str, settings: Sequence[SteeringSetting], n: int
) -> pd.DataFrame:
    start = contexts["context"].iloc[0]
    own, rest = ([splice(start, reply) for reply in side] for side in steered.sides(emotion, n))
    conditions = conditions_of(settings) | {UNTOUCHED.name: UNTOUCHED}
    ids = [steered.ids(text) for text in contexts["context"]]
    log_probs = continuation_log_probs(steered.model, ids, [*own, *rest], list(conditions.values()))
    odds = log_odds(log_probs, range(len(own)), range(len(own), len(own) + len(rest)))
    rest = odds[odds["condition"] == UNTOUCHED.name].set_index("prompt")["log_odds"]
    table = described(settings).merge(odds, on="condition").drop(columns=["condition", "made", "where"])
    table["shift"] = table["log_odds"] - table["prompt"].map(rest)
    places = contexts.reset_index(names="place")
    return table.assign(unit=table["prompt"].map(places["unit"]), prompt=table["prompt"].map(places["place"]))


def in_a_chat(
    steered: SteeredModel,
    contexts: pd.DataFrame,
    settings: Sequence[SteeringSetting],
    known: pd.DataFrame,
    seed: int = 0,
) -> pd.DataFrame | None:
    """What the same vectors do where the contexts are continued as text, and where they are turns of a chat.

    The vectors are those of the model as it is; only the reading of the contexts changes.

    Parameters
    ----------
    steered
    contexts
        From :mod:`contexts`.
    settings
        Of some strength.
    known
        From :func:`reply_log_odds` of these settings, and others, on contexts that begin with these: as the model reads
        them.
    seed
        Of the intervals over units.

    Returns
    -------
    One row per emotion and reading: ``emotion, read, untouched`` (log-odds of its replies against neutral ones, mean,
    nats), ``shift, low, high`` (how far the vector moves them), ``n``. None where the model has no chat template.

    Raises
    ------
    UserError
        For a setting that is not among the known ones.
    """
    if not steered.model.tokenizer.chat_template:
        return None
    rows, reading = [], steered.model.reading
    other = replace(steered.model, reading=replace(reading, chat=not reading.chat, bos=False))
    own = pd.MultiIndex.from_tuples([(s.emotion, s.layer, s.alpha) for s in settings])
    given = pd.MultiIndex.from_frame(known[["emotion", "layer", "alpha"]])
    if len(missing := own.difference(given)):
        raise UserError(
            f"The log-odds that are known lack {missing[0][0]} at layer {missing[0][1]}, strength {missing[0][2]:g}: "
            "read them with these settings."
        )
    found = {
        reading.chat: known[given.isin(own) & known["prompt"].lt(len(contexts)).to_numpy()],
        not reading.chat: reply_log_odds(replace(steered, model=other), contexts, settings),
    }
    for read, odds in (("as plain text", found[False]), ("in the chat template", found[True])):
        for emotion, part in odds.groupby("emotion", sort=False):
            shift = part["shift"].to_numpy()
            low, high = grouped_mean_interval(shift, part["unit"].to_numpy(), seed=seed)
            untouched = float((part["log_odds"] - part["shift"]).mean())
            rows.append((emotion, read, untouched, float(shift.mean()), low, high, len(part)))
    return pd.DataFrame(rows, columns=["emotion", "read", "untouched", "shift", "low", "high", "n"])


def wrong_way(odds: pd.DataFrame) -> pd.DataFrame:
    """Share of contexts in which steering towards an emotion makes its replies less probable.

    Parameters
    ----------
    odds
        From :func:`reply_log_odds`, with strengths above and below 0.

    Returns
    -------
    One row per emotion and strength: ``shift`` (mean, nats), ``wrong`` (share of contexts that moved against the sign
    of the strength), ``n``.
    """
    moved = odds[odds["alpha"] != 0].assign(wrong=lambda t: np.sign(t["shift"]) != np.sign(t["alpha"]))
    grouped = moved.groupby(["emotion", "alpha"], sort=False)
    return grouped.agg(shift=("shift", "mean"), wrong=("wrong", "mean"), n=("wrong", "size")).reset_index()


def turns_round(wrong: pd.DataFrame) -> pd.Series:
    """By emotion: whether more than half of the contexts follow the sign of the strength, at 1 and -1.

    Parameters
    ----------
    wrong
        From :func:`wrong_way`.
    """
    units = wrong[wrong["alpha"].abs() == 1.0]
    return (units["wrong"] < 0.5).groupby(units["emotion"], sort=False).all()


def ceiling(steered: SteeredModel, contexts: pd.DataFrame) -> pd.Series:
    """By emotion: the share of genuine replies whose first word is one that ``own`` of :func:`first_word` counts.

    No model reads anything here: this is what the small world itself would reach.
    """
    drawn, shares = drawn_replies(REPLIES_DRAWN), []
    for part in _by_joint(contexts):
        between = joint(part["context"].iloc[0])
        owned = own_openings(steered.model.tokenizer, between)
        before, *texts = steered.model.tokenizer(
            [between.rstrip(" "), *(between + text for text in drawn["text"])], add_special_tokens=False
        )["input_ids"]
        counted = [ids[len(before)] in owned[e] for ids, e in zip(texts, drawn["emotion"], strict=True)]
        shares.append(pd.Series(counted, dtype=float).groupby(drawn["emotion"].to_numpy()).mean() * len(part))
    return (sum(shares[1:], shares[0]) / len(contexts)).reindex(steered.emotions)


def first_word(
    steered: SteeredModel, contexts: pd.DataFrame, settings: Sequence[SteeringSetting]
) -> pd.DataFrame:
    """The one token that begins the reply, after whatever mark opens it.

    A setting acts at the positions at which it acts when the text is generated: the mark is counted as a new token.
    A blank before the reply belongs to the reply's first token, as in generated text.

    Returns
    -------
    One row per context and setting: ``emotion, layer, alpha, prompt, unit, token`` (the most probable one),
    ``own`` (1 where only replies of the emotion begin with it), ``mass`` (probability of all tokens with which only
    replies of the emotion begin) and ``kl`` (divergence from the untouched model, nats).
    """
    rows = []
    for part in _by_joint(contexts.reset_index(drop=True)):
        between = joint(part["context"].iloc[0])
        owned, mark = own_openings(steered.model.tokenizer, between), between.rstrip(" ")
        for shift, group in _by_shift(steered, part, mark):
            rows.append(_words(steered, group, mark, shift, settings, owned))
    return pd.concat(rows, ignore_index=True)


def _words(
    steered: SteeredModel,
    contexts: pd.DataFrame,
    mark: str,
    shift: int,
    settings: Sequence[SteeringSetting],
    owned: Mapping[str, list[int]],
) -> pd.DataFrame:
    ids = [steered.ids(text + mark) for text in contexts["context"]]
    conditions = [
        steering(f"{i}", setting.vector, setting.layer, setting.alpha, earlier(WINDOWS[setting.where], shift))
        for i, setting in enumerate(settings)
    ]
    log_probs = next_token_log_probs(steered.model, ids, [*conditions, UNTOUCHED])
    rows = []
    for i, setting in enumerate(settings):
        logs, openings = log_probs[:, i], torch.tensor(owned[setting.emotion], dtype=torch.long)
        best = logs.argmax(dim=-1)
        columns = {
            "emotion": setting.emotion,
            "layer": setting.layer,
            "alpha": setting.alpha,
            "prompt": contexts.index,
            "unit": contexts["unit"].to_numpy(),
            "token": steered.model.tokenizer.batch_decode(best[:, None]),
            "own": torch.isin(best, openings).double().numpy(),
            "mass": logs[:, openings].double().exp().sum(dim=-1).numpy(),
            "kl": kl_divergence(logs, log_probs[:, -1]).numpy(),
        }
        rows.append(pd.DataFrame(columns))
    return pd.concat(rows, ignore_index=True)


def _by_joint(contexts: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Contexts in which a reply is set in the same marks."""
    marks = np.array([splice(context, MARK) for context in contexts["context"]], dtype=object)
    for _, part in contexts.groupby(marks, sort=False):
        yield part


def _by_shift(steered: SteeredModel, contexts: pd.DataFrame, mark: str) -> Iterator[tuple[int, pd.DataFrame]]:
    """Contexts that the mark makes longer by as many tokens."""
    texts = contexts["context"]
    shifts = np.array([len(steered.ids(text + mark)) - len(steered.ids(text)) for text in texts])
    for shift, part in contexts.groupby(shifts, sort=False):
        yield int(shift), part


def earlier(window: Window, shift: int) -> Window:
    """The same positions, counted from an end that lies later."""
    if window.anchor == "start":
        return window
    if window.half_life is not None and shift:
        raise UserError("A strength that halves from the end of the prompt cannot be read out after a mark.")
    first = None if window.first is None else window.first - shift
    stop = None if window.stop is None else window.stop - shift
    return Window(first, stop, window.anchor, window.half_life)


def text_divergence(
    steered: SteeredModel, table: pd.DataFrame, settings: Sequence[SteeringSetting]
) -> Float[np.ndarray, " text"]:
    """Mean divergence of the steered from the untouched model over the tokens of each text, in nats per token.

    Both read the same text, the steered one as it wrote it. A large value early and a small one later is a push that
    the text then carries on by itself.

    Parameters
    ----------
    steered
    table
        From :func:`trials.run`.
    settings
        Those that the texts were made under.

    Returns
    -------
    One number per row of the table; NaN for a text without tokens.
    """
    conditions = conditions_of(settings)
    rows = [
        (steered.ids(context), ids, conditions[name])
        for context, ids, name in zip(table["context"], table["ids"], table["condition"], strict=True)
    ]
    means = np.full(len(rows), np.nan)
    order = [i for i in np.argsort([len(ids) for _, ids, _ in rows], kind="stable").tolist() if rows[i][1]]
    for piece, values in in_pieces(order, ROWS, lambda some: _means(steered, [rows[i] for i in some])):
        means[list(piece)] = values
    return means


def _means(steered: SteeredModel, table: Sequence[tuple[list[int], list[int], Condition]]) -> list[float]:
    texts = [prompt + new[:-1] for prompt, new, _ in table]
    keep = max(len(new) for _, new, _ in table)
    lengths = [len(prompt) for prompt, _, _ in table]
    rows = partial(ConditionBatch.of, steered.model, texts, prompts=lengths)
    moved, untouched = (
        torch.log_softmax(Prefill(rows(conditions=chosen), keep=keep).run().logits.float(), -1)
        for chosen in ([condition for _, _, condition in table], [UNTOUCHED] * len(table))
    )
    return [
        float(kl_divergence(moved[row, -len(new) :], untouched[row, -len(new) :]).mean())
        for row, (_, new, _) in enumerate(table)
    ]

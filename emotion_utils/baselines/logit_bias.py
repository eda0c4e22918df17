"""A rival that knows nothing of the model: a constant on the logits of the words that genuine replies begin with.

The constant is as large as it has to be to move the next-token distributions of the first steps as far from the
untouched model's as the vector does (KL divergence). What steering reaches and this does not is no matter of the first
words alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.engine.interventions import UNTOUCHED, Condition, LogitBias, Window, steering
from emotion_utils.engine.teacher_forcing import next_token_log_probs
from emotion_utils.scoring.divergence import kl_divergence
from emotion_utils.scoring.replies import REPLIES_DRAWN, drawn_replies, joint, splice
from emotion_utils.steering.readout import earlier
from emotion_utils.steering.trials import WINDOWS, SteeringSetting

if TYPE_CHECKING:
    from emotion_utils.steering.subject import SteeredModel

KIND = "logit bias"
OWN_REPLIES = 64
"""A reader's texts whose first words count, at most."""
NEARLY_ALL = 0.99
"""Share of the divergence of a bias without end that is taken where the vector's is larger still."""
STEPS = 60
LARGEST = 100.0
"""Nats; far beyond what makes the words certain."""


@dataclass(frozen=True, eq=False)
class BiasSetting(SteeringSetting):
    """A bias in the place of a vector: ``alpha`` is the constant in nats; layer and vector mean nothing.

    Attributes
    ----------
    biases
        By step.
    """

    biases: tuple[LogitBias, ...] = ()

    def condition(self) -> Condition:
        """As the engine takes it."""
        return Condition(f"{self.kind}, {self.emotion}, {self.alpha:g}", biases=self.biases)


class Sized(NamedTuple):
    """A bias that is as large as a vector.

    Attributes
    ----------
    emotion
    constant
        In nats.
    vector, bias
        Divergence from the untouched model over the steps up to the first word, mean over contexts, nats.
    """

    emotion: str
    constant: float
    vector: float
    bias: float

    @property
    def reached(self) -> bool:
        """Whether the bias is as large as the vector; no bias on these words is where it is not."""
        return self.bias >= NEARLY_ALL * self.vector


def opening_replies(steered: SteeredModel, emotion: str) -> list[str]:
    """Genuine replies of the emotion but those whose log-odds are read; of own labels texts of the build split."""
    if steered.own is not None:
        return steered.own.of(emotion, OWN_REPLIES, "build")
    judged = set(steered.sides(emotion, steered.replies)[0])
    drawn = drawn_replies(REPLIES_DRAWN)
    return [text for text in drawn.loc[drawn["emotion"] == emotion, "text"] if text not in judged]


def opening_tokens(steered: SteeredModel, emotion: str, context: str) -> list[tuple[int, ...]]:
    """By step after a context: the tokens with which genuine replies of the emotion go on, up to their first word.

    Before the first word stands what the context asks for, such as a quotation mark.
    """
    tokenizer = steered.model.tokenizer
    before = len(tokenizer(joint(context).rstrip(" "), add_special_tokens=False)["input_ids"])
    first_words = dict.fromkeys(reply.split(maxsplit=1)[0] for reply in opening_replies(steered, emotion))
    read = tokenizer([splice(context, word) for word in first_words], add_special_tokens=False)["input_ids"]
    return [tuple(sorted({ids[step] for ids in read if len(ids) > step})) for step in range(before + 1)]


def biases_of(tokens: Sequence[tuple[int, ...]], constant: float) -> tuple[LogitBias, ...]:
    """The constant at each step, on the tokens of that step."""
    return tuple(LogitBias(some, constant, Window(k, k + 1, "end")) for k, some in enumerate(tokens))


class _Steps(NamedTuple):
    """Of each step before the end of the first word: divergence of the vector, log-probability of the words."""

    divergence: Float[np.ndarray, "context step"]
    log_mass: Float[np.ndarray, "context step"]


def sized_bias(steered: SteeredModel, contexts: pd.DataFrame, setting: SteeringSetting) -> Sized:
    """The constant at which a bias on the first words diverges from the untouched model as far as the setting does.

    Parameters
    ----------
    steered
    contexts
        Of :mod:`emotion_utils.steering.contexts`; the mean over them is what is made equal.
    setting
        A vector at a layer.

    Returns
    -------
    Where no constant is enough, that with :data:`NEARLY_ALL` of what the largest one reaches.
    """
    parts = [_steps(steered, part, setting) for part in by_joint(contexts)]
    wanted = float(np.concatenate([part.divergence.sum(axis=1) for part in parts]).mean())

    def reached(constant: float) -> float:
        told = [bias_divergence(part.log_mass, constant).sum(axis=1) for part in parts]
        return float(np.concatenate(told).mean())

    aim, low, high = min(wanted, NEARLY_ALL * reached(LARGEST)), 0.0, LARGEST
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if reached(middle) < aim else (low, middle)
    return Sized(setting.emotion, high, wanted, reached(high))


def bias_divergence(
    log_mass: Float[np.ndarray, "context step"], constant: float
) -> Float[np.ndarray, "context step"]:
    """Divergence of a biased from the untouched distribution, from the log-probability of the biased tokens, in nats.

    With p their probability, it is that of two outcomes: c q - log(1 + p (exp(c) - 1)), q being what p becomes.
    """
    rest = np.log1p(-np.exp(np.minimum(log_mass, -1e-12)))
    total = np.logaddexp(log_mass + constant, rest)
    kept: np.ndarray = np.maximum(constant * np.exp(log_mass + constant - total) - total, 0.0)
    return kept


def _steps(steered: SteeredModel, contexts: pd.DataFrame, setting: SteeringSetting) -> _Steps:
    tokens = opening_tokens(steered, setting.emotion, contexts["context"].iloc[0])
    between = joint(contexts["context"].iloc[0]).rstrip(" ")
    mark = steered.model.tokenizer(between, add_special_tokens=False)["input_ids"]
    divergence, mass = [], []
    for step, words in enumerate(tokens):
        read = [[*steered.ids(text), *mark[:step]] for text in contexts["context"]]
        window = earlier(WINDOWS[setting.where], step)
        vector = steering("vector", setting.vector, setting.layer, setting.alpha, window)
        moved, still = next_token_log_probs(steered.model, read, [vector, UNTOUCHED]).unbind(1)
        divergence.append(kl_divergence(moved, still).numpy())
        mass.append(still[:, list(words)].double().logsumexp(-1).numpy())
    return _Steps(np.stack(divergence, axis=1), np.stack(mass, axis=1))


def bias_settings(steered: SteeredModel, context: str, sized: Sequence[Sized]) -> list[BiasSetting]:
    """The sized biases for contexts that a reply follows as it does this one."""
    nothing = steered.direction(sized[0].emotion, 0) * 0
    return [
        BiasSetting(
            one.emotion, 0, one.constant, nothing, kind=KIND,
            biases=biases_of(opening_tokens(steered, one.emotion, context), one.constant),
        )
        for one in sized
    ]  # fmt: skip


def by_joint(contexts: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Contexts in which a reply is set in the same marks, their index kept."""
    joints = contexts["context"].map(joint)
    for _, part in contexts.groupby(joints, sort=False):
        yield part

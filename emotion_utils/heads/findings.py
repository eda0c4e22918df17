"""What the tables on attention say, as small records of numbers for the page's sentences."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from emotion_utils.heads.carried import Carried
from emotion_utils.heads.openings import NEUTRAL, OWN, Asked
from emotion_utils.statistics.permutations import LEVEL


class StandingOut(NamedTuple):
    """How many scores of heads stand out from their null, and the largest delta attention.

    Attributes
    ----------
    trained, untrained, blind
        Share of scores with p below 5 %: of the model, of untrained ones, and of the blind model.
    largest, largest_blind
        Delta attention (share of attention) of the model and of the blind one.
    """

    trained: float
    untrained: float
    blind: float
    largest: float
    largest_blind: float


def standing_out(control: pd.DataFrame, delta: pd.DataFrame, of_blind: pd.DataFrame) -> StandingOut:
    """Hold the model's scores against those of models whose heads have nothing to carry.

    Parameters
    ----------
    control
        From :func:`untrained.beside_untrained`.
    delta, of_blind
        From :func:`delta_attention.delta_attention`, of the model and of the blind one.
    """
    scores = control["heads"].sum()
    return StandingOut(
        float(control["found"].sum() / scores),
        float(control["untrained_found"].sum() / scores),
        float((of_blind["p"] < LEVEL).mean()),
        float(delta["delta"].max()),
        float(of_blind["delta"].max()),
    )


class OutcomeFound(NamedTuple):
    """Whether there is a difference between partners that heads could carry.

    Attributes
    ----------
    listed
        By emotion: difference (nats), its interval, and pairs.
    before
        The same with every opening; empty where none was chosen.
    words
        By emotion: the openings that were chosen of its own replies and of neutral ones.
    still
        Emotions for which the difference does not lie above zero.
    """

    listed: dict[str, tuple[float, float, float, int]]
    before: dict[str, tuple[float, float, float, int]]
    words: dict[str, tuple[str, str]]
    still: tuple[str, ...]


def outcome_found(asked: Asked) -> OutcomeFound:
    """From :func:`openings.asked`."""

    def listed(table: pd.DataFrame) -> dict[str, tuple[float, float, float, int]]:
        return {row.emotion: (row.difference, row.low, row.high, row.n) for row in table.itertuples()}

    words: dict[str, tuple[str, str]] = {}
    for emotion, rows in [] if asked.words.empty else asked.words.groupby("emotion", sort=False):
        own, other = (" ".join(rows.loc[rows["replies"] == kind, "word"]) for kind in (OWN, NEUTRAL))
        words[str(emotion)] = (own, other)
    still = tuple(asked.outcome.loc[~asked.outcome["moves"], "emotion"])
    return OutcomeFound(listed(asked.outcome), listed(asked.before), words, still)


def difference_in_words(listed: dict[str, tuple[float, float, float, int]]) -> str:
    """Differences of log-odds by emotion, with what there is of their intervals."""
    parts = []
    for emotion, (value, low, high, n) in listed.items():
        ends = "" if low != low else f"{low:.2f} to {high:.2f}, "  # NaN: too few units
        parts.append(f"{emotion} {value:.2f} ({ends}n = {n})")
    return "; ".join(parts)


def main_numbers(out: StandingOut, together: pd.Series, counted: Carried) -> pd.DataFrame:
    """What chapter 06 found about attention, for the record: the columns of `record.findings.keep_findings`.

    Parameters
    ----------
    out
    together
        The first row of :func:`looking.looking_and_acting`.
    counted
        Exact effects by size.
    """
    nothing, scores = float("nan"), float(counted.effects)
    ends = (float(together["low"]), float(together["high"]))
    rows = [
        ("delta attention of heads beyond the null, share", out.trained, nothing, nothing, out.untrained, nothing),
        ("sizes of delta attention and of exact effects (Spearman, mean)", float(together["spearman"]), *ends, 0.0,
         scores),
        ("effects of heads of a tenth of the difference or more, share", counted.large / counted.effects, nothing,
         nothing, nothing, scores),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["finding", "value", "low", "high", "null", "n"])

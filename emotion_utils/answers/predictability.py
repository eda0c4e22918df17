"""What Chapter 10 answers: how much of a hidden state could be foreseen, and what the rest holds."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from emotion_utils.answers.answer import Answer, Falsifier
from emotion_utils.core.errors import listing
from emotion_utils.novelty.steering_parts import EQUAL, OWN
from emotion_utils.novelty.vector_parts import NEW, PREDICTED
from emotion_utils.predictability.results import Apart, Planted, Results
from emotion_utils.predictability.study import OTHER_TEXT
from emotion_utils.predictability.summaries import (
    NO_MASSIVE,
    POOLED,
    SURE,
)
from emotion_utils.predictability.tables import PER_DIMENSION
from emotion_utils.reports.replication import any_holds, lies_above
from emotion_utils.statistics.in_words import span
from emotion_utils.statistics.permutations import LEVEL

QUESTION = "How much of a hidden state could be foreseen from those before it, and what does the rest hold?"
LAYERS_ABOVE = 2 / 3
"""Of a model, at so many of which the predictor has to be above its best baseline."""
MOVED = 0.1
"""A pooled R² that changes by more without massive dimensions is about these."""
LOGIT = 1e-4
"""By how much a logit may change when both parts are written back."""
MISSED = 0.02
"""By how much the R² of a planted process may be missed."""


HELD = {
    "domain": "Probes read the domain of a text better from the foreseen part",
    "type": "the type of a token better from the rest",
}
"""The report's claims, by task."""


def answer(results: Results) -> Answer:
    """The answer, its words chosen by the numbers."""
    short = (_foreseen(results), _surprising(results), _held(results.apart()))
    points = (*short, _seeded(results.seeds()), _acts(results), _carried(results), _planted(results.planted))
    return Answer(
        QUESTION, " ".join(short), _falsifiers(results), tuple(point for point in points if point)
    )  # fmt: skip


def _foreseen(results: Results) -> str:
    ours = results.pooled()
    above = int((ours["gain_low"] > 0).sum())
    best, wrong = results.best()["r2"], results.pooled(OTHER_TEXT)["r2"]
    return (
        f"What came before foresees **{span(ours['r2'], '.0%')}** of the variance of a hidden state, the best baseline "
        f"{span(best, '.0%')}: the predictor is surely above it at **{above} of {len(ours)}** layers (R² by "
        f"{span(ours['gain'], '+.3f')}), and from the past of another text its R² is {span(wrong)}."
    )


def _seeded(rows: pd.DataFrame) -> str:
    if not len(rows):
        return ""
    r2 = rows.groupby("model")["r2"]
    apart = r2.max() - r2.min()
    return (
        f"Trained again from {r2.size().max() - 1} further seeds, the predictor of a middle layer has an R² that "
        f"differs by {apart.max():.3f} at most; it is surely above the best baseline from "
        f"**{int((rows['above_low'] > 0).sum())} of {len(rows)}** seeds and models."
    )


def _surprising(results: Results) -> str:
    rows = results.correlations()
    beyond = int((rows["low"] > rows["null_high"]).sum())
    return (
        f"What could not be foreseen is longer where a token surprises the model, at **{beyond} of {len(rows)}** "
        f"layers: rank correlation **{span(rows['rho'], '+.2f')}**, given frequency and position "
        f"{span(rows['partial'], '+.2f')} (texts exchanged: up to {rows['null_high'].max():+.2f})."
    )


def _held(apart: Sequence[Apart]) -> str:
    if not apart:
        return "What the parts hold was not probed."
    told = []
    for task, said in HELD.items():
        own = [one for one in apart if one.task == task]
        gap, trivial = (
            span(pd.Series([getattr(one, what) for one in own]), "+.2f") for what in ("gap", "trivial")
        )
        yes = sum(one.holds is True for one in own)
        linear = f"in the parts of a linear autoregression by {trivial}"
        told.append(f"{said} in **{yes} of {len(own)}** models (F1 by {gap}; {linear})")
    return f"{' and '.join(told)}."


def _acts(results: Results) -> str:
    gaps = results.tables["gaps"]
    rows = gaps[gaps["length"] == EQUAL]
    if not len(rows):
        return ""
    ahead, behind = int((rows["low"] > 0).sum()), int((rows["high"] < 0).sum())
    return (
        f"Of emotion vectors, at equal length, the predictable part does surely more than the new one in {ahead} of "
        f"{len(rows)} cases and surely less in {behind}: the difference is {span(rows['difference'], '+.2f')} nats."
    )


def _carried(results: Results) -> str:
    ours = results.predicted()
    values = {m: ours.loc[ours["measure"] == m, "r2"] for m in (POOLED, NO_MASSIVE, PER_DIMENSION)}
    shares = results.tables["shares"]
    return (
        f"Massive dimensions hold {span(shares['massive dimensions'], '.0%')} of the variance; R² is "
        f"{span(values[POOLED])} pooled, {span(values[NO_MASSIVE])} without them, and "
        f"{span(values[PER_DIMENSION])} as the mean of all dimensions."
    )


def _planted(planted: Planted | None) -> str:
    if planted is None:
        return ""
    return (
        f"Where the truth is known, R² {planted.truth:.3f}, the predictor finds {planted.r2:.3f}, and with time "
        f"shuffled {planted.low:+.4f} to {planted.high:+.4f}."
    )


def _falsifiers(results: Results) -> tuple[Falsifier, ...]:
    return (
        _baselines(results),
        _own_past(results),
        *([_another_seed(results.seeds())] if len(results.seeds()) else []),
        _surprise(results.correlations()),
        *([_split(results.apart())] if results.apart() else []),
        _few_dimensions(results),
        *([_both(results.tables["effects"])] if len(results.tables["effects"]) else []),
        *([_lost(results.tables["written"])] if len(results.tables["written"]) else []),
        *([_method(results.planted)] if results.planted else []),
    )


def _short(model: object) -> str:
    """The model's name without the world that it comes from."""
    return str(model).partition(", ")[0]


def _baselines(results: Results) -> Falsifier:
    told, words = [], []
    for model, own in results.pooled().groupby("model", sort=False):
        yes, no = int((own["gain_low"] > 0).sum()), int((own["gain_high"] <= 0).sum())
        needed = LAYERS_ABOVE * len(own)
        told.append(False if yes >= needed else True if len(own) - no < needed else None)
        words.append(f"{yes} of {len(own)} layers of {_short(model)}")
    condition = "a model in which the predictor is above its best baseline at fewer than two of three layers"
    return Falsifier(condition, any_holds(told), f"surely above at {listing(words)}")


def _own_past(results: Results) -> Falsifier:
    keys = ["model", "layer"]
    both = results.pooled().merge(results.pooled(OTHER_TEXT), on=keys, suffixes=("", "_wrong"))
    told = [
        False if row.low > row.high_wrong else True if row.r2 <= row.r2_wrong else None
        for row in both.itertuples()
    ]
    return Falsifier(
        "*It is the text's own past*: a layer at which the past of another text does as well",
        any_holds(told),
        f"another text reaches {both['r2_wrong'].max():.2f} at most, its own past {both['r2'].min():.2f} at least",
    )


def _another_seed(rows: pd.DataFrame) -> Falsifier:
    told = [lies_above(row.above_low, row.above_high) for row in rows.itertuples()]
    return Falsifier(
        "*The seed does not matter*: one from which the best baseline is not surely beaten at a middle layer",
        any_holds([None if above is None else not above for above in told]),
        f"beaten from {told.count(True)} of {len(told)}, by {span(rows['above'], '+.3f')}",
    )


def _surprise(rows: pd.DataFrame) -> Falsifier:
    told = [
        None if row.low != row.low else bool(row.low <= row.null_high)
        for row in rows.itertuples()  # NaN: too few
    ]
    return Falsifier(
        "*What is new is what surprises*: a layer whose interval reaches down to that of exchanged texts",
        any_holds(told),
        f"{told.count(False)} of {len(told)} layers are above",
    )


def _split(apart: Sequence[Apart]) -> Falsifier:
    """The report's reading: what is told apart is told apart by what could be foreseen."""
    told = [None if one.beyond is None else not one.beyond for one in apart]
    words = [f"{one.task}, {_short(one.model)}: {SURE[one.beyond]}" for one in apart]
    return Falsifier(
        "*Domain and token are told apart by what is predictable*: the parts of a linear autoregression tell them "
        "as far apart",
        any_holds(told),
        "; ".join(words),
    )


def _few_dimensions(results: Results) -> Falsifier:
    ours = results.predicted()
    one, other = (
        ours[ours["measure"] == m].set_index(["model", "layer"])["r2"] for m in (POOLED, NO_MASSIVE)
    )
    change = (one - other).abs()
    return Falsifier(
        f"*A pooled R² is about all dimensions*: one that moves by more than {MOVED:g} without massive dimensions",
        bool((change > MOVED).any()),
        f"{int((change > MOVED).sum())} of {len(change)} do, the largest by {change.max():.2f}",
    )


def _both(effects: pd.DataFrame) -> Falsifier:
    """Whether each part of a vector does something, as long as it is within the vector."""
    own = effects[(effects["length"] == OWN) & effects["part"].isin((PREDICTED, NEW))]
    told: list[bool | None] = []
    words = []
    for (model, part), rows in own.groupby(["model", "part"], sort=False):
        beyond = int((rows["p_holm"] <= LEVEL).sum())
        able = bool((len(rows) / (rows["vectors"] + 1) <= LEVEL).any())  # else no p can be small enough
        told.append(False if beyond else True if able else None)
        words.append(f"{part} in {beyond} of {len(rows)} emotions, {_short(model)}")
    return Falsifier(
        "*A vector acts through both of its parts*: one that, as long as it is within the vector, does more than "
        "random vectors of that length in no emotion (Holm)",
        any_holds(told),
        f"beyond them: {'; '.join(words)}" if words else "no part has a direction",
    )


def _lost(written: pd.DataFrame) -> Falsifier:
    largest = float(written["largest"].max())
    return Falsifier(
        f"*Nothing is lost*: both parts written back, and a logit that changes by more than {LOGIT:g}",
        largest > LOGIT,
        f"{largest:.1g} at most",
    )


def _method(planted: Planted) -> Falsifier:
    missed, clear = abs(planted.r2 - planted.truth) > MISSED, planted.low > 0
    return Falsifier(
        f"*The method finds what is there, and nothing where nothing is*: a planted R² missed by more than "
        f"{MISSED:g}, or one above 0 where time is shuffled",
        missed or clear,
        f"{planted.r2:.3f} in place of {planted.truth:.3f}; shuffled {planted.low:+.4f} to {planted.high:+.4f}",
    )

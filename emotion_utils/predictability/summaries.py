"""What the chapter's tables say, in sentences for a page: a bullet for each model.

Tables are those of `tables`, with a column ``model`` of names for readers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from emotion_utils.core.errors import listing
from emotion_utils.core.layers import layers_in_words
from emotion_utils.models.registry import reader_name
from emotion_utils.novelty.resampled import PARTS
from emotion_utils.novelty.steering_parts import EQUAL
from emotion_utils.predictability.study import OTHER_TEXT, PREDICTOR
from emotion_utils.predictability.tables import PER_DIMENSION
from emotion_utils.reports.replication import lies_above
from emotion_utils.statistics.in_words import between, span

if TYPE_CHECKING:
    from emotion_utils.corpora.documents import Corpus
    from emotion_utils.predictability.study import Study

POOLED, NO_MASSIVE = "pooled", "no massive"
FEW = 200
"""Windows of training with which nothing is learnt that a number could be about."""
SURE = {True: "more", False: "no more", None: "not told from it"}
"""What a split by the predictor separates, beside one that needs none."""


def caution(studies: Mapping[str, Study]) -> str:
    """A sentence where predictors learnt from so few windows that nothing follows; else nothing."""
    fewest = min(len(one.rows["training"]) for one in studies.values())
    return (
        f"\n\n**With {fewest} windows to learn from, the numbers only show that the code runs.**"
        if fewest < FEW
        else ""
    )


def reading_words(studies: Mapping[str, Study], corpus: Corpus) -> str:
    """What was read, from which texts, and what is kept apart for what."""
    lines = []
    for model, one in studies.items():
        n = {use: f"{len(rows):,}" for use, rows in one.rows.items()}
        lines.append(
            f"- *{reader_name(model)}*, {layers_in_words(one.layers)} of {one.model.n_layers}: {n['training']} windows "
            f"of {one.sizes.length} tokens to learn from, {n['validation']} to choose by, {n['probing']} others for "
            f"probes, and {n['test']} of {len(set(one.test.document.tolist()))} documents to test on."
        )
    about = " ".join(corpus.notes)
    return f"Texts: {corpus.source}, {len(corpus.domains)} domains. {about}\n\n" + "\n".join(lines)


def by_model(table: pd.DataFrame, told: Callable[[pd.DataFrame], str]) -> str:
    """A bullet in Markdown for each model."""
    return "\n".join(f"- *{model}*: {told(own)}." for model, own in table.groupby("model", sort=False))


def with_interval(value: float, low: float, high: float, form: str = "+.2f") -> str:
    """A number with what is known of it."""
    return f"{value:{form}}{between(low, high, form)}"


def listed(rows: pd.DataFrame, columns: tuple[str, str, str], form: str = ".2f") -> str:
    """Numbers of several layers with their intervals."""
    every = rows[list(columns)].itertuples(index=False)
    return listing(with_interval(value, low, high, form) for value, low, high in every)


def explained_words(explained: pd.DataFrame) -> str:
    """R² of the predictor by layer, what it has over the best baseline, and what the wrong past gives."""

    def told(own: pd.DataFrame) -> str:
        ours, wrong = (own[own["prediction"] == name] for name in (PREDICTOR, OTHER_TEXT))
        rivals = listing(dict.fromkeys(ours["baseline"]))
        return (
            f"R² {listed(ours, ('r2', 'low', 'high'))} at {layers_in_words(ours['layer'])} (n = "
            f"{ours['documents'].iloc[0]} documents); above the best baseline ({rivals}) "
            f"by {listed(ours, ('gain', 'gain_low', 'gain_high'), '+.3f')}; with the past of another text "
            f"{span(wrong['r2'])}"
        )

    return by_model(explained[explained["measure"] == POOLED], told)


def measure_words(explained: pd.DataFrame, shares: pd.DataFrame) -> str:
    """What a few dimensions and a few states have of the pooled variance, and what R² is without them."""
    ours = explained[explained["prediction"] == PREDICTOR]

    def told(own: pd.DataFrame) -> str:
        mine = ours[ours["model"] == own["model"].iloc[0]]
        values = {m: span(mine.loc[mine["measure"] == m, "r2"]) for m in (POOLED, NO_MASSIVE, PER_DIMENSION)}
        return (
            f"{span(own['massive'], '.0f')} massive dimensions hold {span(own['massive dimensions'], '.0%')} of the "
            f"variance, states of unusual length after position 0 {span(own['sinks'], '.0%')}; position 0, which "
            f"nothing predicts and no R² here counts, would add {span(own['position 0'], '.2g')} times as much. R² is "
            f"{values[POOLED]} pooled, {values[NO_MASSIVE]} without massive dimensions, {values[PER_DIMENSION]} as the "
            "mean of all dimensions"
        )

    return by_model(shares, told)


def position_words(numbers: pd.DataFrame) -> str:
    """By how much the error changes along the window, as a share of its mean."""
    return _by_place(numbers, "error change", "+.0%")


def surprise_words(correlations: pd.DataFrame) -> str:
    """Rank correlations by layer, their null, and what is left given frequency and position."""

    def told(own: pd.DataFrame) -> str:
        raw, partial = (
            listed(own, names, "+.2f")
            for names in (("rho", "low", "high"), ("partial", "partial_low", "partial_high"))
        )
        return (
            f"ρ {raw} at {layers_in_words(own['layer'])}, where exchanged texts reach {own['null_high'].max():+.2f}; "
            f"given frequency and position {partial} (n = {own['documents'].iloc[0]} documents)"
        )

    return by_model(correlations[correlations["part"] == PARTS[0]], told)


def trend_words(numbers: pd.DataFrame) -> str:
    """By how much the correlation with surprisal changes along the window."""
    return _by_place(numbers, "rho change", "+.2f")


def _by_place(numbers: pd.DataFrame, quantity: str, form: str) -> str:
    """A quantity at the first, the middle and the last layers, where there are such."""
    own = numbers[(numbers["quantity"] == quantity) & numbers["at"].isin(("first", "middle", "last"))]

    def told(rows: pd.DataFrame) -> str:
        parts = [f"{with_interval(r.value, r.low, r.high, form)} ({r.at})" for r in rows.itertuples()]
        return ", ".join(parts)

    return by_model(own, told)


def probe_words(numbers: pd.DataFrame) -> str:
    """What the parts tell of the domain and of the token, and whether the predictor has a share in it."""

    def told(own: pd.DataFrame) -> str:
        return "; ".join(_task_words(own, *names) for names in TASKS.items())

    return by_model(numbers[numbers["quantity"].str.startswith(tuple(TASKS))], told)


TASKS = {"domain": "domain, past minus new", "type": "type of token, new minus past"}
"""Quantities of the claims, and which difference each of them is."""


def _task_words(own: pd.DataFrame, quantity: str, told: str) -> str:
    rows = own.set_index("quantity")
    gap, trivial, beyond = (rows.loc[f"{quantity}{what}"] for what in ("", ", trivial split", ", beyond it"))
    more = lies_above(beyond.low, beyond.high, ended=True)
    return (
        f"{told} {with_interval(gap.value, gap.low, gap.high)}, by the parts of a linear autoregression "
        f"{with_interval(trivial.value, trivial.low, trivial.high)}; the predictor's is "
        f"{SURE[more]}: {with_interval(beyond.value, beyond.low, beyond.high)}"
    )


def alone_words(probes: Mapping[str, pd.DataFrame]) -> str:
    """What a text tells without any model, beside the best of what is read from states.

    Parameters
    ----------
    probes
        Task to the table of its probes.
    """
    told = []
    for task, table in probes.items():
        text, states = table[table["layer"].isna()], table[table["layer"].notna()]
        best = states.groupby("model", sort=False)["macro"].max()
        told.append(
            f"the {task} with an F1 of {span(text['macro'])}, where the best probe of a model's states has "
            f"{span(best)} and exchanged labels reach {states['null_high'].max():.2f}"
        )
    return f"Without any model, the tokens before tell {'; '.join(told)}."


def written_words(written: pd.DataFrame) -> str:
    """What the model still does with either part written in place of its states."""

    def told(own: pd.DataFrame) -> str:
        by_way = {way: span(rows["recovered"], ".0%") for way, rows in own.groupby("way", sort=False)}
        return (
            f"the predictable part alone recovers {by_way['predictable']} of what the position mean loses, the new "
            f"part alone {by_way['novel']}, around the mean {by_way['novel around the mean']}; both together change "
            f"no logit by more than {own['largest'].max():.1g}"
        )

    return by_model(written, told)


def steering_words(tables: Mapping[str, pd.DataFrame]) -> str:
    """How much of each vector was predictable, and what its parts do at equal length.

    Parameters
    ----------
    tables
        ``geometry``, ``effects`` and ``gaps`` by name.
    """
    gaps = tables["gaps"][tables["gaps"]["length"] == EQUAL]

    def told(own: pd.DataFrame) -> str:
        model = own["model"].iloc[0]
        rows = gaps[gaps["model"] == model]
        parts = [f"{r.emotion} {with_interval(r.difference, r.low, r.high)}" for r in rows.itertuples()]
        beside = f"; at equal length predictable minus new, in nats: {', '.join(parts)}" if parts else ""
        return f"the predictable part is {span(own['along'], '.0%')} of a vector, along it{beside}"

    return by_model(tables["geometry"], told)

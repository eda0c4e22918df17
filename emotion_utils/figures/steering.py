"""Figures of the chapter on steering."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_utils.figures.steering_maps import frontier as frontier
from emotion_utils.figures.steering_maps import height_of, panels, symbols_of
from emotion_utils.figures.steering_maps import layer_alpha as layer_alpha
from emotion_utils.figures.steering_maps import screen as screen
from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import EMOTION_COLOURS, GREY, PALETTE, error_bars, label_colours

DOSE = "dose (multiples of the chosen strength)"
NONE, REST = "none of them", "another label"
"""What a text says in which no emotion is found, and one that says a label which is not steered."""


def dose_response(table: pd.DataFrame, title: str, unit: str, line: float | None = None) -> Shown:
    """A curve over the dose for each emotion, with intervals.

    Parameters
    ----------
    table
        Columns ``emotion, alpha, value, low, high``; ``alpha`` in multiples of the chosen strength.
    title
    unit
        Of the value.
    line
        A level to mark.
    """
    figure, colours, symbols = (
        go.Figure(),
        label_colours(table["emotion"].unique()),
        symbols_of(table["emotion"]),
    )
    for emotion, rows in table.groupby("emotion", sort=False):
        rows = rows.sort_values("alpha")
        figure.add_scatter(
            x=rows["alpha"], y=rows["value"], name=str(emotion), mode="lines+markers", error_y=error_bars(rows),
            line={"color": colours[str(emotion)]}, marker={"symbol": symbols[str(emotion)]},
        )  # fmt: skip
    if line is not None:
        figure.add_hline(y=line, line_dash="dot", line_color=GREY)
    figure.update_xaxes(title=DOSE).update_yaxes(title=unit)
    ends = table[table["alpha"] == table["alpha"].max()]
    alt = f"At dose {table['alpha'].max():g}: " + "; ".join(
        f"{r.emotion} {r.value:.2f}" for r in ends.itertuples()
    )
    return show(figure, alt=alt + ".", title=title, data=table)


def controls(by_control: pd.DataFrame, compared: pd.DataFrame) -> Shown:
    """Every control vector as a point, beside the emotion's own.

    Parameters
    ----------
    by_control
        From `steering.controls.by_control`.
    compared
        From `steering.controls.compare`.
    """
    figure, rng = go.Figure(), np.random.default_rng(0)
    emotions = list(by_control["emotion"].unique())
    kinds = [k for k in by_control["kind"].unique() if not k.startswith("vector of")]
    colours = dict(zip(kinds, (PALETTE[5], PALETTE[1], GREY), strict=False))
    for kind in [*kinds, "another emotion's vector"]:
        other = kind not in kinds
        rows = by_control[
            by_control["kind"].str.startswith("vector of") if other else by_control["kind"] == kind
        ]
        places = np.array([emotions.index(e) for e in rows["emotion"]], dtype=float)
        offset = 0.3 if other else (kinds.index(kind) - 1) * 0.16 - 0.12
        figure.add_scatter(
            x=places + offset + rng.uniform(-0.05, 0.05, len(rows)), y=rows["share"], name=kind, mode="markers",
            text=rows["kind"],
            marker={"size": 11 if other else 6, "opacity": 0.9 if other else 0.5,
                    "symbol": "triangle-up" if other else "circle", "color": PALETTE[4] if other else colours[kind]},
        )  # fmt: skip
    own = compared[compared["against"] == "all random"]
    figure.add_scatter(
        x=[emotions.index(e) for e in own["emotion"]], y=own["share"], name="the emotion's own vector", mode="markers",
        marker={"symbol": "line-ew-open", "size": 46, "color": PALETTE[0], "line": {"width": 4}},
    )  # fmt: skip
    figure.update_xaxes(title="emotion asked for", tickvals=list(range(len(emotions))), ticktext=emotions)
    figure.update_yaxes(title="share of texts with the emotion", range=[-0.04, 1.06])
    alt = "; ".join(
        f"{r.emotion}: own vector {r.share:.0%}, {r.controls} random ones {r.control:.1%} on average, at most "
        f"{r.highest:.0%}" for r in own.itertuples()
    )  # fmt: skip
    return show(
        figure, alt=f"{alt}.", title="The same length in other directions", data=by_control, height=460
    )


def says(table: pd.DataFrame) -> Shown:
    """What the texts say at each dose, one panel per vector.

    Parameters
    ----------
    table
        Columns ``emotion`` (of the vector), ``alpha``, ``says``, ``share``.
    """
    emotions = list(table["emotion"].unique())
    figure, places = panels([f"vector of {e}" for e in emotions])
    table, colours, listed_once = *_said(table, emotions), set()
    for (row, column), emotion in zip(places, emotions, strict=True):
        for name, colour in colours.items():
            rows = table[(table["emotion"] == emotion) & (table["says"] == name)].sort_values("alpha")
            first = len(rows) > 0 and name not in listed_once
            listed_once |= {name} if first else set()
            figure.add_bar(
                x=[f"{a:g}" for a in rows["alpha"]], y=rows["share"], name=name, marker_color=colour,
                showlegend=first,
                legendgroup=name, row=row, col=column,
            )  # fmt: skip
    figure.update_layout(barmode="stack", bargap=0.05)
    order = [f"{a:g}" for a in sorted(table["alpha"].unique())]
    figure.update_xaxes(title="dose", type="category", categoryorder="array", categoryarray=order)
    figure.update_yaxes(title="", range=[0, 1]).update_yaxes(title="share of texts", col=1)
    most = table[table["alpha"] == table["alpha"].min()]
    most = most.loc[most.groupby("emotion", sort=False)["share"].idxmax()]
    listed = "; ".join(f"minus {r.emotion}: {r.says} {r.share:.0%}" for r in most.itertuples())
    return show(
        figure, alt=f"Most frequent at the most negative strength: {listed}.",
        title="What the texts say, from negative to positive strength", data=table,
        height=height_of(places, 380),
    )  # fmt: skip


def _said(table: pd.DataFrame, emotions: list[str]) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table, and the colour of what is said: labels that have no panel are counted together."""
    if set(table["says"]) - {NONE} <= EMOTION_COLOURS.keys():
        return table, {**EMOTION_COLOURS, NONE: "#D8D8D8"}
    named = {*emotions, "neutral", NONE}
    says = table["says"].where(table["says"].isin(named), REST)
    keys = ["emotion", "alpha", "says"]
    summed = table.assign(says=says).groupby(keys, sort=False)["share"].sum().reset_index()
    return summed, {**label_colours(emotions), REST: "#4D4D4D", "neutral": GREY, NONE: "#D8D8D8"}


def models(table: pd.DataFrame, goal: float, control: str) -> Shown:
    """The message of the chapter: each model's share on held-out contexts, beside its controls.

    Parameters
    ----------
    table
        From `steering.overview.overview`.
    goal
        The share that is asked for.
    control
        The model that has nothing to carry.
    """
    figure = go.Figure()
    names, emotions = list(table["model"].unique()), list(table["emotion"].unique())
    spread = (emotions.index(e) - (len(emotions) - 1) / 2 for e in table["emotion"])
    table = table.assign(
        place=[names.index(n) + 0.2 * s for n, s in zip(table["model"], spread, strict=True)]
    )
    colours, symbols = label_colours(emotions), symbols_of(emotions)
    for emotion, rows in table.groupby("emotion", sort=False):
        dear = ~rows["steered"] & (rows["share"] >= goal)
        figure.add_scatter(
            x=rows["share"], y=rows["place"], mode="markers", name=f"{emotion}",
            text=[f"{r.model}: cost {r.cost:.2f}" for r in rows.itertuples()],
            marker={"color": colours[str(emotion)], "size": 10,
                    "symbol": [symbols[str(emotion)] + ("-open" if d else "") for d in dear]},
        )  # fmt: skip
    figure.add_scatter(
        x=table["control"], y=table["place"], mode="markers", name="random vectors, mean of each emotion",
        text=table["model"], marker={"color": GREY, "symbol": "line-ns-open", "size": 9},
    )  # fmt: skip
    figure.add_vline(x=goal, line_dash="dot", line_color=GREY, annotation_text="goal")
    figure.update_xaxes(title="share of held-out contexts with the emotion", range=[-0.03, 1.05])
    figure.update_yaxes(title="model", autorange="reversed", tickvals=list(range(len(names))), ticktext=names)
    mean = table.groupby("model", sort=False)[["share", "control"]].mean()
    listed = "; ".join(f"{name} {r.share:.0%} (random {r.control:.1%})" for name, r in mean.iterrows())
    note = (
        f"Open marks cost more than the budget. {control} was trained on reactions that do not follow from causes. The "
        "marks of a model stand a little apart, so that none hides another."
    )
    return show(
        figure, alt=f"Mean over the emotions: {listed}.", title="Steered models beside random vectors",
        caption=note, data=table.drop(columns="place"), height=500,
    )  # fmt: skip


def windows(summary: pd.DataFrame, budget: float) -> Shown:
    """Share of texts with the emotion where the same vector acts at other positions.

    Parameters
    ----------
    summary
        From :func:`~emotion_utils.steering.trials.sweep_summary` with the key ``where``.
    budget
        Cells that cost more are drawn open.
    """
    figure, colours, symbols = (
        go.Figure(),
        label_colours(summary["emotion"].unique()),
        symbols_of(summary["emotion"]),
    )
    for emotion, rows in summary.groupby("emotion", sort=False):
        symbol = symbols[str(emotion)]
        figure.add_scatter(
            x=rows["share"], y=rows["where"].str.replace(", ", ",<br>"), mode="markers", name=str(emotion),
            text=[f"cost {c:.2f}" for c in rows["cost"]],
            marker={"color": colours[str(emotion)], "size": 11,
                    "symbol": [symbol + ("-open" if c > budget else "") for c in rows["cost"]]},
        )  # fmt: skip
    figure.update_xaxes(title="share of texts with the emotion", range=[-0.03, 1.05])
    figure.update_yaxes(title="where the vector is added", autorange="reversed")
    mean = summary.groupby("where", sort=False)["share"].mean()
    alt = "Mean over the emotions: " + "; ".join(f"{where} {v:.0%}" for where, v in mean.items()) + "."
    note = f"Open marks cost more than {budget:g} times genuine replies."
    return show(figure, alt=alt, title="Where the vector is added", caption=note, data=summary)


ARMS = {
    "untouched": ("untouched", "circle-open", GREY),
    "isotropic": ("random vectors of equal length, mean", "line-ns-open", GREY),
    "logit bias": ("bias on first words, as far from the untouched model", "diamond", PALETTE[1]),
    "emotion vector": ("the emotion's vector", "circle", PALETTE[0]),
}
"""What each arm is called, its mark and colour, from below to above."""
READ = {"shift": "log-odds of genuine replies (nats)", "says_it": "texts that say the emotion"}
ROW = 110


def arms(by_arm: pd.DataFrame, title: str) -> Shown:
    """Every arm of each emotion with its interval, log-odds beside texts.

    Parameters
    ----------
    by_arm
        Columns ``emotion, arm, outcome, value, low, high``.
    title
        What it shows.
    """
    emotions = list(dict.fromkeys(by_arm["emotion"]))
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.05)
    for column, (outcome, unit) in enumerate(READ.items(), 1):
        for place, (arm, (name, mark, colour)) in enumerate(ARMS.items()):
            rows = by_arm[(by_arm["arm"] == arm) & (by_arm["outcome"] == outcome)]
            heights = [emotions.index(emotion) + (1.5 - place) * 0.17 for emotion in rows["emotion"]]
            figure.add_scatter(
                x=rows["value"], y=heights, mode="markers", name=name, legendgroup=arm, showlegend=column == 1,
                error_x=error_bars(rows), text=rows["emotion"], row=1, col=column,
                marker={"symbol": mark, "color": colour, "size": 10, "line": {"width": 2, "color": colour}},
                hovertemplate=f"%{{text}}, {name}: %{{x:.2f}}<extra></extra>",
            )  # fmt: skip
        figure.update_xaxes(title=unit, row=1, col=column)
    figure.add_vline(x=0, line_dash="dot", line_color=GREY, row=1, col=1)
    figure.update_xaxes(tickformat=".0%", range=[-0.03, 1.05], row=1, col=2)
    figure.update_yaxes(tickvals=list(range(len(emotions))), ticktext=emotions, autorange="reversed")
    figure.update_yaxes(title="emotion", col=1)
    wide = by_arm.pivot(index="emotion", columns=["outcome", "arm"], values="value")
    told = "; ".join(
        f"{emotion}: "
        + ", ".join(
            f"{ARMS[arm][0]} {wide.loc[emotion, ('shift', arm)]:+.1f} nats and "
            f"{wide.loc[emotion, ('says_it', arm)]:.0%} of texts"
            for arm in reversed(ARMS)
        )
        for emotion in emotions
    )
    note = (
        "Bars are 95 % intervals over kinds of events. Log-odds are against neutral replies, minus the untouched "
        "model's."
    )
    return show(
        figure, alt=f"{told}.", title=title, caption=note, data=by_arm, height=170 + ROW * len(emotions)
    )


def beyond_bias(cells: pd.DataFrame, control: str) -> Shown:
    """Of every model and emotion, what the vector reaches beyond the bias in nats, with its interval.

    Parameters
    ----------
    cells
        Rows against the bias in nats: ``model, emotion, difference, low, high``.
    control
        The model that has nothing to carry, drawn hollow.
    """
    names, emotions = list(dict.fromkeys(cells["model"])), list(dict.fromkeys(cells["emotion"]))
    figure, colours = go.Figure(), label_colours(emotions)
    for place, emotion in enumerate(emotions):
        rows = cells[cells["emotion"] == emotion]
        heights = [names.index(name) + (place - (len(emotions) - 1) / 2) * 0.2 for name in rows["model"]]
        symbols = ["circle-open" if name == control else "circle" for name in rows["model"]]
        figure.add_scatter(
            x=rows["difference"], y=heights, mode="markers", name=emotion, text=rows["model"],
            error_x=error_bars(rows, "difference"), marker={"symbol": symbols, "size": 9, "color": colours[emotion]},
            hovertemplate="%{text}: %{x:+.1f} nats<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=0, line_dash="dash", line_color=GREY, annotation_text="the bias")
    figure.update_xaxes(title="vector minus bias (nats)")
    figure.update_yaxes(title="model", tickvals=list(range(len(names))), ticktext=names, autorange="reversed")
    mean = cells.groupby("model", sort=False)["difference"].mean()
    told = "; ".join(f"{name} {value:+.1f}" for name, value in mean.items())
    return show(
        figure, alt=f"Mean over the emotions, in nats: {told}.", title="What steering adds to a bias on first words",
        caption="Bars are 95 % intervals over kinds of events; the blind model is hollow.", data=cells, height=470,
    )  # fmt: skip

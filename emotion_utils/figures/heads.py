"""Figures of the chapters on attention heads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import (
    DIVERGING,
    GREY,
    PALETTE,
    SEQUENTIAL,
    add_dots,
    add_line,
    emotion_colour,
    error_bars,
)
from emotion_utils.statistics.permutations import LEVEL

SYMBOLS = {"gratitude": "circle", "anger": "square", "apology": "diamond"}
MANY_LAYERS = 12
"""From more layers on not every one is labelled."""
ONE_SIDED = 0.15
"""Of the largest value: what is never further below zero is drawn from zero up."""
SHOWN = 24
"""Heads that the figure of memberships has room for."""
DASHES = ("solid", "dash", "dot", "dashdot")


def effect_map(table: pd.DataFrame, value: str, title: str, unit: str, least: float = 0.0) -> Shown:
    """A value of every head, layer by head, a panel per emotion; heads that stand out of the null have a dot.

    A quantity that is hardly ever negative gets a scale from 0.

    Parameters
    ----------
    table
        Columns ``emotion, layer, head, name``, the value and ``p``; with ``how``, heads that were run exactly are
        framed, and the others show an estimate. A head without a row is left blank.
    value
        Its column.
    title
    unit
        Of the value.
    least
        Share of the difference that a head has to carry for its dot.
    """
    partly = "how" in table and bool((table["how"] != "exact").any())
    many = int(table["layer"].nunique()) > MANY_LAYERS
    emotions = list(table["emotion"].unique())
    figure = make_subplots(
        cols=len(emotions), subplot_titles=emotions, shared_yaxes=True, horizontal_spacing=0.04
    )
    far = float(table[value].abs().max()) or 1.0
    one_sided = float(table[value].min()) >= -ONE_SIDED * far
    colours = (
        {"colorscale": SEQUENTIAL, "zmin": 0.0} if one_sided else {"colorscale": DIVERGING, "zmin": -far}
    )
    mark = f"p of {LEVEL:g} or less" + (f", and {least:.0%} or more" if least else "")
    for column, emotion in enumerate(emotions, 1):
        rows = table[table["emotion"] == emotion]
        wide, p = (rows.pivot(index="layer", columns="head", values=name) for name in (value, "p"))
        figure.add_heatmap(
            z=wide.to_numpy(), x=list(wide.columns), y=list(wide.index), name=emotion, zmax=far, **colours,
            showscale=column == 1, colorbar={"title": unit}, customdata=p.to_numpy(),
            hovertemplate="L%{y}H%{x}: %{z:.2f}, p = %{customdata:.3f}<extra></extra>", row=1, col=column,
        )  # fmt: skip
        sure = _marked(rows, least)
        if partly:
            framed = rows[rows["how"] == "exact"]
            figure.add_scatter(
                x=framed["head"], y=framed["layer"], mode="markers", hoverinfo="skip", name="run exactly",
                showlegend=column == 1, row=1, col=column,
                marker={"size": 9, "symbol": "square-open", "color": "black", "line": {"width": 1}},
            )  # fmt: skip
        figure.add_scatter(
            x=sure["head"], y=sure["layer"], mode="markers", hoverinfo="skip", name=mark,
            showlegend=column == 1, row=1, col=column,
            marker={"size": 7, "color": "white", "line": {"width": 1.5, "color": "black"}},
        )  # fmt: skip
    figure.update_xaxes(title="head", dtick=1).update_yaxes(dtick=5 if many else 1)
    figure.update_yaxes(title="layer", col=1)
    figure.update_layout(legend={"orientation": "h", "y": -0.12 if many else -0.25})
    told = []
    shown = table[table["how"] == "exact"] if partly else table
    for emotion, rows in shown.groupby("emotion", sort=False):
        top = rows.loc[rows[value].abs().idxmax()]
        told.append(
            f"{emotion} {top['name']} {top[value]:.2f}, {len(_marked(rows, least))} heads with a dot ({mark})"
        )
    alt = f"Largest value{' of the heads that were run exactly' if partly else ''}: {'; '.join(told)}."
    height = 18 * table["layer"].nunique() + 160 if many else 360
    return show(figure, alt=alt, title=title, data=table, height=height)


def _marked(rows: pd.DataFrame, least: float) -> pd.DataFrame:
    """Rows of heads that stand out, and carry enough."""
    found = rows[rows["p"] <= LEVEL]
    return found[found["share"].abs() >= least] if least else found


def scatter(table: pd.DataFrame, x: str, y: str, title: str) -> Shown:
    """Two measurements of every head against each other, with the line on which they are equal.

    Parameters
    ----------
    table
        Columns ``emotion, name`` and both measurements; with ``drawn``, heads of a random sample are hollow.
    x, y
        Their columns, in nats.
    title
    """
    figure = go.Figure()
    ends = [float(table[[x, y]].min().min()), float(table[[x, y]].max().max())]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", name="equal", line={"color": GREY, "dash": "dot"}, hoverinfo="skip"
    )
    told = []
    for emotion, rows in table.groupby("emotion", sort=False):
        figure.add_scatter(
            x=rows[x], y=rows[y], mode="markers", name=str(emotion), text=rows["name"],
            marker={"color": emotion_colour(str(emotion)), "symbol": _symbols(str(emotion), rows), "size": 8,
                    "opacity": 0.75},
            hovertemplate="%{text}: %{x:.2f}, %{y:.2f}<extra></extra>",
        )  # fmt: skip
        told.append(f"{emotion} correlation {np.corrcoef(rows[x], rows[y])[0, 1]:.2f}")
    figure.update_xaxes(title=f"{x} (nats)").update_yaxes(title=f"{y} (nats)")
    return show(figure, alt=f"Each point is a head: {'; '.join(told)}.", title=title, data=table, height=440)


def _symbols(emotion: str, rows: pd.DataFrame) -> str | list[str]:
    own = SYMBOLS.get(emotion, "circle")
    if "drawn" not in rows or not rows["drawn"].any():
        return own
    return [f"{own}-open" if drawn else own for drawn in rows["drawn"]]


def circuit_curves(table: pd.DataFrame, goal: float, half: float, title: str, *, down: bool = False) -> Shown:
    """Share of the difference by the number of heads, a line per order of heads, with intervals.

    Parameters
    ----------
    table
        Columns ``order, size, share, low, high``.
    goal
        A level to mark.
    half
        Half of the number of heads.
    title
    down
        Whether the share falls to the level, as where heads are taken out, or rises to it.
    """
    figure, told = go.Figure(), []
    for i, (order, rows) in enumerate(table.groupby("order", sort=False)):
        colour = GREY if str(order).startswith("random") else PALETTE[i % 5]
        look = {"color": colour, "dash": DASHES[i % 4]}
        add_line(figure, rows["size"], rows["share"], order, error_bars(rows, "share"), **look)
        enough = rows[rows["share"] <= goal] if down else rows[rows["share"] >= goal]
        told.append(f"{order} " + (f"{int(enough['size'].min())} heads" if len(enough) else "never"))
    figure.add_hline(y=goal, line_dash="dot", line_color=GREY, annotation_text=f"{goal:.0%}")
    figure.add_vline(x=half, line_dash="dash", line_color=GREY, annotation_text="half of the heads")
    figure.update_xaxes(title="heads").update_yaxes(title="share of the difference", tickformat=".0%")
    alt = f"Heads until {goal:.0%}: {'; '.join(told)}."
    return show(figure, alt=alt, title=title, data=table, height=460)


def models(table: pd.DataFrame, value: str, title: str, unit: str, line: float | None = None) -> Shown:
    """One value of several models, a point per emotion, with intervals.

    Parameters
    ----------
    table
        Columns ``model, emotion``, the value and its ends ``_low`` and ``_high``.
    value
        Its column.
    title
    unit
    line
        A level to mark.
    """
    figure = go.Figure()
    for emotion, rows in table.groupby("emotion", sort=False):
        ends = rows.rename(columns={value: "value", f"{value}_low": "low", f"{value}_high": "high"})
        figure.add_scatter(
            x=[name.removeprefix("small-") for name in rows["model"]], y=rows[value], name=str(emotion), mode="markers",
            error_y=error_bars(ends),
            marker={"color": emotion_colour(str(emotion)), "symbol": SYMBOLS.get(str(emotion), "circle"), "size": 9},
        )  # fmt: skip
    if line is not None:
        figure.add_hline(y=line, line_dash="dot", line_color=GREY)
    figure.update_layout(scattermode="group", scattergap=0.6)
    figure.update_xaxes(title="model").update_yaxes(title=unit)
    told = "; ".join(f"{name} {rows[value].mean():.2f}" for name, rows in table.groupby("model", sort=False))
    return show(figure, alt=f"Mean over emotions: {told}.", title=title, data=table, height=420)


def looking(table: pd.DataFrame, title: str) -> Shown:
    """How much each head looks at emotion words, and how much of the difference is lost without it.

    Parameters
    ----------
    table
        Columns ``emotion, name, delta`` and ``share``; one row per emotion and head.
    title
    """
    figure, told = go.Figure(), []
    for emotion, rows in table.groupby("emotion", sort=False):
        figure.add_scatter(
            x=rows["delta"].abs(), y=rows["share"].abs(), mode="markers", name=str(emotion), text=rows["name"],
            marker={"color": emotion_colour(str(emotion)), "symbol": SYMBOLS.get(str(emotion), "circle"), "size": 9,
                    "opacity": 0.8},
            hovertemplate="%{text}: looks %{x:.2f}, carries %{y:.0%}<extra></extra>",
        )  # fmt: skip
        looks, acts = (rows.loc[rows[name].abs().idxmax()] for name in ("delta", "share"))
        told.append(
            f"{emotion}: {looks['name']} looks most and carries {abs(looks['share']):.0%}, "
            f"{acts['name']} carries most, "
            f"{abs(acts['share']):.0%}"
        )
    figure.update_xaxes(title="looks at the emotion word (delta attention, size)", rangemode="tozero")
    figure.update_yaxes(title="carries of the difference", tickformat=".0%", rangemode="tozero")
    return show(figure, alt=f"Each point is a head. {'; '.join(told)}.", title=title, data=table, height=420)


def beside_sets(random: pd.DataFrame, own: pd.DataFrame, title: str) -> Shown:
    """A circuit with its interval above random sets of heads, a dot for each set, a panel per measure.

    Parameters
    ----------
    random
        One row per set: ``measure, kind, share``.
    own
        Of the circuit, one row per measure: ``measure, share, low, high``.
    title
    """
    measures = list(own["measure"])
    figure = make_subplots(
        cols=len(measures), subplot_titles=measures, shared_yaxes=True, horizontal_spacing=0.06
    )
    told = []
    for column, (measure, row) in enumerate(zip(measures, own.itertuples(), strict=True), 1):
        panel, alone = go.Figure(), own[own["measure"] == measure]
        for kind, rows in random[random["measure"] == measure].groupby("kind", sort=False):
            add_dots(
                panel, rows["share"], [f"random, {kind}"] * len(rows), kind, color=GREY, size=8, opacity=0.6
            )
            told.append(
                f"{measure}, {kind}: {rows['share'].mean():.0%} on average, {rows['share'].max():.0%} at most"
            )
        bars = error_bars(alone, "share")
        add_dots(
            panel,
            alone["share"],
            ["the circuit"],
            "the circuit",
            bars,
            color=PALETTE[3],
            size=12,
            symbol="diamond",
        )
        figure.add_traces(panel.data, rows=1, cols=column)
        told.append(f"the circuit {row.share:.0%}")
    figure.update_traces(showlegend=False).update_xaxes(tickformat=".0%", title="share", rangemode="tozero")
    figure.update_yaxes(title="set of heads")
    return show(figure, alt=f"{'; '.join(told)}.", title=title, data=random, height=320)


def memberships(table: pd.DataFrame, title: str) -> Shown:
    """How often each head belongs to a circuit that is chosen anew; those of the page's circuit are filled.

    Parameters
    ----------
    table
        From `membership.frequencies`.
    title
    """
    shown = table.head(SHOWN)
    figure = go.Figure()
    for member, name in ((True, "in the circuit above"), (False, "not in it")):
        rows = shown[shown["member"] == member]
        look = {
            "color": PALETTE[0] if member else "rgba(0, 0, 0, 0)",
            "line": {"color": PALETTE[0], "width": 1.5},
        }
        figure.add_bar(x=rows["name"], y=rows["frequency"], name=name, marker=look)
    figure.update_xaxes(title="head", categoryorder="array", categoryarray=list(shown["name"]))
    figure.update_yaxes(title="share of the choices", tickformat=".0%", range=[0, 1.02])
    every = ", ".join(f"{row.name} {row.frequency:.0%}" for row in shown.head(5).itertuples(index=False))
    return show(figure, alt=f"Chosen most often: {every}.", title=title, data=table, height=340)

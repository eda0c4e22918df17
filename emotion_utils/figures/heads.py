"""Figures of the chapters on attention heads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import DIVERGING, GREY, PALETTE, add_line, emotion_colour, error_bars
from emotion_utils.statistics.permutations import LEVEL

SYMBOLS = {"gratitude": "circle", "anger": "square", "apology": "diamond"}
MANY_LAYERS = 12
"""From more layers on not every one is labelled."""
DASHES = ("solid", "dash", "dot", "dashdot")


def effect_map(table: pd.DataFrame, value: str, title: str, unit: str) -> Shown:
    """A value of every head, layer by head, a panel per emotion; heads that stand out of the null have a dot.

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
    """
    partly = "how" in table and bool((table["how"] != "exact").any())
    many = int(table["layer"].nunique()) > MANY_LAYERS
    emotions = list(table["emotion"].unique())
    figure = make_subplots(
        cols=len(emotions), subplot_titles=emotions, shared_yaxes=True, horizontal_spacing=0.04
    )
    far = float(table[value].abs().max()) or 1.0
    for column, emotion in enumerate(emotions, 1):
        rows = table[table["emotion"] == emotion]
        wide, p = (rows.pivot(index="layer", columns="head", values=name) for name in (value, "p"))
        figure.add_heatmap(
            z=wide.to_numpy(), x=list(wide.columns), y=list(wide.index), name=emotion, zmin=-far, zmax=far,
            colorscale=DIVERGING, showscale=column == 1, colorbar={"title": unit}, customdata=p.to_numpy(),
            hovertemplate="L%{y}H%{x}: %{z:.2f}, p = %{customdata:.3f}<extra></extra>", row=1, col=column,
        )  # fmt: skip
        sure = rows[rows["p"] <= LEVEL]
        if partly:
            framed = rows[rows["how"] == "exact"]
            figure.add_scatter(
                x=framed["head"], y=framed["layer"], mode="markers", hoverinfo="skip", name="run exactly",
                showlegend=column == 1, row=1, col=column,
                marker={"size": 9, "symbol": "square-open", "color": "black", "line": {"width": 1}},
            )  # fmt: skip
        figure.add_scatter(
            x=sure["head"], y=sure["layer"], mode="markers", hoverinfo="skip", name="p of 0.05 or less",
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
            f"{emotion} {top['name']} {top[value]:.2f}, {int((rows['p'] <= LEVEL).sum())} heads with p <= {LEVEL:g}"
        )
    alt = f"Largest value{' of the heads that were run exactly' if partly else ''}: {'; '.join(told)}."
    height = 18 * table["layer"].nunique() + 160 if many else 360
    return show(figure, alt=alt, title=title, data=table, height=height)


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


def depth(table: pd.DataFrame) -> Shown:
    """What the heads of each layer add together, helping and opposing ones apart.

    Parameters
    ----------
    table
        From `screening.effect_table`.
    """
    figure, told = go.Figure(), []
    for emotion, rows in table.groupby("emotion", sort=False):
        for sign, name in ((1, "for"), (-1, "against")):
            part = (
                rows.assign(size=(sign * rows["share"]).clip(lower=0) * sign).groupby("layer")["size"].sum()
            )
            figure.add_bar(
                x=part.index, y=part.to_numpy(), name=f"{emotion}, {name}", offsetgroup=str(emotion),
                marker={"color": emotion_colour(str(emotion)), "opacity": 1.0 if sign > 0 else 0.45},
            )  # fmt: skip
            if sign > 0:
                told.append(f"{emotion} most in layer {int(part.idxmax())} ({part.max():.0%})")
    figure.update_layout(barmode="relative")
    figure.update_xaxes(title="layer", dtick=1 if table["layer"].nunique() <= MANY_LAYERS else 5)
    figure.update_yaxes(title="sum over heads of their share", tickformat=".0%")
    title = "What the heads of each layer add to the difference"
    return show(figure, alt=f"Sums over heads: {'; '.join(told)}.", title=title, data=table, height=400)


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


def shares(table: pd.DataFrame, name: str, title: str, unit: str) -> Shown:
    """Shares with intervals, one bar per row.

    Parameters
    ----------
    table
        The column that names the bars, ``share, low, high``.
    name
        That column.
    title
    unit
        Of the share.
    """
    figure = go.Figure(
        go.Bar(x=table[name], y=table["share"], error_y=error_bars(table, "share"), marker_color=PALETTE[0])
    )
    figure.update_yaxes(title=unit, tickformat=".0%").update_xaxes(title=name)
    told = "; ".join(f"{row[name]} {row['share']:.0%}" for _, row in table.iterrows())
    return show(figure, alt=f"{told}.", title=title, data=table, height=380)


def sets(random: pd.DataFrame, own: float, title: str) -> Shown:
    """Shares of random sets of heads as histograms, with that of the circuit as a line.

    Parameters
    ----------
    random
        Columns ``kind, share``.
    own
        Of the circuit.
    title
    """
    figure, told = go.Figure(), []
    for colour, (kind, rows) in zip(
        (PALETTE[5], PALETTE[1]), random.groupby("kind", sort=False), strict=False
    ):
        figure.add_histogram(
            x=rows["share"],
            name=str(kind),
            marker_color=colour,
            opacity=0.7,
            xbins={"start": -1, "end": 2, "size": 0.05},
        )
        told.append(f"{kind}: mean {rows['share'].mean():.0%}, at most {rows['share'].max():.0%}")
    figure.add_vline(x=own, line_color=PALETTE[4], line_width=3, annotation_text="the circuit")
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(title="share of the difference", tickformat=".0%").update_yaxes(title="random sets")
    alt = f"The circuit keeps {own:.0%}; {'; '.join(told)}."
    return show(figure, alt=alt, title=title, data=random, height=380)


def flow(links: pd.DataFrame, words: Sequence[str], title: str) -> Shown:
    """Tokens from left to right, layers upwards: where the heads of a circuit look, seen from the last token.

    Parameters
    ----------
    links
        From `heads.flow.flow`.
    words
        The tokens.
    title
    """
    figure = go.Figure()
    layers = sorted(links["layer"].unique())
    colours = {layer: PALETTE[i % (len(PALETTE) - 1)] for i, layer in enumerate(layers)}
    for layer, rows in links.groupby("layer"):
        for i, link in enumerate(rows.itertuples()):
            figure.add_scatter(
                x=[link.key, link.query], y=[layer, layer + 1], mode="lines+markers", name=f"layer {layer}",
                legendgroup=str(layer), showlegend=i == 0, line={"width": 1 + 6 * link.weight, "color": colours[layer]},
                marker={"size": 5}, opacity=0.75,
                text=[_link(link, words)] * 2,
                hoverinfo="text",
            )  # fmt: skip
    figure.update_xaxes(
        title="token",
        tickvals=list(range(len(words))),
        ticktext=[w.strip() or w for w in words],
        tickangle=-60,
    )
    figure.update_yaxes(title="before layer", dtick=1, zeroline=False)
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})
    last = links[links["query"] == len(words) - 1].nlargest(3, "weight")
    told = "; ".join(
        f"L{r.layer}H{r.head} looks at {words[r.key].strip()!r} ({r.weight:.0%})" for r in last.itertuples()
    )
    named = links.assign(query=[words[i] for i in links["query"]], key=[words[i] for i in links["key"]])
    return show(figure, alt=f"From the last token: {told}.", title=title, data=named, height=460)


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


def _link(link: Any, words: Sequence[str]) -> str:
    at = f"L{link.layer}H{link.head}"
    return f"{at}: {link.weight:.0%} from {words[link.query]!r} to {words[link.key]!r}"

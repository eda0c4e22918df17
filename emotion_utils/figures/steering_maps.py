"""Where steering works: over depth without a text, and over layers and strengths by texts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import GREY, PALETTE, SEQUENTIAL, label_colours

SYMBOLS = {"gratitude": "circle", "anger": "square", "apology": "diamond"}
OTHER_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "star")
"""Of labels that are not the book's, in their order."""
IN_A_ROW = 3
"""Panels of a figure that stand beside each other."""
DEAREST = 20.0
"""Where the axis of costs ends."""


def symbols_of(emotions: Iterable[str]) -> dict[str, str]:
    """The mark of each: that of every page, or, where one is not the book's, in their order."""
    names = list(dict.fromkeys(emotions))
    if set(names) <= SYMBOLS.keys():
        return {name: SYMBOLS[name] for name in names}
    return {name: OTHER_SYMBOLS[i % len(OTHER_SYMBOLS)] for i, name in enumerate(names)}


def panels(titles: list[str]) -> tuple[go.Figure, list[tuple[int, int]]]:
    """An empty figure with a panel for each title, few of them in a row, and the row and column of each."""
    rows, columns = -(-len(titles) // IN_A_ROW), min(len(titles), IN_A_ROW)
    figure = make_subplots(
        rows=rows, cols=columns, subplot_titles=titles, shared_yaxes=True, horizontal_spacing=0.04,
        **({"vertical_spacing": 0.2} if rows > 1 else {}),
    )  # fmt: skip
    return figure, [(i // IN_A_ROW + 1, i % IN_A_ROW + 1) for i in range(len(titles))]


def height_of(places: list[tuple[int, int]], one: int) -> int:
    """Height of a figure of :func:`panels` in pixels, from that of one row."""
    return one + (places[-1][0] - 1) * (one - 120)


def screen(cells: pd.DataFrame, n_layers: int, chosen: pd.DataFrame) -> Shown:
    """What the best strength of every kind of vector and window does at each layer, by relative depth.

    Parameters
    ----------
    cells
        From :func:`~emotion_utils.steering.screening.best_strengths`.
    n_layers
        Of the model.
    chosen
        Rows of the chosen settings, which are ringed.
    """
    emotions = list(dict.fromkeys(chosen["emotion"]))
    figure, places = panels(emotions)
    cells = cells.assign(depth=(cells["layer"] + 1) / n_layers)
    for k, ((made, where), own) in enumerate(cells.groupby(["made", "where"], sort=False)):
        dash = "solid" if where == cells["where"].iloc[0] else "dot"
        for (row, column), emotion in zip(places, emotions, strict=True):
            rows = own[own["emotion"] == emotion].sort_values("depth")
            figure.add_scatter(
                x=rows["depth"], y=rows["score"], mode="lines+markers", name=f"{made};<br>{where}",
                legendgroup=f"{k}", showlegend=emotion == emotions[0], marker={"size": 5},
                line={"color": PALETTE[_place(cells, made) % len(PALETTE)], "dash": dash},
                text=[f"layer {r.layer}, alpha {r.alpha:g}" for r in rows.itertuples()], row=row, col=column,
            )  # fmt: skip
    at = chosen.merge(cells, on=["emotion", "made", "where", "layer"], suffixes=("", "_screened"))
    for (row, column), emotion in zip(places, emotions, strict=True):
        rows = at[at["emotion"] == emotion]
        figure.add_scatter(
            x=rows["depth"], y=rows["score"], mode="markers", name="chosen", showlegend=emotion == emotions[0],
            legendgroup="chosen", hoverinfo="skip",
            marker={"symbol": "circle-open", "size": 16, "color": GREY, "line": {"width": 2.5}}, row=row, col=column,
        )  # fmt: skip
    figure.add_hline(y=0, line_dash="dot", line_color=GREY)
    figure.update_xaxes(title="relative depth", range=[0, 1.05])
    figure.update_yaxes(title="change of a reply's log-probability (nats)", col=1)
    best = cells.loc[cells.groupby("emotion", sort=False)["score"].idxmax()]
    listed = "; ".join(
        f"{r.emotion} {r.score:+.1f} nats, {r.made}, layer {r.layer}" for r in best.itertuples()
    )
    return show(
        figure, alt=f"The highest of each emotion: {listed}.",
        title="What makes replies of the emotion more probable, by depth", data=cells,
        height=height_of(places, 480),
    )  # fmt: skip


def _place(cells: pd.DataFrame, made: str) -> int:
    return list(cells["made"].unique()).index(made)


def layer_alpha(summary: pd.DataFrame, budget: float, chosen: pd.DataFrame | None = None) -> Shown:
    """Share of texts with the emotion asked for, by layer and strength; cells beyond the budget are crossed out.

    Parameters
    ----------
    summary
        From :func:`~emotion_utils.steering.trials.sweep_summary`, with the cost; one kind of vector and window of each
        emotion. Layers stand in even rows, however far apart they are.
    budget
        Largest cost.
    chosen
        Rows of `summary` that are outlined.
    """
    emotions = list(summary["emotion"].unique())
    figure, places = panels(emotions)
    alphas = [f"{alpha:g}" for alpha in sorted(summary["alpha"].unique())]
    layers = [str(layer) for layer in sorted(summary["layer"].unique())]
    for place, emotion in zip(places, emotions, strict=True):
        rows = summary[summary["emotion"] == emotion]
        shares, costs = (rows.pivot(index="layer", columns="alpha", values=v) for v in ("share", "cost"))
        figure.add_heatmap(
            z=shares.to_numpy(), x=[f"{alpha:g}" for alpha in shares.columns], y=[str(at) for at in shares.index],
            name=emotion, zmin=0, zmax=1, colorscale=SEQUENTIAL, showscale=place == (1, 1),
            colorbar={"title": "share"}, customdata=costs.to_numpy(),
            hovertemplate="layer %{y}, alpha %{x}: share %{z:.2f}, cost %{customdata:.2f}<extra></extra>",
            row=place[0], col=place[1],
        )  # fmt: skip
        dear = rows[rows["cost"] > budget]
        _marks(figure, dear, place, f"costs more than {budget:g} times genuine replies", {
            "symbol": "x-thin-open", "size": 9, "color": "#D55E00", "line": {"width": 1.6}})  # fmt: skip
        if chosen is not None:
            _marks(figure, chosen[chosen["emotion"] == emotion], place, "chosen", {
                "symbol": "square-open", "size": 18, "color": PALETTE[0], "line": {"width": 3}})  # fmt: skip
    figure.update_annotations(font_size=12, yshift=-3)
    figure.update_xaxes(
        title="alpha", type="category", categoryorder="array", categoryarray=alphas, tickangle=-90
    )
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=layers)
    figure.update_yaxes(title="layer", col=1)
    within = (
        summary[(summary["cost"] <= budget) & (summary["alpha"] > 0)]
        .groupby("emotion", sort=False)["share"]
        .max()
    )
    alt = "Largest share within the budget: " + "; ".join(f"{e} {v:.0%}" for e, v in within.items()) + "."
    return show(
        figure,
        alt=alt,
        title="Texts that say the emotion, by layer and strength",
        data=summary,
        height=height_of(places, 420),
    )


def _marks(
    figure: go.Figure, rows: pd.DataFrame, place: tuple[int, int], name: str, marker: dict[str, object]
) -> None:
    figure.add_scatter(
        x=[f"{alpha:g}" for alpha in rows["alpha"]], y=[str(layer) for layer in rows["layer"]], mode="markers",
        hoverinfo="skip", name=name, legendgroup=name, showlegend=place == (1, 1), marker=marker,
        row=place[0], col=place[1],
    )  # fmt: skip


def frontier(summary: pd.DataFrame, budget: float, goal: float) -> Shown:
    """Gain against cost of every setting; a line joins those that no other one beats in both.

    Parameters
    ----------
    summary
        From :func:`~emotion_utils.steering.trials.sweep_summary`.
    budget, goal
        Where a strong vector lies: to the left of one and above the other.
    """
    figure = go.Figure()
    strong = summary[summary["alpha"] > 0]
    colours, symbols = label_colours(strong["emotion"].unique()), symbols_of(strong["emotion"])
    for emotion, rows in strong.groupby("emotion", sort=False):
        colour, symbol = colours[str(emotion)], symbols[str(emotion)]
        figure.add_scatter(
            x=rows["cost"], y=rows["share"], mode="markers", name=str(emotion),
            marker={"color": colour, "symbol": symbol, "size": 9, "opacity": 0.6},
            text=[f"{r.made}, {r.where}, layer {r.layer}, alpha {r.alpha:g}" for r in rows.itertuples()],
        )  # fmt: skip
        best = unbeaten(rows)
        figure.add_scatter(
            x=best["cost"], y=best["share"], mode="lines", showlegend=False, hoverinfo="skip",
            line={"color": colour, "shape": "hv", "width": 1.5},
        )  # fmt: skip
    figure.add_vline(x=budget, line_dash="dash", line_color=GREY, annotation_text="budget")
    figure.add_hline(y=goal, line_dash="dot", line_color=GREY, annotation_text="goal")
    lowest, dear = strong["cost"].min(), int((strong["cost"] > DEAREST).sum())
    scale = [np.log10(0.9 * min(lowest, 1.0)), np.log10(DEAREST)]
    figure.update_xaxes(title="perplexity / that of genuine replies (log scale)", type="log", range=scale)
    figure.update_yaxes(title="share of texts with the emotion", range=[-0.03, 1.05])
    good = (
        strong[(strong["cost"] <= budget) & (strong["share"] >= goal)].groupby("emotion", sort=False).size()
    )
    listed = ", ".join(f"{emotion} {good.get(emotion, 0)}" for emotion in strong["emotion"].unique())
    alt = f"Settings that reach the goal within the budget: {listed}."
    note = (
        f"Settings that cost more than {DEAREST:g}, here {dear} of {len(strong)}, lie outside to the right."
    )
    return show(
        figure, alt=alt, title="What steering gains and what it costs", caption=note, data=strong, height=460
    )


def unbeaten(rows: pd.DataFrame) -> pd.DataFrame:
    """The settings that no other one beats in both share and cost, by cost."""
    ordered = rows.dropna(subset=["cost"]).sort_values(["cost", "share"], ascending=[True, False])
    return ordered[ordered["share"] > ordered["share"].cummax().shift(fill_value=-1.0)]

"""Figures of the chapter on scaling: scores by the length of states, by parameters, by layer and by depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_utils.figures.alignment import short
from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import GREY, PALETTE, SEQUENTIAL, error_bars
from emotion_utils.statistics.permutations import LEVEL

BAND = "rgba(140, 140, 140, 0.25)"
SOUND = {"r2": "held-out R²", "overlap": "overlap", "probe": "transferred probe"}
"""Scores of :func:`emotion_utils.alignment.align.align`, as a reader calls them."""
DASHES = ("dot", "dash", "dashdot")
LEAST = 1e-7
"""Where a logarithmic axis ends."""


def _band(figure: go.Figure, x: pd.Series, low: pd.Series, high: pd.Series, name: str, **at: object) -> None:
    """A grey area between two lines."""
    figure.add_scatter(
        x=[*x, *x[::-1]], y=[*high, *low[::-1]], mode="lines", line={"width": 0}, fill="toself", fillcolor=BAND,
        name=name, hoverinfo="skip", **at,
    )  # fmt: skip


def by_length(table: pd.DataFrame, pair: str) -> Shown:
    """The published score as the target's states are made longer, for true and wrong pairs, beside the sound scores.

    Parameters
    ----------
    table
        From :meth:`emotion_utils.wider.lengths.Sweep.table`.
    pair
        The two models.
    """
    x, figure = table["ratio"], go.Figure()
    low, high = (table[end].clip(lower=LEAST) for end in ("permuted_low", "permuted_high"))
    _band(figure, x, low, high, "wrong pairs, middle 95 %")
    figure.add_scatter(
        x=x, y=table["permuted"], mode="lines", name="wrong pairs, mean", line={"color": GREY, "dash": "dash"}
    )
    figure.add_scatter(
        x=x, y=table["after"], mode="lines", name="published score", line={"color": PALETTE[3], "width": 3}
    )
    for (score, name), dash in zip(SOUND.items(), DASHES, strict=True):
        figure.add_scatter(
            x=x, y=table[score], mode="lines", name=f"sound: {name}", line={"color": PALETTE[0], "dash": dash}
        )
    marked = table[table["mark"] != ""]
    figure.add_scatter(
        x=marked["ratio"], y=marked["after"], mode="markers+text", text=marked["mark"], textposition="middle right",
        showlegend=False, marker={"color": PALETTE[3], "size": 10},
        hovertemplate="%{text}: %{y:.4f}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="length of the target's states, over the source's", type="log")
    figure.update_yaxes(
        title="score",
        type="log",
        exponentformat="power",
        range=[np.log10(max(table["after"].min() / 2, LEAST)), 0.1],
    )
    ends = table["after"].agg(["min", "max"])
    alt = (
        f"Curves by the length of the target's states: the published score falls from {ends['max']:.2f} to "
        f"{ends['min']:.1e}, and with wrong pairs from {table['permuted'].max():.2f} to {table['permuted'].min():.1e}; "
        + ", ".join(f"{name} stays at {table[score].iloc[0]:.2f}" for score, name in SOUND.items())
        + "."
    )
    title = f"{pair}: the published score by the length of states runs from {ends['min']:.1e} to {ends['max']:.2f}"
    return show(figure, alt=alt, title=title, data=table, height=460)


def beside_reports(scores: Mapping[str, pd.DataFrame], reported: Mapping[str, pd.DataFrame]) -> Shown:
    """The score after the map by layer: ours and wrong pairs, and the values that the reports print for their models.

    Parameters
    ----------
    scores
        By a few words for the panel, from :meth:`emotion_utils.wider.layers.LayerScores.table`.
    reported
        Columns ``layer, after``, in the same order.
    """
    titles = [f"{pair}<br>({model})" for pair, _, model in (name.partition(", for ") for name in scores)]
    figure = make_subplots(
        cols=len(titles), shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.05
    )
    for i, (own, theirs) in enumerate(zip(scores.values(), reported.values(), strict=True)):
        at = {"row": 1, "col": i + 1, "showlegend": i == 0}
        figure.add_scatter(
            x=theirs["layer"], y=theirs["after"], name="reports (their model)", mode="markers",
            marker={"symbol": "x", "size": 9, "color": PALETTE[1]}, legendgroup="theirs", **at,
        )  # fmt: skip
        figure.add_scatter(
            x=own["layer"], y=own["permuted"], name="wrong pairs, mean to 95th percentile", mode="markers",
            marker={"symbol": "diamond", "size": 9, "color": GREY}, legendgroup="wrong",
            error_y={"array": own["permuted_high"] - own["permuted"], "arrayminus": 0 * own["permuted"]}, **at,
        )  # fmt: skip
        figure.add_scatter(
            x=own["layer"], y=own["after"], name="ours", mode="markers", legendgroup="ours",
            marker={"size": 9, "color": PALETTE[0]}, **at,
        )  # fmt: skip
        figure.update_xaxes(title="layer", dtick=4, tickangle=0, row=1, col=i + 1)
    figure.update_yaxes(type="log", dtick=1, exponentformat="power")
    figure.update_yaxes(title="score after the map", col=1)
    figure.update_annotations(font_size=12)
    tested = pd.concat(scores.values())
    above = int((tested["p"] <= LEVEL).sum())
    alt = (
        f"Dots by layer, pairs of models: {len(titles)}; ours from {tested['after'].min():.2g} to "
        f"{tested['after'].max():.2g}, wrong pairs from {tested['permuted'].min():.2g} to "
        f"{tested['permuted'].max():.2g}; {above} of {len(tested)} "
        f"layers have p of {LEVEL:g} or less."
    )
    data = pd.concat(dict(scores), names=["pair"]).reset_index("pair")
    title = f"Wrong pairs reach the score after the map at {len(tested) - above} of {len(tested)} layers"
    caption = "In brackets: the model of the reports that this one stands for."
    return show(figure, alt=alt, title=title, caption=caption, data=data, height=420)


def by_parameters(curve: pd.DataFrame, reference: str) -> Shown:
    """Similarity with the reference model by the number of parameters, one panel per recipe.

    Parameters
    ----------
    curve
        From :func:`emotion_utils.scaling.curves.scaling_curve`.
    reference
        The model that all are compared with.
    """
    recipes = list(dict.fromkeys(curve["recipe"]))
    figure = make_subplots(
        cols=len(recipes), shared_yaxes=True, subplot_titles=recipes, horizontal_spacing=0.05
    )
    for i, recipe in enumerate(recipes):
        own, at = curve[curve["recipe"] == recipe], {"row": 1, "col": i + 1, "showlegend": i == 0}
        null = {"array": own["null_high"] - own["null"], "arrayminus": 0 * own["null"]}
        figure.add_scatter(
            x=own["parameters"], y=own["null"], error_y=null, mode="markers", name="labels permuted, to 95 %",
            marker={"symbol": "diamond", "size": 9, "color": GREY}, legendgroup="null", **at,
        )  # fmt: skip
        figure.add_scatter(
            x=own["parameters"], y=own["partial"], mode="markers", name="given the words", legendgroup="partial",
            marker={"symbol": "circle-open", "size": 11, "color": PALETTE[2]}, **at,
        )  # fmt: skip
        figure.add_scatter(
            x=own["parameters"], y=own["value"], error_y=error_bars(own), mode="markers", name="similarity",
            marker={"size": 11, "color": PALETTE[0]}, text=own["one"], legendgroup="value",
            hovertemplate="%{text}: %{y:.2f}<extra></extra>", **at,
        )  # fmt: skip
        figure.update_xaxes(title="parameters", type="log", row=1, col=i + 1)
    figure.update_yaxes(title=f"similarity with {reference}", col=1)
    raw = curve[curve["recipe"] == recipes[0]]
    each = ", ".join(
        f"{r.one} {r.value:.2f}, labels permuted up to {r.null_high:.2f}" for r in raw.itertuples()
    )
    alt = f"Dots by parameters: {each}."
    above = int((raw["low"] > raw["null_high"]).sum())
    title = f"{above} of {len(raw)} models agree with {reference} beyond permuted labels"
    caption = "Intervals leave out one emotion each time. A hollow dot: what is left given the words of the stories."
    return show(figure, alt=alt, title=title, caption=caption, data=curve, height=440)


def by_depth(depths: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> Shown:
    """Similarity of all layers of two models by relative depth, a row per pair and a column per recipe.

    Parameters
    ----------
    depths
        From :func:`emotion_utils.scaling.geometry.depth_map`.
    pairs
        Which are shown.
    """
    recipes = list(dict.fromkeys(depths["recipe"]))
    titles = [f"{one} and {other}, {recipe}" for one, other in pairs for recipe in recipes]
    figure = make_subplots(
        rows=len(pairs), cols=len(recipes), subplot_titles=titles, vertical_spacing=0.2 / len(pairs)
    )
    for i, (one, other) in enumerate(pairs):
        for j, recipe in enumerate(recipes):
            own = depths[(depths["one"] == one) & (depths["other"] == other) & (depths["recipe"] == recipe)]
            grid = own.pivot(index="depth_one", columns="depth_other", values="value")
            figure.add_heatmap(
                z=grid.to_numpy(), x=grid.columns.round(2), y=grid.index.round(2), coloraxis="coloraxis",
                hovertemplate=f"{one} %{{y}}, {other} %{{x}}: %{{z:.2f}}<extra></extra>", row=i + 1, col=j + 1,
            )  # fmt: skip
            figure.update_xaxes(title=f"depth in {other}", row=i + 1, col=j + 1)
            figure.update_yaxes(title=f"depth in {one}", row=i + 1, col=j + 1)
    figure.update_layout(
        coloraxis={"colorscale": SEQUENTIAL, "cmin": 0, "cmax": 1, "colorbar": {"title": {"text": "RSA"}}}
    )
    figure.update_annotations(font_size=12)
    told = depths.groupby("recipe", sort=False)["value"].median()
    alt = (
        f"Heat maps by depth: the median similarity is {', '.join(f'{told[r]:.2f} ({r})' for r in recipes)}."
    )
    title = f"Layers agree by {', '.join(f'{told[r]:.2f} ({r})' for r in recipes)} in the median"
    return show(figure, alt=alt, title=title, data=depths, height=120 + 260 * len(pairs))


def transfer(shares: pd.DataFrame, mapped: str) -> Shown:
    """What a mapped vector and its rivals reach, as a share of what the target's own vector reaches.

    Parameters
    ----------
    shares
        Rows of one outcome and the mean of the emotions, from
        :func:`emotion_utils.scaling.transfer_findings.shares`.
    mapped
        The arm of the mapped vector; all others are its rivals.
    """
    labels = shares["source"].map(short) + " to " + shares["target"].map(short) + ", " + shares["map"]
    own, figure = shares.assign(pair=labels), go.Figure()
    looks = {arm: (PALETTE[0] if arm == mapped else GREY) for arm in dict.fromkeys(own["arm"])}
    symbols = ("circle", "diamond", "square", "cross", "triangle-up", "x", "star")
    for (arm, colour), symbol in zip(looks.items(), symbols, strict=False):
        rows = own[own["arm"] == arm]
        figure.add_scatter(
            x=rows["share"], y=rows["pair"], mode="markers", name=arm,
            marker={"color": colour, "symbol": symbol, "size": 10},
            error_x={
                "array": rows["high"] - rows["share"], "arrayminus": rows["share"] - rows["low"], "thickness": 1.2
            },
        )  # fmt: skip
    figure.add_vline(x=1, line={"color": GREY, "dash": "dot"})
    figure.update_xaxes(title="share of what the target's own vector reaches", tickformat=".0%")
    figure.update_yaxes(title="source to target, map", autorange="reversed")
    told = own.groupby("arm", sort=False)["share"].mean()
    each = ", ".join(f"{arm} {value:.0%}" for arm, value in told.items())
    alt = f"Dots: {each}, means over {own['pair'].nunique()} rows."
    most = told.drop(mapped).max()
    title = f"Mapped vectors reach {told[mapped]:.0%} of the own effect on average, rivals up to {most:.0%}"
    return show(figure, alt=alt, title=title, data=shares, height=200 + 50 * own["pair"].nunique())

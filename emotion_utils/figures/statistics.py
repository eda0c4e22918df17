"""Figures of the chapter on statistics."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import GREY, PALETTE, emotion_colour, error_bars
from emotion_utils.statistics.permutations import LEVEL

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x")
ROW = 40
BIN = 0.05
"""Width of a bar of p values, which is also what it holds where nothing has an effect."""


def forest(table: pd.DataFrame, smallest: float, title: str) -> Shown:
    """Effect sizes with intervals, each with its name above, controls in grey, the region of no interest shaded.

    Parameters
    ----------
    table
        Columns ``name, chapter, d_z, d_low, d_high, is_control``, in the order of the rows.
    smallest
        The smallest effect of interest, in standard deviations.
    title
    """
    figure, told = go.Figure(), []
    for i, (chapter, rows) in enumerate(table.groupby("chapter", sort=False)):
        for control, part in rows.groupby("is_control", sort=False):
            ends = part[["d_z"]].assign(low=part["d_low"], high=part["d_high"])
            figure.add_scatter(
                x=part["d_z"], y=part["name"], mode="markers", error_x=error_bars(ends, "d_z"),
                name=f"{chapter}, controls" if control else str(chapter),
                marker={"color": GREY if control else PALETTE[i % 5], "symbol": SYMBOLS[i % 5], "size": 8},
                hovertemplate="%{y}: d = %{x:.2f}<extra></extra>",
            )  # fmt: skip
            clear = (part["d_low"] > 0) | (part["d_high"] < 0)
            told.append(
                f"{chapter}{', controls' if control else ''}: {int(clear.sum())} of {len(part)} exclude 0"
            )
    figure.add_vrect(x0=-smallest, x1=smallest, fillcolor=GREY, opacity=0.15, line_width=0)
    figure.add_vline(x=0, line={"color": GREY, "dash": "dash"})
    figure.update_xaxes(title="d<sub>z</sub>, 95 % interval")
    for name in dict.fromkeys(table["name"]):
        figure.add_annotation(
            x=0, xref="x domain", y=name, text=name, showarrow=False, xanchor="left", yshift=13, font={"size": 11},
        )  # fmt: skip
    figure.update_yaxes(
        title="effect, named above its mark", autorange="reversed", dtick=1, showticklabels=False
    )
    height = 170 + ROW * table["name"].nunique()
    figure.update_layout(legend={"y": -70 / height})
    return show(
        figure, alt=f"Intervals of effects. {'; '.join(told)}.", title=title, data=table, height=height
    )


def p_values(table: pd.DataFrame) -> Shown:
    """Histograms of single p values, a panel per chapter, effects and controls, with what no effect at all would give.

    Parameters
    ----------
    table
        Columns ``chapter, p, is_control``.
    """
    chapters = list(dict.fromkeys(table["chapter"]))
    figure, told = make_subplots(cols=len(chapters), shared_yaxes=True, horizontal_spacing=0.06), []
    bins = {"start": 0, "end": 1.0001, "size": BIN}
    for column, chapter in enumerate(chapters, 1):
        for control, name, colour in ((False, "effects", PALETTE[0]), (True, "controls", PALETTE[1])):
            own = table[(table["chapter"] == chapter) & (table["is_control"] == control)]["p"].dropna()
            if own.empty:
                continue
            figure.add_histogram(
                x=own, name=name, legendgroup=name, showlegend=column == 1, xbins=bins, histnorm="probability",
                marker_color=colour, opacity=0.65, row=1, col=column,
            )  # fmt: skip
            told.append(f"{chapter} {name} {np.mean(own <= LEVEL):.0%} of {len(own)} at {LEVEL} or less")
        figure.add_hline(y=BIN, line={"color": GREY, "dash": "dash"}, row=1, col=column)
        figure.update_xaxes(title=f"{chapter}<br>p, alone", row=1, col=column)
    figure.update_layout(barmode="overlay", legend={"y": -0.42})
    figure.update_yaxes(tickformat=".0%").update_yaxes(title="share of tests", col=1)
    shown = table[["chapter", "is_control", "p"]]
    return show(figure, alt=f"{'; '.join(told)}.", title="P values of all tests", data=shown, height=360)


def ranked(table: pd.DataFrame, alpha: float, title: str) -> Shown:
    """Sorted p values of one family with the lines of Benjamini-Hochberg and Holm: findings lie below.

    Parameters
    ----------
    table
        Columns ``name, p``.
    alpha
        Level.
    title
    """
    rows = table.dropna(subset=["p"]).sort_values("p", kind="stable").reset_index(drop=True)
    n, rank = len(rows), np.arange(1, len(rows) + 1)
    figure = go.Figure()
    figure.add_scatter(
        x=rank, y=rows["p"], mode="markers", name="tests", text=rows["name"], marker={"color": PALETTE[0], "size": 7},
        hovertemplate="%{text}: p = %{y:.4f}<extra></extra>",
    )  # fmt: skip
    lines = {
        "Benjamini-Hochberg": alpha * rank / n,
        "Holm": alpha / (n - rank + 1),
        "none": np.full(n, alpha),
    }
    for i, (name, line) in enumerate(lines.items()):
        look = {"color": PALETTE[1 + i], "dash": ("solid", "dash", "dot")[i]}
        figure.add_scatter(x=rank, y=line, mode="lines", name=name, line=look)
    figure.update_xaxes(title="rank of the p value").update_yaxes(title="p (logarithmic)", type="log")
    below = np.flatnonzero(rows["p"].to_numpy() <= lines["Benjamini-Hochberg"])
    found = int(below.max()) + 1 if len(below) else 0
    alt = f"{int((rows['p'] <= alpha).sum())} of {n} p values at {alpha} or less; {found} pass Benjamini-Hochberg."
    return show(figure, alt=alt, title=title, data=rows[["name", "p"]], height=400)


def power_curves(table: pd.DataFrame, wanted: float, n_reports: int) -> Shown:
    """Power by the number of independent pairs, a line per effect size.

    Parameters
    ----------
    table
        Columns ``d, n, power``.
    wanted
        Power to mark.
    n_reports
        Number of pairs to mark.
    """
    figure, told = go.Figure(), []
    for i, (d, rows) in enumerate(table.groupby("d")):
        figure.add_scatter(
            x=rows["n"], y=rows["power"], name=f"d = {d:g}", line={"color": PALETTE[i % len(PALETTE)]}
        )
        at = np.interp(n_reports, rows["n"], rows["power"])
        told.append(f"d = {d:g} {at:.0%}")
    figure.add_hline(y=wanted, line={"color": GREY, "dash": "dot"}, annotation_text=f"{wanted:.0%}")
    figure.add_vline(x=n_reports, line={"color": GREY, "dash": "dash"}, annotation_text="the reports")
    figure.update_xaxes(title="independent pairs").update_yaxes(
        title="chance to find the effect", tickformat=".0%"
    )
    alt = f"Power at {n_reports} pairs: {', '.join(told)}."
    return show(figure, alt=alt, title="What a paired design finds", data=table, height=400)


def k_overlap(table: pd.DataFrame, reports: pd.DataFrame, title: str) -> Shown:
    """Overlap by k after resampling prompts, beside random subspaces; the reports' values as crosses, at their width.

    Parameters
    ----------
    table
        From `overlap_by_k.by_k`, in times the chance of its width: ``emotion, k, ratio, low, high, chance_low,
        chance_high``.
    reports
        Columns ``emotion, k, ratio``.
    title
    """
    figure, told = go.Figure(), []
    ks = [f"k = {k}" for k in dict.fromkeys(table["k"])]
    band = table.drop_duplicates("k")
    figure.add_bar(
        x=ks, base=band["chance_low"], y=band["chance_high"] - band["chance_low"], name="random subspaces, 95 %",
        marker={"color": GREY, "opacity": 0.3},
    )  # fmt: skip
    for i, (emotion, rows) in enumerate(table.groupby("emotion", sort=False)):
        look = {"color": emotion_colour(str(emotion)), "size": 9, "symbol": SYMBOLS[i % 5]}
        bars = error_bars(rows, "ratio")
        figure.add_scatter(
            x=ks, y=rows["ratio"], name=str(emotion), mode="markers", error_y=bars, marker=look
        )
        own = reports[reports["emotion"] == emotion]
        figure.add_scatter(
            x=[f"k = {k}" for k in own["k"]], y=own["ratio"], name=f"{emotion}, reports", mode="markers",
            marker={**look, "symbol": "x-thin", "line": {"width": 2, "color": look["color"]}},
        )  # fmt: skip
        told.append(f"{emotion} {', '.join(f'{value:.2f}' for value in rows['ratio'])}")
    figure.update_layout(scattermode="group", scattergap=0.5)
    figure.update_xaxes(title="dimensions").update_yaxes(
        title="overlap, in times chance (1/d)", rangemode="tozero"
    )
    alt = f"Means of resamples for {', '.join(ks)}: {'; '.join(told)}."
    return show(figure, alt=alt, title=title, data=table, height=440)

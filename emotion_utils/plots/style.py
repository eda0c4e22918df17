"""Colours that colour-blind readers can tell apart, and the Plotly template that uses them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import plotly.graph_objects as go

# Okabe and Ito (2008), ordered so that neighbours differ in lightness too; black and yellow are left out because
# one of them vanishes on either a dark or a light page.
PALETTE = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C8C8C"]

GREY = PALETTE[-1]
"""Of nulls, goals and controls."""

EMOTION_COLOURS = {
    "gratitude": "#009E73",
    "anger": "#D55E00",
    "apology": "#3A8FD0",
    "neutral": GREY,
}

MOST = 6
"""Labels that a figure can tell apart by colour."""

SEQUENTIAL = "Cividis"

# Blue to orange through a light grey: safe for the three common kinds of colour blindness.
DIVERGING = [[0.0, "#0B5C97"], [0.25, "#7FB3D9"], [0.5, "#EFEFEF"], [0.75, "#EBB07C"], [1.0, "#B34C00"]]

LAYER = "layer (0 is the first block)"

FONT = (
    '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif'
)


def emotion_colour(emotion: str) -> str:
    """The colour of an emotion on every page; other labels get a stable colour of the palette."""
    if emotion in EMOTION_COLOURS:
        return EMOTION_COLOURS[emotion]
    return PALETTE[sum(emotion.encode()) % len(PALETTE)]


def label_colours(labels: Iterable[str]) -> dict[str, str]:
    """A colour for each label, no two alike as long as there are at most :data:`MOST`.

    Parameters
    ----------
    labels
        Of a figure, each once.
    """
    labels = list(labels)
    found = {label: EMOTION_COLOURS[label] for label in labels if label in EMOTION_COLOURS}
    free = [colour for colour in PALETTE if colour not in found.values()]
    others = [label for label in labels if label not in found]
    if len(others) > len(free):
        return found | {label: emotion_colour(label) for label in others}
    return {label: (found | dict(zip(others, free, strict=False)))[label] for label in labels}


def error_bars(rows: pd.DataFrame, column: str = "value") -> dict[str, Any]:
    """Error bars from ``column`` to ``low`` and ``high``; a value outside its interval has none on that side."""
    up, down = (rows["high"] - rows[column]).clip(lower=0), (rows[column] - rows["low"]).clip(lower=0)
    return {"array": up, "arrayminus": down, "thickness": 1.2, "width": 3}


def add_line(
    figure: go.Figure, x: Any, y: Any, name: object, bars: dict[str, Any] | None = None, **line: Any
) -> None:
    """Draw points joined by a line, with upright error bars; ``line`` has its colour and dashes."""
    figure.add_scatter(x=x, y=y, name=str(name), mode="lines+markers", error_y=bars, line=line)


def add_dots(
    figure: go.Figure, x: Any, y: Any, name: object, bars: dict[str, Any] | None = None, **marker: Any
) -> None:
    """Draw points with error bars along the x axis; ``marker`` has their colour, symbol and size."""
    figure.add_scatter(x=x, y=y, name=str(name), mode="markers", error_x=bars, marker=marker)


def layer_axis(figure: go.Figure, n_layers: int) -> None:
    """Name the x axis of a figure by layer, with a tick for each as long as they are few."""
    figure.update_xaxes(title=LAYER, dtick=1 if n_layers < 16 else None)


def template() -> go.layout.Template:
    """The house style: quiet grid, no box, legend below, margins that grow with their labels."""
    axis = {
        "automargin": True,
        "gridcolor": "#E3E5E8",
        "zerolinecolor": "#C3C7CC",
        "linecolor": "#C3C7CC",
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "#C3C7CC",
        "title": {"standoff": 10},
    }
    bar = {"thickness": 14, "outlinewidth": 0, "title": {"side": "right"}}
    return go.layout.Template(
        data={"heatmap": [{"colorbar": bar}], "scatter": [{"line": {"width": 2.4}}]},
        layout={
            "colorway": PALETTE,
            "font": {"family": FONT, "size": 13, "color": "#2B2F36"},
            "paper_bgcolor": "#FFFFFF",
            "plot_bgcolor": "#FFFFFF",
            "xaxis": axis,
            "yaxis": axis,
            "colorscale": {"sequential": SEQUENTIAL, "diverging": DIVERGING},
            "hoverlabel": {"font": {"family": FONT, "size": 13}},
            "legend": {"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0, "title": {"text": ""}},
            "margin": {"l": 56, "r": 16, "t": 24, "b": 48},
            "bargap": 0.25,
        },
    )

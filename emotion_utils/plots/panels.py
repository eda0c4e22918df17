"""A panel beside the other for each model of a table, with one legend for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_utils.plots.style import error_bars

Panel = tuple[str, pd.DataFrame, dict[str, int]]
"""A model, its rows, and where its panel is."""
POINTS = 64
"""Of a line that is drawn for every layer of several models: a page has to be loaded."""


def panels(table: pd.DataFrame) -> tuple[go.Figure, list[Panel]]:
    """A figure with a panel for each model.

    Parameters
    ----------
    table
        With a column ``model`` of names for readers, such as "small-gpt2, small world".
    """
    models = list(dict.fromkeys(table["model"]))
    figure = make_subplots(
        cols=len(models), subplot_titles=headings(models), shared_yaxes=True, horizontal_spacing=0.04
    )
    figure.update_annotations(font_size=12)
    return figure, [(m, table[table["model"] == m], {"row": 1, "col": i + 1}) for i, m in enumerate(models)]


def headings(models: list[str]) -> list[str]:
    """Names of models in two lines, for panels that are narrow."""
    return [model.replace(", ", "<br>", 1) for model in models]


def dots(
    figure: go.Figure,
    x: Any,
    y: Any,
    name: str,
    at: Mapping[str, int],
    marker: Mapping[str, Any],
    **more: Any,
) -> None:
    """Draw markers in one panel; ``more`` has error bars and texts."""
    look = {"size": 10, "line": {"width": 2}} | dict(marker)
    figure.add_scatter(x=x, y=y, mode="markers", marker=look, **more, **in_legend(name, at))


def in_legend(name: str, at: Mapping[str, int]) -> dict[str, Any]:
    """Name and place of a trace that stands in the legend once, from the first panel."""
    first = at["col"] == 1 and at["row"] == 1
    return {"name": name, "legendgroup": name, "showlegend": first, **at}


def to_95(mean: pd.Series, high: pd.Series) -> dict[str, Any]:
    """Error bars of a null, from its mean to its 95th percentile."""
    return {"array": (high - mean).clip(lower=0), "arrayminus": 0 * mean, "thickness": 1.2, "width": 3}


def middle_95(rows: pd.DataFrame, column: str = "null") -> dict[str, Any]:
    """Error bars of a null over its middle 95 %, from columns such as ``null, null_low, null_high``."""
    names = [column, f"{column}_low", f"{column}_high"]
    return error_bars(rows[names].set_axis(["value", "low", "high"], axis=1))


def thinned(table: pd.DataFrame, column: str = "position", most: int = POINTS) -> pd.DataFrame:
    """Rows at equal steps along a column of whole numbers from 1 on, at most so many of each model's longest line."""
    step = np.ceil(table.groupby("model")[column].transform("max") / most)
    return table[(table[column] - 1) % step == 0]

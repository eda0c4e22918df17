"""`show`: the one door through which every figure goes."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from emotion_utils.core.errors import UserError
from emotion_utils.plots.figure_data import data_of
from emotion_utils.plots.markup import compact, figure_html, json_block
from emotion_utils.plots.style import template

PLOTLY_MIME = "application/vnd.plotly.v1+json"
CONFIG = {
    "responsive": True,
    "displaylogo": False,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "sendChartToCloud"],
}
"""The toolbar appears when a reader points at a figure, and sends nothing anywhere."""
BAR = 30
"""Pixels above a plot that are left to the toolbar, so that it covers no title and no data."""

# Traces that stand on an x and a y axis, whose units a reader needs.
CARTESIAN = {"scatter", "scattergl", "bar", "box", "violin", "histogram", "heatmap", "histogram2d", "contour"}


class Shown:
    """Something to display: HTML for the book, Plotly data for JupyterLab, a sentence for a terminal."""

    def __init__(self, markup: str, alt: str, title: str, figure: dict[str, Any] | None = None) -> None:
        self.markup = markup
        self.alt = alt
        self.title = title
        self.figure = figure

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": repr(self), "text/html": self.markup}
        if self.figure is not None:
            bundle[PLOTLY_MIME] = self.figure
        return bundle

    def __repr__(self) -> str:
        return f"{self.title}: {self.alt}"


def require_text(value: Any, what: str, where: str) -> str:
    """The stripped text, or a `UserError` that says which text is missing and where."""
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where} needs {what}, but got {value!r}: pass a sentence.")
    return value.strip()


def show(
    figure: go.Figure,
    *,
    alt: str,
    title: str | None = None,
    caption: str = "",
    data: pd.DataFrame | None = None,
    height: int = 420,
) -> Shown:
    """Prepare a Plotly figure for a page.

    Parameters
    ----------
    figure
        Any Plotly figure; its axes must have titles, with units where they have any. It is left unchanged.
    alt
        What a reader who cannot see the figure should know of it; required.
    title
        A short title; by default the figure's own.
    caption
        A sentence below the figure: what to look for.
    data
        The table behind the figure; by default it is read from the figure's traces.
    height
        In pixels.

    Returns
    -------
    Shown
        To be the last value of a cell, or glued.

    Raises
    ------
    UserError
        Without alt text, title, data or axis titles.

    Examples
    --------
    >>> import plotly.graph_objects as go
    >>> import emotion_utils as eu
    >>> figure = go.Figure(go.Scatter(x=[0, 1], y=[2.0, 1.5])).update_layout(title="Loss")
    >>> figure = figure.update_xaxes(title="step").update_yaxes(title="loss (nats)")
    >>> eu.show(figure, alt="The loss falls from 2 to 1.5.")
    Loss: The loss falls from 2 to 1.5.
    """
    title = require_text(title or figure.layout.title.text, "a title", "A figure")
    alt = require_text(alt, "alt text", f"The figure {title!r}")
    _require_axis_titles(figure, title)
    styled = go.Figure(figure).update_layout(template=template(), height=height)
    named = {
        "text": title,
        "font": {"size": 16},
        "x": 0,
        "xref": "paper",
        "yanchor": "top",
        "pad": {"t": BAR},
    }
    styled.update_layout(title=named, margin_t=64 + BAR)
    spec = compact(styled.to_plotly_json())
    spec["config"] = CONFIG
    table = data if data is not None else data_of(figure)
    markup = figure_html(_plot(spec, alt, height), title=title, caption=caption, data=table)
    return Shown(markup, alt, title, spec)


def _require_axis_titles(figure: go.Figure, title: str) -> None:
    if not len(figure.data):
        raise UserError(f"The figure {title!r} has no data: add at least one trace.")
    for trace in figure.data:
        if trace.type not in CARTESIAN:
            continue
        for letter in "xy":
            number = (getattr(trace, f"{letter}axis", None) or letter)[1:]
            axis = figure.layout[f"{letter}axis{number}"]
            named = axis.title.text or axis.visible is False or axis.showticklabels is False or axis.matches
            if not named:
                raise UserError(
                    f"The figure {title!r} has no title on its {letter} axis{number and ' ' + number}: "
                    f"say what it shows and in which unit, as in update_{letter}axes(title='loss (nats per token)')."
                )


def _plot(spec: dict[str, Any], alt: str, height: int) -> str:
    text = html.escape(alt)
    page = {**spec, "layout": {key: value for key, value in spec["layout"].items() if key != "title"}}
    page["layout"]["margin"] = {"t": BAR}
    return (
        f'<div class="emo-plot" data-draw="plotly" role="img" aria-label="{text}" style="min-height:{height}px">'
        f'{json_block(page)}<p class="emo-alt">{text}</p></div>'
    )

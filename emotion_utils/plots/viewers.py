"""Token and attention viewers: CircuitsVis in the book, plain HTML and Plotly everywhere else."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from emotion_utils.core.errors import UserError
from emotion_utils.plots.figure import CONFIG, Shown, require_text
from emotion_utils.plots.markup import compact, figure_html, json_block
from emotion_utils.plots.style import SEQUENTIAL, template

POSITIVE, NEGATIVE = "#3A8FD0", "#E08A3C"
DECIMALS = 3
LARGEST = 200  # attention weights listed in the table behind the viewer


def tokens(words: Sequence[str], values: Any, *, alt: str, title: str, value_name: str = "value") -> Shown:
    """A text whose tokens are coloured by value: blue above zero, orange below, paler towards zero.

    Parameters
    ----------
    words
        The tokens as text, spaces included.
    values
        One finite number per token.
    alt, title
        As in `show`.
    value_name
        What the number is, with its unit, for the table behind.
    """
    title = require_text(title, "a title", "A token viewer")
    alt = require_text(alt, "alt text", f"The token viewer {title!r}")
    numbers = np.asarray(values, dtype=float)
    if numbers.shape != (len(words),):
        raise UserError(
            f"The token viewer {title!r} got {len(words)} tokens and values of shape {numbers.shape}: pass one each."
        )
    _require_finite(numbers, title)
    numbers = np.round(numbers, DECIMALS)
    bound = float(np.abs(numbers).max(initial=0.0)) or 1.0
    props = {"tokens": list(words), "values": numbers.tolist(), "minValue": -bound, "maxValue": bound}
    props |= {"positiveColor": POSITIVE, "negativeColor": NEGATIVE}
    plain = f'<p class="emo-tokens">{"".join(_token(w, v, bound) for w, v in zip(words, numbers, strict=True))}</p>'
    data = pd.DataFrame({"position": range(len(words)), "token": list(words), value_name: numbers})
    body = _viewer("ColoredTokens", props, alt, plain)
    return Shown(figure_html(body, title=title, data=data), alt, title)


def attention(
    words: Sequence[str], patterns: Any, *, alt: str, title: str, heads: Sequence[str] | None = None
) -> Shown:
    """Attention patterns of several heads of one text.

    Parameters
    ----------
    words
        The tokens as text.
    patterns
        Weights of shape (head, query, key), rounded to three decimals on the page.
    heads
        A name per head, such as ``L0H3``.
    alt, title
        As in `show`.
    """
    title = require_text(title, "a title", "An attention viewer")
    alt = require_text(alt, "alt text", f"The attention viewer {title!r}")
    weights = np.asarray(patterns, dtype=float)
    names = list(heads) if heads is not None else [f"head {i}" for i in range(len(weights))]
    if weights.ndim != 3 or weights.shape != (len(names), len(words), len(words)):
        raise UserError(
            f"The attention viewer {title!r} got {len(words)} tokens, {len(names)} head names and weights of shape "
            f"{weights.shape}: pass weights of shape (head, query, key)."
        )
    _require_finite(weights, title)
    weights = np.round(weights, DECIMALS)
    props = {"attention": compact(weights), "tokens": list(words), "attentionHeadNames": names}
    props |= {"positiveColor": POSITIVE, "maskUpperTri": bool(np.allclose(np.triu(weights, 1), 0))}
    body = _viewer("AttentionHeads", props, alt, f'<p class="emo-alt">{html.escape(alt)}</p>')
    markup = figure_html(body, title=title, data=_largest(weights, words, names))
    return Shown(markup, alt, title, _heatmaps(weights, words, names, title))


def _require_finite(values: np.ndarray, title: str) -> None:
    if not np.isfinite(values).all():
        where = np.argwhere(~np.isfinite(values))[0].tolist()
        raise UserError(
            f"The viewer {title!r} got {values[tuple(where)]} at {where}: only finite numbers can be coloured."
        )


def _viewer(element: str, props: dict[str, Any], alt: str, plain: str) -> str:
    return (
        f'<div class="emo-viewer" data-draw="circuitsvis" data-element="{element}" role="group" '
        f'aria-label="{html.escape(alt)}">{json_block(props)}{plain}</div>'
    )


def _token(word: str, value: float, bound: float) -> str:
    colour = POSITIVE if value >= 0 else NEGATIVE
    share = 0.7 * abs(value) / bound  # never so strong that the text on it is hard to read
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    shown = html.escape(word).replace("\n", "↵<br>")
    tint = f"background-color:rgba({red},{green},{blue},{share:.2f})"
    return f'<span title="{value:g}" style="{tint};white-space:pre-wrap">{shown}</span>'


def _largest(weights: np.ndarray, words: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    order = np.argsort(weights, axis=None, kind="stable")[::-1][:LARGEST]
    rows = [np.unravel_index(flat, weights.shape) for flat in order]
    return pd.DataFrame(
        [(names[h], f"{q}: {words[q]}", f"{k}: {words[k]}", weights[h, q, k]) for h, q, k in rows],
        columns=["head", "query", "key", "weight"],
    )


def _heatmaps(weights: np.ndarray, words: Sequence[str], names: Sequence[str], title: str) -> dict[str, Any]:
    """A Plotly heat map with a menu of heads, for JupyterLab."""
    labels = [f"{i}: {word}" for i, word in enumerate(words)]
    figure = go.Figure()
    for i, (name, matrix) in enumerate(zip(names, weights, strict=True)):
        figure.add_heatmap(
            z=matrix, x=labels, y=labels, name=name, visible=i == 0, colorscale=SEQUENTIAL, zmin=0
        )
    buttons = [
        {"label": name, "method": "update", "args": [{"visible": [j == i for j in range(len(names))]}]}
        for i, name in enumerate(names)
    ]
    menu = {"buttons": buttons, "x": 1, "xanchor": "right", "y": 1.04, "yanchor": "bottom"}
    figure.update_layout(title=title, template=template(), height=520, margin_t=80, updatemenus=[menu])
    figure.update_xaxes(title="key").update_yaxes(title="query", autorange="reversed")
    return {**compact(figure.to_plotly_json()), "config": CONFIG}

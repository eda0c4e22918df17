"""Steered texts to explore: choose emotion, context, layer and alpha, and read both continuations side by side.

All texts are computed beforehand and lie on the page as inert data, so that no server is needed. In the book
`explorer.js` draws the controls; without JavaScript a few texts show as a table; in JupyterLab a heat map has them.
"""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from emotion_utils.core.errors import UserError
from emotion_utils.plots.figure import CONFIG, Shown, require_text
from emotion_utils.plots.markup import compact, figure_html, json_block
from emotion_utils.plots.style import SEQUENTIAL, emotion_colour, template
from emotion_utils.plots.tables import table as text_table

KEYS = ["emotion", "prompt", "layer", "alpha"]
DIGITS = 3  # significant digits of a score on the page
PLAIN_EMOTIONS = 3  # emotions in the table for readers without JavaScript
LABEL = 48  # characters of a context in a menu
WRAP = 60  # characters of a line of hover text
NEAR = 0.9  # where it opens: the weakest steering that reaches this share of the best mean score


def explorer(
    table: pd.DataFrame, *, title: str, alt: str, scores: Mapping[str, str], caption: str = ""
) -> Shown:
    """Let a reader choose emotion, context, layer and alpha, and show the untouched text beside the steered one.

    A map of layer by alpha, shaded by the first score, shows where to look. It opens on the first emotion and
    context, at the smallest alpha (other than 0) whose first score comes near its best, on average over all of them.

    Parameters
    ----------
    table
        One row per text, with columns ``emotion``, ``prompt`` (the neutral context), ``layer``, ``alpha`` (0 is
        the untouched model), ``text`` (the continuation), and one numeric or boolean column per score. Every
        combination of emotion, prompt, layer and alpha occurs exactly once.
    title, alt, caption
        As in `show`.
    scores
        What each column of scores is called on the page; the first shades the map, in which more is darker on
        one scale for all emotions and contexts. A value that is not finite shows as a dash.

    Returns
    -------
    Shown
        To be the last value of a cell.

    Raises
    ------
    UserError
        Without title or alt text, and when a column, a combination or the untouched texts are missing or doubled.
    """
    title = require_text(title, "a title", "An explorer")
    alt = require_text(alt, "alt text", f"The explorer {title!r}")
    _require_columns(table, scores, title)
    values = {key: _choices(table, key) for key in KEYS}
    _require_values(table, values, scores, title)
    _require_once(table, values, title)
    rows = (
        table.set_index(KEYS).reindex(pd.MultiIndex.from_product(values.values(), names=KEYS)).reset_index()
    )
    first = next(iter(scores))
    start = _start(rows, first)
    data = {
        **_data(rows, values, scores),
        "start": [values["layer"].index(start[0]), values["alpha"].index(start[1])],
    }
    body = (
        f'<div class="emo-explorer" role="group" aria-label="{html.escape(alt)}">{json_block(data)}'
        f'<div class="emo-plain"><p class="emo-alt">{html.escape(alt)}</p>'
        f"{_plain(rows, values, start, scores)}</div></div>"
    )
    return Shown(
        figure_html(body, title=title, caption=caption), alt, title, _heat_maps(rows, values, scores, title)
    )


def _require_columns(table: pd.DataFrame, scores: Mapping[str, str], title: str) -> None:
    if not scores:
        raise UserError(
            f"The explorer {title!r} has no scores: name at least one, such as {{'target': 'says it'}}."
        )
    missing = [column for column in (*KEYS, "text", *scores) if column not in table.columns]
    if missing:
        raise UserError(
            f"The explorer {title!r} needs a column {missing[0]!r}, but its table has {list(table.columns)}."
        )
    taken = [column for column in scores if column in (*KEYS, "text")]
    if taken:
        raise UserError(
            f"The explorer {title!r} cannot use {taken[0]!r} as a score: name a column of scores."
        )
    if table.empty:
        raise UserError(f"The explorer {title!r} got an empty table: give it one row per text.")


def _choices(table: pd.DataFrame, key: str) -> list[Any]:
    """The values of a control: emotions and contexts as they first occur, layers and alphas in order."""
    found = table[key].unique().tolist()
    return sorted(found) if key in ("layer", "alpha") and _is_number(table[key]) else found


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _require_values(
    table: pd.DataFrame, values: Mapping[str, list[Any]], scores: Mapping[str, str], title: str
) -> None:
    for column in ("emotion", "prompt", "text"):
        wrong = [value for value in table[column].tolist() if not isinstance(value, str)]
        if wrong:
            raise UserError(
                f"The explorer {title!r} got {wrong[0]!r} as {column}: every {column} must be a text."
            )
    if not pd.api.types.is_integer_dtype(table["layer"]):
        raise UserError(
            f"The explorer {title!r} got layers of type {table['layer'].dtype}: use whole numbers."
        )
    if not _is_number(table["alpha"]) or not np.isfinite(table["alpha"].to_numpy(dtype=float)).all():
        raise UserError(f"The explorer {title!r} needs finite numbers as alpha, but got {values['alpha']}.")
    if 0 not in values["alpha"]:
        raise UserError(
            f"The explorer {title!r} has no texts of the untouched model: add rows with alpha 0 to {values['alpha']}."
        )
    for column in scores:
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise UserError(
                f"The explorer {title!r} needs numbers in {column!r}, but got type {table[column].dtype}: "
                "convert the column, or leave it out of the scores."
            )


def _require_once(table: pd.DataFrame, values: Mapping[str, list[Any]], title: str) -> None:
    counts = table.groupby(KEYS, sort=False).size().to_dict()
    for combination in product(*values.values()):
        count = counts.get(combination, 0)
        if count != 1:
            named = ", ".join(f"{key} {value!r}" for key, value in zip(KEYS, combination, strict=True))
            raise UserError(
                f"The explorer {title!r} has {count or 'no'} text{'s' * (count > 1)} for {named}: "
                "every combination of emotion, prompt, layer and alpha must occur exactly once."
            )


def _start(rows: pd.DataFrame, first: str) -> tuple[int, float]:
    """The weakest steering whose first score, averaged over emotions and contexts, is within `NEAR` of the best."""
    steered = rows[rows["alpha"] != 0]
    means = (steered if len(steered) else rows).groupby(["layer", "alpha"])[first].mean()
    means = means.replace(np.inf, np.nan).fillna(-np.inf)
    near = means[means >= means.max() - (1 - NEAR) * abs(means.max())] if np.isfinite(means.max()) else means
    return min(near.index, key=lambda at: (abs(at[1]), -near[at]))


def _data(rows: pd.DataFrame, values: Mapping[str, list[Any]], scores: Mapping[str, str]) -> dict[str, Any]:
    """What the page needs; texts and scores are flat lists, in which alpha varies fastest and emotion slowest."""
    places, texts = pd.factorize(rows["text"])
    return {
        "emotions": values["emotion"],
        "colours": [emotion_colour(emotion) for emotion in values["emotion"]],
        "prompts": values["prompt"],
        "layers": values["layer"],
        "alphas": compact(values["alpha"]),
        "texts": list(texts),
        "text": places.tolist(),
        "scores": [
            {"name": name, "label": label, "values": compact(rows[name].tolist(), DIGITS)}
            for name, label in scores.items()
        ],
        "range": compact(_bounds(rows[next(iter(scores))]), DIGITS),
    }


def _bounds(column: pd.Series) -> tuple[float, float]:
    """The scale of the map: from zero, or the lowest value below it, to the highest."""
    numbers = column.to_numpy(dtype=float)
    numbers = numbers[np.isfinite(numbers)]
    low, high = float(numbers.min(initial=0.0)), float(numbers.max(initial=0.0))
    return low, high if high > low else low + 1.0


def _plain(
    rows: pd.DataFrame, values: Mapping[str, list[Any]], start: tuple[int, float], scores: Mapping[str, str]
) -> str:
    """The first context for a few emotions, untouched and steered, as a table."""
    context = values["prompt"][0]
    chosen = rows[
        rows["emotion"].isin(values["emotion"][:PLAIN_EMOTIONS])
        & (rows["prompt"] == context)
        & (rows["layer"] == start[0])
        & rows["alpha"].isin([0, start[1]])
    ]
    shown = chosen.assign(alpha=[f"{alpha:g}" for alpha in chosen["alpha"]])
    shown = shown[["emotion", "layer", "alpha", "text", *scores]].rename(columns=dict(scores))
    note = f"{len(shown)} of the {len(rows):,} texts, after “{context}” (with JavaScript, the book shows them all)"
    return text_table(shown, note, formats=dict.fromkeys(scores.values(), f".{DIGITS}g")).markup


def _heat_maps(
    rows: pd.DataFrame, values: Mapping[str, list[Any]], scores: Mapping[str, str], title: str
) -> dict[str, Any]:
    """A Plotly heat map per emotion and context with the texts in its hover, and a menu, for JupyterLab."""
    first, label = next(iter(scores.items()))
    low, high = _bounds(rows[first])
    shape = (-1, len(values["layer"]), len(values["alpha"]))
    hovers = np.array([_hover(row, scores) for row in rows.to_dict("records")], dtype=object).reshape(shape)
    numbers = rows[first].to_numpy(dtype=float).reshape(shape)
    contexts = [f"{number}. {prompt}" for number, prompt in enumerate(values["prompt"], 1)]
    names = [f"{emotion} | {context}" for emotion, context in product(values["emotion"], contexts)]
    figure = go.Figure()
    for i, (name, matrix, hover) in enumerate(zip(names, numbers, hovers, strict=True)):
        figure.add_heatmap(
            z=matrix, text=hover.tolist(), name=_escaped(textwrap.shorten(name, LABEL, placeholder="…")),
            x=[f"{alpha:g}" for alpha in values["alpha"]], y=[str(layer) for layer in values["layer"]],
            visible=i == 0, colorscale=SEQUENTIAL, zmin=low, zmax=high, colorbar_title=_escaped(label),
            hovertemplate="%{text}<extra></extra>", xgap=2, ygap=2,
        )  # fmt: skip
    buttons = [
        {"label": trace.name, "method": "update", "args": [{"visible": [j == i for j in range(len(names))]}]}
        for i, trace in enumerate(figure.data)
    ]
    menu = {"buttons": buttons, "x": 1, "xanchor": "right", "y": 1.04, "yanchor": "bottom"}
    heading = {"text": _escaped(title), "font": {"size": 16}, "x": 0, "xref": "paper"}
    figure.update_layout(title=heading, template=template(), height=480, margin_t=104, updatemenus=[menu])
    figure.update_layout(hoverlabel_align="left")
    figure.update_xaxes(title="alpha (0 is the untouched model)", type="category")
    figure.update_yaxes(title="layer (0 is the first block)", type="category", autorange="reversed")
    return {**compact(figure.to_plotly_json(), DIGITS), "config": CONFIG}


def _hover(row: Mapping[str, Any], scores: Mapping[str, str]) -> str:
    """What a cell says: where it is, its scores, its context and its text, wrapped and escaped."""
    lines = [f"layer {row['layer']}, alpha {row['alpha']:g}"]
    lines += [f"{label}: {_number(row[name])}" for name, label in scores.items()]
    lines += [
        "",
        *textwrap.wrap(row["prompt"], WRAP),
        "→",
        *(textwrap.wrap(row["text"], WRAP) or ["no text"]),
    ]
    return "<br>".join(map(_escaped, lines))


def _number(value: Any) -> str:
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    return f"{float(value):.{DIGITS}g}" if math.isfinite(value) else "–"


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)

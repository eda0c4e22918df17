"""Matrices in the place of lines and boxes, where a figure would have too many to tell apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Bool

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import DIVERGING


def _height(labels: int) -> int:
    return 180 + 24 * labels


def cosines(table: pd.DataFrame, apart: Bool[np.ndarray, " pair"], title: str) -> Shown:
    """The cosine of each pair of vectors, mean over the layers; a dot where it differs from no emotion.

    Parameters
    ----------
    table
        Columns ``pair`` ("one – other"), ``value`` and ``no_emotion``, one row per pair.
    apart
        Whether the cosine of each pair differs from no emotion.
    title
        Says where the prompts were read.
    """
    pairs = table["pair"].str.split(" – ", n=1, expand=True)
    cells = pd.DataFrame(
        {"a": pairs[0], "b": pairs[1], "value": table["value"], "dot": np.where(apart, "•", "")}
    )
    both = pd.concat([cells, cells.rename(columns={"a": "b", "b": "a"})])
    names = list(dict.fromkeys([*pairs[0], *pairs[1]]))
    value, dot = (
        both.pivot(index="a", columns="b", values=column).reindex(index=names, columns=names)
        for column in ("value", "dot")
    )
    figure = go.Figure()
    figure.add_heatmap(
        z=value.to_numpy(), x=names, y=names, zmin=-1, zmax=1, colorscale=DIVERGING, text=dot.fillna("").to_numpy(),
        texttemplate="%{text}", colorbar={"title": {"text": "cosine"}},
    )  # fmt: skip
    figure.update_xaxes(title="vector of", dtick=1).update_yaxes(
        title="vector of", dtick=1, autorange="reversed"
    )
    low, high = (table.loc[at] for at in (table["value"].idxmin(), table["value"].idxmax()))
    alt = (
        f"A matrix of {len(table)} cosines from {low['value']:.2f} ({low['pair']}) to {high['value']:.2f} "
        f"({high['pair']}); without emotion they would be {table['no_emotion'].mean():.2f} on average, and "
        f"{apart.sum()} differ from that."
    )
    caption = "Mean over the layers. A dot: beyond what permuted labels reach, all pairs corrected for."
    return show(figure, alt=alt, title=title, caption=caption, data=table, height=_height(len(names)))


def mean_places(means: pd.DataFrame, title: str) -> Shown:
    """Mean place of each class along each vector, one row per vector.

    Parameters
    ----------
    means
        Columns ``vector, emotion, value``.
    title
        Names the set and the kind of vector.
    """
    vectors = list(dict.fromkeys(means["vector"]))
    classes = [*vectors, *sorted(set(means["emotion"]) - set(vectors))]
    places = means.pivot(index="vector", columns="emotion", values="value").reindex(
        index=vectors, columns=classes
    )
    figure, far = go.Figure(), float(means["value"].abs().max())
    figure.add_heatmap(
        z=places.to_numpy(), x=classes, y=vectors, zmin=-far, zmax=far, colorscale=DIVERGING,
        colorbar={"title": {"text": "mean place (1: own label)"}},
    )  # fmt: skip
    figure.update_xaxes(title="mean prompt of", dtick=1)
    figure.update_yaxes(title="along the vector of", dtick=1, autorange="reversed")
    first = sum(places.loc[vector].idxmax() == vector for vector in vectors)
    alt = f"A matrix of mean places; along {first} of {len(vectors)} vectors the prompts of its own label lie highest."
    return show(figure, alt=alt, title=title, data=means, height=_height(len(vectors)))

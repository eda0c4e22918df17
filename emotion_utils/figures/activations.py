"""Figures of the chapter on activations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import (
    DIVERGING,
    GREY,
    LAYER,
    MOST,
    PALETTE,
    SEQUENTIAL,
    add_line,
    error_bars,
    label_colours,
    layer_axis,
)
from emotion_utils.plots.viewers import attention, tokens

TICKS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000]
RATIOS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]


def norm_map(table: pd.DataFrame) -> Shown:
    """Median norm of the residual stream by layer and position, on a logarithmic scale.

    Parameters
    ----------
    table
        From `residual_norms.norm_map`.
    """
    wide = table.pivot(index="layer", columns="position", values="median")
    logs = np.log10(wide.to_numpy(dtype=float))
    ticks = [t for t in TICKS if logs.min() <= np.log10(t) <= logs.max()]
    bar = {
        "title": {"text": "norm"},
        "tickvals": np.log10(ticks).tolist(),
        "ticktext": [f"{t:,}" for t in ticks],
    }
    figure = go.Figure(
        go.Heatmap(
            z=logs, x=wide.columns, y=wide.index, colorscale=SEQUENTIAL, colorbar=bar,
            customdata=wide, hovertemplate="layer %{y}, position %{x}: norm %{customdata:,.0f}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title="position (token; 0 is the first)", dtick=1 if wide.shape[1] < 40 else None)
    figure.update_yaxes(title="layer", dtick=1 if len(wide) < 16 else None)
    last = wide.iloc[-1]
    alt = (
        f"Heat map: after the last block the median norm is {last.iloc[0]:,.0f} at position {wide.columns[0]} and "
        f"{last.iloc[1:].min():,.0f} to {last.iloc[1:].max():,.0f} at the later positions; "
        f"over all layers it runs from {wide.min().min():,.0f} to {wide.max().max():,.0f}."
    )
    return show(figure, alt=alt, title="Length of the residual stream", data=table, height=360)


def cosines_of_prompts(table: pd.DataFrame) -> Shown:
    """Mean cosine of two random prompts by layer, raw and centred, beside that of random directions.

    Parameters
    ----------
    table
        From `anisotropy.anisotropy`.
    """
    figure, said = go.Figure(), []
    for (version, own), colour, dash in zip(
        table.groupby("version", sort=False), (PALETTE[3], PALETTE[0]), ("solid", "dash"), strict=True
    ):
        name = f"{version}, 95 % interval"
        add_line(figure, own["layer"], own["value"], name, error_bars(own), color=colour, dash=dash)
        said.append(f"{version} {own['value'].min():.2f} to {own['value'].max():.2f}")
    layers, spread = sorted(table["layer"].unique().tolist()), float(table["spread"].iloc[0])
    figure.add_scatter(
        x=[*layers, *layers[::-1]], y=[spread] * len(layers) + [-spread] * len(layers), fill="toself",
        mode="lines", line={"width": 0}, fillcolor="rgba(140,140,140,0.25)", name="two random directions, ± 1 SD",
    )  # fmt: skip
    layer_axis(figure, len(layers))
    low = min(-0.15, float(table["low"].min(skipna=True) or 0) - 0.05)
    figure.update_yaxes(title="mean cosine of two prompts", range=[low, 1.03])
    alt = f"Lines by layer: mean cosines are {'; '.join(said)}; random directions have 0 ± {spread:.2f}."
    return show(figure, alt=alt, title="Do all prompts point the same way?", data=table)


def update_sizes(table: pd.DataFrame) -> Shown:
    """What attention and the MLP add, relative to the stream before the block, by layer.

    Parameters
    ----------
    table
        From `residual_norms.update_sizes`.
    """
    figure, said = go.Figure(), []
    for part, colour, symbol in (
        ("attention", PALETTE[0], "circle"),
        ("MLP", PALETTE[1], "square"),
        ("both", GREY, "diamond"),
    ):
        own = table[table["part"] == part]
        figure.add_scatter(
            x=own["layer"], y=own["value"], name=part, mode="lines+markers", error_y=error_bars(own),
            line={"color": colour, "dash": "dot" if part == "both" else "solid"},
            marker={"symbol": symbol, "size": 9},
        )  # fmt: skip
        said.append(f"{part} {', '.join(f'{v:.2f}' for v in own['value'])}")
    layer_axis(figure, table["layer"].nunique())
    figure.update_yaxes(title="norm added / norm before", type="log", tickvals=RATIOS)
    alt = f"Lines by layer, in times the stream before the block: {'; '.join(said)}."
    return show(figure, alt=alt, title="What a block adds", data=table[table["part"] != "attention share"])


def class_variance_by_layer(table: pd.DataFrame) -> Shown:
    """Share of variance between the emotions by layer, beside its permutation null.

    Parameters
    ----------
    table
        From `class_separation.between_class_variance`; a layer without a value is left out.
    """
    rows = table[table["value"].notna()]
    names = ["embedding" if layer < 0 else str(layer) for layer in rows["layer"]]
    figure = go.Figure()
    error = error_bars(rows) if rows["low"].notna().any() else None
    figure.add_scatter(
        x=names, y=rows["value"], name="emotions, 95 % interval", mode="markers", error_y=error,
        marker={"size": 10, "color": PALETTE[0]},
    )  # fmt: skip
    upper = {"array": rows["null_high"] - rows["null"], "arrayminus": [0.0] * len(rows)}
    figure.add_scatter(
        x=names, y=rows["null"], name="permuted, mean to 95th percentile", mode="markers", error_y=upper,
        marker={"size": 9, "color": GREY, "symbol": "diamond"},
    )  # fmt: skip
    figure.update_xaxes(title=LAYER, type="category")
    figure.update_yaxes(title="share between emotions", tickformat=".0%", rangemode="tozero")
    said = "; ".join(
        f"{n}: {r.value:.1%}, null {r.null:.1%}" for n, r in zip(names, rows.itertuples(), strict=True)
    )
    title = "Variance between the emotions"
    return show(figure, alt=f"Dots by layer: {said}.", title=title, data=table, height=380)


def plane(table: pd.DataFrame, shares: list[float], layer: int) -> Shown:
    """The first two principal components twice: coloured by emotion and by permuted labels.

    Where emotions are too many for colours, the mean of each stands among the prompts by its name, and the axes end
    with the means: prompts further out are not shown.

    Parameters
    ----------
    table, shares
        From `class_separation.plane`.
    layer
        Its number.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.09)
    colours = label_colours(table["emotion"].unique())
    many = len(colours) > MOST
    for row, column in ((1, "emotion"), (2, "permuted")):
        if many:
            _means_by_name(figure, table, column, row)
        for emotion, colour in {} if many else colours.items():
            own = table[table[column] == emotion]
            figure.add_scatter(
                x=own["first"], y=own["second"], mode="markers", name=emotion, legendgroup=emotion,
                showlegend=row == 1, text=own["text"], hoverinfo="text",
                marker={"color": colour, "size": 6, "opacity": 0.8}, row=row, col=1,
            )  # fmt: skip
        words = "true emotions" if row == 1 else "permuted labels"
        figure.add_annotation(
            text=words, x=0, xref="paper", xanchor="left", y=1.0 if row == 1 else 0.455, yref="paper",
            yanchor="bottom", showarrow=False,
        )  # fmt: skip
        figure.update_yaxes(title=f"second component ({shares[1]:.0%})", row=row, col=1)
    figure.update_xaxes(showticklabels=False, row=1, col=1)
    figure.update_xaxes(title=f"first component ({shares[0]:.0%} of the variance)", row=2, col=1)
    figure.update_layout(legend_y=-0.12)
    by = "around the named means of labels, above by emotion," if many else "above coloured by emotion,"
    alt = (
        f"The same {len(table)} prompts twice in the plane of the first two principal components, which hold "
        f"{shares[0]:.1%} and {shares[1]:.1%} of the variance; {by} below by permuted labels."
    )
    return show(figure, alt=alt, title=f"Two components at layer {layer}", data=table, height=720)


def _means_by_name(figure: go.Figure, table: pd.DataFrame, column: str, row: int) -> None:
    """All prompts in grey, and the mean of each label as a dot with its name."""
    figure.add_scatter(
        x=table["first"], y=table["second"], mode="markers", name="prompts", legendgroup="prompts",
        showlegend=row == 1, text=table[column] + ": " + table["text"], hoverinfo="text",
        marker={"color": GREY, "size": 4, "opacity": 0.4}, row=row, col=1,
    )  # fmt: skip
    ends = pd.concat([table.groupby(by)[["first", "second"]].mean() for by in ("emotion", "permuted")])
    figure.update_xaxes(range=_around(ends["first"]), row=row, col=1)
    figure.update_yaxes(range=_around(ends["second"]), row=row, col=1)
    means = table.groupby(column, sort=False)[["first", "second"]].mean()
    figure.add_scatter(
        x=means["first"], y=means["second"], mode="markers+text", name="mean of a label", legendgroup="means",
        showlegend=row == 1, text=means.index, textposition="top center", textfont={"size": 10}, hoverinfo="text",
        marker={"color": PALETTE[0], "size": 7}, row=row, col=1,
    )  # fmt: skip


def _around(values: pd.Series) -> list[float]:
    """Ends of an axis that leave room for names around the values."""
    room = 0.2 * float(values.max() - values.min())
    return [float(values.min()) - room, float(values.max()) + room]


def activation_map(table: pd.DataFrame, layer: int) -> Shown:
    """Prompts by dimension, standardised.

    Parameters
    ----------
    table
        From `class_separation.activation_map`.
    layer
        Its number.
    """
    emotions = table.index.get_level_values("emotion")
    names = [
        f"{emotion} {i + 1}" for emotion in emotions.unique() for i in range(int((emotions == emotion).sum()))
    ]
    columns = [str(column) for column in table.columns]
    figure = go.Figure(
        go.Heatmap(
            z=table.to_numpy().round(2), x=columns, y=names, colorscale=DIVERGING, zmid=0, zmin=-3, zmax=3,
            colorbar={"title": {"text": "SD from mean"}},
        )
    )  # fmt: skip
    middles = [int(np.flatnonzero(emotions == e).mean()) for e in emotions.unique()]
    figure.update_yaxes(
        title="prompt",
        autorange="reversed",
        tickvals=[names[i] for i in middles],
        ticktext=list(emotions.unique()),
    )
    figure.update_xaxes(title="dimension (largest variance first)", type="category")
    for edge in np.flatnonzero(emotions[1:] != emotions[:-1]):
        figure.add_hline(y=edge + 0.5, line={"color": "#2B2F36", "width": 1})
    means = table.groupby(level="emotion", sort=False).mean()
    emotion, dimension = means.abs().stack().idxmax()
    alt = (
        f"Heat map of {len(table)} prompts, sorted by emotion, and {len(columns)} dimensions; the largest mean of an "
        f"emotion in a dimension is {means.loc[emotion, dimension]:.2f} standard deviations ({emotion}, dimension "
        f"{dimension})."
    )
    shown = table.round(2).reset_index()
    shown.columns = shown.columns.map(str)
    return show(figure, alt=alt, title=f"Activations at layer {layer}", data=shown, height=520)


def sink_heads(table: pd.DataFrame) -> Shown:
    """Share of each head's attention that goes to the first token.

    Parameters
    ----------
    table
        From `attention_sinks.sink_shares`.
    """
    wide = table.pivot(index="layer", columns="head", values="share")
    even = float(table["even"].iloc[0])
    figure = go.Figure(
        go.Heatmap(
            z=wide.to_numpy(), x=wide.columns, y=wide.index, colorscale=SEQUENTIAL, zmin=0,
            colorbar={"title": {"text": "share of attention"}, "tickformat": ".0%"},
            hovertemplate="L%{y}H%{x}: %{z:.0%}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title="head", dtick=1 if wide.shape[1] < 16 else None)
    figure.update_yaxes(title="layer", dtick=1 if len(wide) < 16 else None)
    most = table.loc[table["share"].idxmax()]
    alt = (
        f"Heat map of {len(table)} heads: they give the first token {table['share'].min():.0%} to "
        f"{most['share']:.0%} of their attention, most L{most['layer']:.0f}H{most['head']:.0f}; spread evenly it would "
        f"get {even:.0%}."
    )
    return show(figure, alt=alt, title="Attention to the first token", data=table, height=340)


def attention_of(words: list[str], weights: np.ndarray, emotion: str, layer: int) -> Shown:
    """The attention patterns of one layer on one prompt.

    Parameters
    ----------
    words, weights
        From `attention_sinks.pattern`; weights of shape (head, query, key).
    emotion
        Of the prompt.
    layer
        Its number.
    """
    first = weights[:, 1:, 0].mean(axis=1) if len(words) > 1 else weights[:, 0, 0]
    alt = (
        f"Attention of {len(weights)} heads of layer {layer} between the {len(words)} tokens of "
        f"{''.join(words).strip()!r} ({emotion}): the heads give the first token {first.min():.0%} to "
        f"{first.max():.0%}."
    )
    heads = [f"L{layer}H{i}" for i in range(len(weights))]
    return attention(words, weights, alt=alt, title=f"Attention at layer {layer}: {emotion}", heads=heads)


def token_sizes(words: list[str], values: np.ndarray, emotion: str, layer: int) -> Shown:
    """What a block adds at each token, blue where it is more than the median and orange where it is less.

    Parameters
    ----------
    words
        From `attention_sinks.token_texts`.
    values
        From `attention_sinks.token_sizes`.
    emotion
        Of the prompt.
    layer
        Its number.
    """
    most = int(np.argmax(values))
    alt = (
        f"{''.join(words).strip()!r} ({emotion}): at layer {layer} most is added at token {most}, "
        f"{words[most].strip()!r}, {2.0 ** values[most]:.1f} times the median, and least "
        f"{2.0 ** values.min():.1f} times."
    )
    name = "doublings of the median"
    return tokens(
        words, values, alt=alt, title=f"Size of the update at layer {layer}: {emotion}", value_name=name
    )

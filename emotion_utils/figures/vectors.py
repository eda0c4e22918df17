"""Figures of the chapter on emotion vectors."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from emotion_utils.plots import label_matrices
from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import (
    GREY,
    MOST,
    PALETTE,
    add_dots,
    add_line,
    error_bars,
    label_colours,
    layer_axis,
)
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.nulls import are_means
from emotion_utils.statistics.permutations import LEVEL

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
DRAWN = 150
"""Neurons that are drawn."""
ROWS = 16
"""Rows of dots that a figure of usual height holds."""
NEUTRAL = "neutral prompts"
"""What labels are told from, unless each is told from all others."""


def _some(table: pd.DataFrame, column: str, what: tuple[str, str]) -> tuple[pd.DataFrame, str]:
    """The rows of at most :data:`MOST` labels, half of them lowest and half highest in a column, and which they are."""
    means = table.groupby("emotion", sort=False)[column].mean().sort_values(kind="stable")
    if len(means) <= MOST:
        return table, ""
    chosen = [*means.index[: MOST // 2], *means.index[-(MOST // 2) :]]
    told = (
        f"Drawn are the {MOST // 2} {what[0]} and the {MOST // 2} {what[1]} of {len(means)} labels, by the mean over "
        "the layers; the data below have all."
    )
    return table[table["emotion"].isin(chosen)], told


def aurocs_by_layer(curves: pd.DataFrame, name: str, against: str = NEUTRAL) -> Shown:
    """AUROC by layer, averaged over the emotions, one line per method, beside the bag of words.

    Parameters
    ----------
    curves
        From `projections.curves`.
    name
        The prompt set to draw.
    against
        What its labels are told from.
    """
    rows = curves[curves["set"] == name]
    means = rows.groupby(["method", "layer"], sort=False)["value"].mean().reset_index()
    words = float(rows.groupby("emotion")["words"].first().mean())
    figure = go.Figure()
    for i, (method, own) in enumerate(means.groupby("method", sort=False)):
        colour, dash = PALETTE[i % len(PALETTE)], DASHES[i % len(DASHES)]
        add_line(figure, own["layer"], own["value"], method, color=colour, dash=dash)
    layers = sorted(means["layer"].unique())
    figure.add_scatter(
        x=[layers[0], layers[-1]], y=[words, words], name="bag of words", mode="lines",
        line={"color": GREY, "dash": "longdash"},
    )  # fmt: skip
    layer_axis(figure, len(layers))
    labels = rows["emotion"].nunique()
    figure.update_yaxes(title=f"AUROC, mean of {'three' if labels == 3 else labels}", range=[0.4, 1.03])
    best = means.loc[means["value"].idxmax()]
    alt = (
        f"Lines by layer: the best is {best['method']} at layer {best['layer']} with {best['value']:.2f}; "
        f"the bag of words reaches {words:.2f}."
    )
    told = f"{'Emotional' if against == NEUTRAL else 'One label'} against {against}"
    return show(figure, alt=alt, title=f"{told}: {name}", data=rows)


def held_out(table: pd.DataFrame, name: str, against: str = NEUTRAL) -> Shown:
    """Held-out AUROC of every method and emotion on one set, with interval, null and bag of words.

    Parameters
    ----------
    table
        From `held_out.held_out`.
    name
        The prompt set to draw.
    against
        What its labels are told from.
    """
    rows = table[(table["set"] == name) & ~are_means(table) & table["value"].notna()]
    names = [f"{r.method}: {r.emotion}" for r in rows.itertuples()]
    figure = go.Figure()
    upper = {"array": rows["null_high"] - rows["null"], "arrayminus": [0.0] * len(rows), "thickness": 1.2}
    exchanged = "labels exchanged, mean to 95th percentile"
    add_dots(figure, rows["null"], names, exchanged, upper, color=GREY, symbol="diamond", size=8)
    add_dots(figure, rows["words"], names, "bag of words", color=PALETTE[3], symbol="line-ns-open", size=12)
    known = rows["low"].notna()
    told = (
        "vector, 95 % interval"
        if known.all()
        else "vector"
        if not known.any()
        else "vector, some with interval"
    )
    bars = error_bars(rows) if known.any() else None
    add_dots(figure, rows["value"], names, told, bars, color=PALETTE[0], size=9)
    lowest = float(rows["value"].min())
    figure.update_xaxes(
        title=f"AUROC against {against}", range=[0.38 if lowest > 0.38 else lowest - 0.03, 1.03]
    )
    figure.update_yaxes(title="method: emotion", autorange="reversed")
    alt = "; ".join(f"{n}: {r.value:.2f}" for n, r in zip(names, rows.itertuples(), strict=True))
    height = 520 if len(rows) <= ROWS else 200 + 16 * len(rows)
    above, few = int((rows["gain_low"] > 0).sum()), "" if known.any() else "; too few units for intervals"
    return show(
        figure,
        alt=f"Dots{' with intervals' if known.any() else ''}: {alt}.",
        title=f"Above the bag of words by the interval of the difference on {name}: {above} of {len(rows)}{few}",
        data=rows,
        height=height,
    )


def models_beside_words(table: pd.DataFrame, control: str, name: str, keyword: str) -> Shown:
    """The message of the chapter: each model on prompts without keywords, beside the words and the control.

    Parameters
    ----------
    table
        From `overview.overview`.
    control
        The model that has nothing to carry.
    name, keyword
        The set without emotion words, and the one with them.
    """
    means = table[are_means(table) & table["value"].notna()]
    rows, own = means[means["set"] == name], means[means["set"] == keyword]
    shown = means.drop(columns="draws", errors="ignore")
    words = float(rows["words"].mean())
    figure = go.Figure()
    with_words, without = f"with emotion words ({keyword})", f"without ({name}), 95 % interval"
    add_dots(figure, own["value"], own["model"], with_words, color=GREY, symbol="circle-open", size=10)
    colours = [PALETTE[3] if model == control else PALETTE[0] for model in rows["model"]]
    add_dots(figure, rows["value"], rows["model"], without, error_bars(rows), color=colours, size=11)
    figure.add_vline(x=words, line_dash="dash", line_color=PALETTE[1], annotation_text="bag of words")
    figure.add_vline(x=0.5, line_dash="dot", line_color=GREY)
    figure.update_xaxes(title="AUROC against neutral prompts", range=[0.38, 1.03])
    figure.update_yaxes(title="model", autorange="reversed")
    listed = "; ".join(f"{r.model} {r.value:.2f}" for r in rows.itertuples())
    alt = f"Without emotion words: {listed}; the bag of words {words:.2f}, chance one half."
    models = rows[rows["model"] != control]
    above = int((models["gain_low"] > 0).sum())
    title = f"Without emotion words {above} of {len(models)} models read more than a bag of words does"
    return show(figure, alt=alt, title=title, data=shown)


def cosines(table: pd.DataFrame, title: str) -> Shown:
    """Cosines of pairs of vectors by layer, over the ranges of both nulls; of many pairs, means over the layers.

    Parameters
    ----------
    table
        From `geometry.cosines`.
    title
        Says where the prompts were read.
    """
    if table["pair"].nunique() > MOST:
        apart = adjusted(table["p_no"].to_numpy(), "fdr_bh") <= LEVEL
        return label_matrices.cosines(table, apart, title)
    figure = go.Figure()
    bands = (("no_emotion", "no emotion, 95 % range", "rgba(140,140,140,0.22)"),
             ("one_emotion", "one emotion, 95 % range", "rgba(230,159,0,0.22)"))  # fmt: skip
    spans = table.groupby("layer").mean(numeric_only=True).reset_index()
    for column, label, colour in bands:
        if column not in table:
            continue
        x = [*spans["layer"], *spans["layer"][::-1]]
        y = [*spans[f"{column}_high"], *spans[f"{column}_low"][::-1]]
        figure.add_scatter(
            x=x, y=y, fill="toself", fillcolor=colour, line={"width": 0}, mode="lines", name=label,
            hoverinfo="skip",
        )  # fmt: skip
    for i, (pair, rows) in enumerate(table.groupby("pair", sort=False)):
        look = {"color": PALETTE[i], "dash": DASHES[i]}
        add_line(figure, rows["layer"], rows["value"], pair, error_bars(rows), **look)
    layer_axis(figure, len(spans))
    figure.update_yaxes(title="cosine", range=[-1.05, 1.05])
    one = f", with one emotion for all {table['one_emotion'].mean():.2f}" if "one_emotion" in table else ""
    alt = (
        f"Cosines from {table['value'].min():.2f} to {table['value'].max():.2f}; without emotion they would be "
        f"{table['no_emotion'].mean():.2f} on average{one}."
    )
    return show(figure, alt=alt, title=title, data=table, height=460)


def lengths(table: pd.DataFrame, title: str) -> Shown:
    """Vector length by layer in units of the residual norm, with its null.

    Parameters
    ----------
    table
        From `geometry.lengths`.
    title
        Says where the prompts were read.
    """
    figure = go.Figure()
    drawn, caption = _some(table, "relative", ("shortest", "longest"))
    colours = label_colours(drawn["emotion"].unique())
    for emotion, rows in drawn.groupby("emotion", sort=False):
        bars, colour = error_bars(rows, "relative"), colours[str(emotion)]
        add_line(figure, rows["layer"], rows["relative"], emotion, bars, color=colour)
    null = table.groupby("layer")["null_high"].mean()
    figure.add_scatter(
        x=null.index, y=null, name="permuted labels, 95th percentile", mode="lines",
        line={"color": GREY, "dash": "dash"},
    )  # fmt: skip
    layer_axis(figure, len(null))
    figure.update_yaxes(title="length / residual norm", rangemode="tozero")
    alt = (
        f"Relative lengths from {table['relative'].min():.2f} to {table['relative'].max():.2f}; permuted labels reach "
        f"{null.min():.2f} to {null.max():.2f}."
    )
    return show(figure, alt=alt, title=title, caption=caption, data=table)


def reliability(table: pd.DataFrame, title: str) -> Shown:
    """Agreement of vectors from two halves of the template families, and with the other emotions' vectors.

    Parameters
    ----------
    table
        From `geometry.halves`.
    title
        Says where the prompts were read.
    """
    figure = go.Figure()
    drawn, caption = _some(table, "value", ("least", "most reproducible"))
    colours = label_colours(drawn["emotion"].unique())
    for emotion, rows in drawn.groupby("emotion", sort=False):
        colour = colours[str(emotion)]
        same = f"{emotion}, same emotion"
        add_line(figure, rows["layer"], rows["value"], same, error_bars(rows), color=colour)
        figure.add_scatter(
            x=rows["layer"], y=rows["other"], name=f"{emotion}, other emotions", mode="lines",
            line={"color": colour, "dash": "dot"},
        )  # fmt: skip
    layer_axis(figure, table["layer"].nunique())
    lowest, highest = table["other"].min(), table["other"].max()
    bottom = lowest - 0.05 if lowest < -0.3 else -0.3
    figure.update_yaxes(title="cosine between halves", range=[bottom, 1.05])
    others = f", other emotions {lowest:.2f} to {highest:.2f}" if table["other"].notna().any() else ""
    alt = f"Same emotion {table['value'].min():.2f} to {table['value'].max():.2f}{others}."
    return show(figure, alt=alt, title=title, caption=caption, data=table, height=460)


def projections(placed: pd.DataFrame, name: str, made: str = "minus neutral") -> Shown:
    """Where held-out prompts of each class lie along each vector: quartiles, and the middle 90 % as whiskers.

    Of many classes, their mean places.

    Parameters
    ----------
    placed
        From `projections.projections`.
    name
        The prompt set to draw.
    made
        ``minus neutral``, ``centred`` or, without a reference label, ``minus the others``.
    """
    rows = placed[(placed["set"] == name) & (placed["made"] == made)]
    means = rows.groupby(["vector", "emotion"], sort=False)["value"].mean()
    title = f"Prompts along the vectors ({made}): {name}"
    if rows["emotion"].nunique() > MOST:
        return label_matrices.mean_places(means.reset_index(), title)
    colours = label_colours(rows["emotion"].unique())
    figure = go.Figure()
    quantiles = {"lowerfence": 0.05, "q1": 0.25, "median": 0.5, "q3": 0.75, "upperfence": 0.95}
    for emotion in rows["emotion"].unique():
        places = rows[rows["emotion"] == emotion].groupby("vector", sort=False)["value"]
        figure.add_box(
            x=list(places.groups), name=str(emotion), marker_color=colours[str(emotion)],
            **{side: places.quantile(level).tolist() for side, level in quantiles.items()},
        )  # fmt: skip
    figure.update_layout(boxmode="group")
    ends = "(0 others, 1 own label)" if made == "minus the others" else "(0 neutral, 1 emotional)"
    figure.update_xaxes(title="along the vector of").update_yaxes(title=f"place {ends}")
    listed = "; ".join(f"{vector}: {emotion} {value:.2f}" for (vector, emotion), value in means.items())
    return show(
        figure,
        alt=f"Boxes; means are {listed}.",
        title=title,
        data=means.reset_index(),
    )


def neurons(table: pd.DataFrame, threshold: float, title: str) -> Shown:
    """Alignment of neurons with a vector against their response to the emotion.

    Parameters
    ----------
    table
        Of `neurons.rank_neurons`.
    threshold
        The family-wise threshold of the response.
    title
        Names vector and layer.
    """
    rows = table.head(DRAWN)
    figure = go.Figure()
    for i, (layer, own) in enumerate(rows.groupby("layer")):
        figure.add_scatter(
            x=own["alignment"], y=own["t"], mode="markers", name=f"layer {layer}",
            marker={"color": PALETTE[i % len(PALETTE)], "size": 7, "opacity": 0.75},
            text=[f"L{r.layer} neuron {r.neuron}" for r in own.itertuples()],
        )  # fmt: skip
    for side in (-threshold, threshold):
        figure.add_hline(y=side, line_dash="dash", line_color=GREY)
    figure.update_xaxes(title="alignment (cosine)").update_yaxes(title="response (t)")
    first = table.iloc[0]
    beyond = int((table["t"].abs() > threshold).sum())
    alt = (
        f"Scatter of {len(rows)} neurons; first is neuron {first['neuron']:.0f} of layer {first['layer']:.0f} with "
        f"alignment {first['alignment']:.2f} and t = {first['t']:.1f}; {beyond} exceed the line at {threshold:.1f}."
    )
    return show(figure, alt=alt, title=title, data=rows)

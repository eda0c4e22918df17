"""Figures of the chapter on sparse features: what they explain, tell, and are needed for.

Tables are those of :mod:`emotion_utils.features.tables`, with a column ``model`` of names for readers.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.panels import dots, in_legend, middle_95, panels
from emotion_utils.plots.style import GREY, PALETTE, error_bars
from emotion_utils.reports.replication import lies_above
from emotion_utils.statistics.in_words import span

NULL = {"symbol": "diamond", "color": GREY}
"""Look of a null."""
RIVALS = (
    {"symbol": "line-ew-open", "color": PALETTE[1]},
    {"symbol": "triangle-up-open", "color": PALETTE[2]},
    {"symbol": "x-thin-open", "color": GREY},
    {"symbol": "square-open", "color": PALETTE[4]},
)
"""Looks of what stands beside a dictionary, in the order of a table."""


def recovered(table: pd.DataFrame, sound: str) -> Shown:
    """How much of a classifier's loss dictionaries and their rivals recover, layer by layer.

    Parameters
    ----------
    table
        From :func:`emotion_utils.features.tables.judged`.
    sound
        The method that the others stand beside.
    """
    rows = table.dropna(subset=["explained"])
    figure, drawn = panels(rows)
    others = [name for name in dict.fromkeys(rows["method"]) if name != sound]
    looks = dict(zip(others, RIVALS, strict=False)) | {sound: {"color": PALETTE[0]}}
    for _, own, at in drawn:
        for name, part in own.groupby("method", sort=False):
            bars = error_bars(part, "recovered")
            dots(figure, part["layer"], part["recovered"], str(name), at, looks[str(name)], error_y=bars)
    figure.add_hline(y=1, line_color=GREY, line_dash="dot")
    figure.update_xaxes(title="layer", dtick=1).update_yaxes(title="share of the loss recovered", col=1)
    means = rows.groupby("method", sort=False)["recovered"].mean()
    best = means.idxmax()
    title = f"The most of the loss is recovered by {best} ({means[best]:.0%} on average)"
    alt = f"Dots by layer, means: {', '.join(f'{name} {value:.2f}' for name, value in means.items())}."
    active = rows.groupby("method", sort=False)["l0"].mean()
    told = ", ".join(f"{name} {value:.1f}" for name, value in active.items())
    caption = (
        f"0: every state replaced by the mean one; 1: the model as it is. Active features of a state: {told}."
    )
    return show(figure, alt=alt, title=title, caption=caption, data=rows, height=400)


def telling(table: pd.DataFrame) -> Shown:
    """How many features tell labels apart, beside labels that were exchanged.

    Parameters
    ----------
    table
        From :func:`emotion_utils.features.tables.telling`.
    """
    figure, drawn = panels(table)
    for _, own, at in drawn:
        for kind, colour in (("one label", 0), ("several labels", 5)):
            figure.add_bar(x=own["layer"], y=own[kind], marker_color=PALETTE[colour], **in_legend(kind, at))
        dots(figure, own["layer"], own["null"], "labels exchanged", at, NULL, error_y=middle_95(own))
        cross = {"symbol": "x-thin-open", "color": PALETTE[1]}
        dots(figure, own["layer"], own["random"], "random directions", at, cross)
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="layer", dtick=1).update_yaxes(title="features with d > 1", col=1)
    counts = table["one label"] + table["several labels"]
    told = span(counts, ".0f"), span(table["random"], ".0f")
    title = f"{told[0]} features of a layer tell a label, {told[1]} with random directions"
    shares = {"react": table["one label"] / counts, "of random directions": table["share_random"]}
    alone = [f"{name} {span(share, '.0%')}" for name, share in shares.items() if share.notna().any()]
    alt = f"Stacked bars by layer; {title}{'; to one label alone ' if alone else ''}{', '.join(alone)}."
    caption = (
        "A feature tells a label where its activation there is larger by more than one standard deviation."
    )
    return show(figure, alt=alt, title=title, caption=caption, data=table, height=400)


def knockouts(table: pd.DataFrame, means: pd.DataFrame) -> Shown:
    """What every label loses without its features, beside features that are matched.

    Parameters
    ----------
    table, means
        From :func:`emotion_utils.features.tables.knockouts` and ``knockout_means``.
    """
    figure, drawn = panels(table)
    for _, own, at in drawn:
        dots(
            figure, own["matched"], own["label"], "matched features, middle 95 %", at, NULL,
            error_x=middle_95(own, "matched"),
        )  # fmt: skip
        dots(figure, own["drop"], own["label"], "its top features", at, {"color": PALETTE[0]})
    figure.add_vline(x=0, line_color=GREY, line_dash="dot")
    figure.update_xaxes(title="recall lost (points)", tickangle=0, matches="x")
    figure.update_yaxes(autorange="reversed", dtick=1).update_yaxes(title="label", col=1)
    effect = means[means["measure"] == "effect"]
    sure = sum(lies_above(row.low, row.high) is True for row in effect.itertuples())
    title = (
        f"Top features cost {span(effect['mean'], '+.0f')} points beside matched ones, surely more in {sure} of "
        f"{len(effect)} siblings"
    )
    told = [f"{row.model} {row.mean:+.1f}" for row in effect.itertuples()]
    alt = (
        f"Dots of {table['label'].nunique()} labels; mean beyond matched features: {', '.join(told)} points."
    )
    height = 190 + 22 * table["label"].nunique()
    return show(figure, alt=alt, title=title, data=table, height=height)


def cues(table: pd.DataFrame, means: pd.DataFrame) -> Shown:
    """Tokens that fire the features of each label, as published, beside tokens drawn from the same posts.

    Parameters
    ----------
    table, means
        From :func:`emotion_utils.features.tables.label_cues` and ``cue_means``.
    """
    figure, drawn = panels(table)
    for _, own, at in drawn:
        dots(
            figure, own["top_token_share_null"], own["unique_tokens_null"], "tokens drawn from the same posts", at,
            NULL,
        )  # fmt: skip
        look: dict[str, Any] = {"color": PALETTE[0]}
        dots(
            figure, own["top_token_share"], own["unique_tokens"], "features of a label", at, look,
            text=own["label"], hovertemplate="%{text}: %{x:.2f}, %{y:.1f}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="share of the commonest token", tickangle=0)
    figure.update_yaxes(title="different tokens", col=1)
    by = means.set_index(["model", "measure"])["mean"]
    told = [f"{model} {by[(model, 'top_token_share')]:.2f}" for model in dict.fromkeys(means["model"])]
    title = f"Share of the commonest token, mean over labels: {', '.join(told)}"
    alt = f"Dots of {table['label'].nunique()} labels. {title}."
    return show(figure, alt=alt, title=title, data=table, height=420)


def survival(table: pd.DataFrame) -> Shown:
    """Features that survive another spelling of the same concept, or of another one.

    Parameters
    ----------
    table
        From :func:`emotion_utils.features.tables.survival`, one row for each k.
    """
    figure, drawn = panels(table)
    for _, own, at in drawn:
        k = own["k"].astype(str)
        dots(figure, k, own["null"], "spellings of other concepts", at, NULL, error_y=middle_95(own))
        dots(
            figure, k, own["value"], "spellings of one concept", at, {"color": PALETTE[0]},
            error_y=error_bars(own),
        )  # fmt: skip
    figure.update_xaxes(title="top features taken", type="category")
    figure.update_yaxes(title="share that survives", col=1)
    title = f"Of other concepts {span(table['null'])} survives, of the same one {span(table['value'])}"
    told = [f"{row.model} k={row.k} {row.value:.2f} ({row.null:.2f})" for row in table.itertuples()]
    return show(figure, alt=f"Dots by k: {', '.join(told)}.", title=title, data=table, height=380)

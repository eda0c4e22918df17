"""Figures of the dataset chapter."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import MOST, PALETTE, add_dots, label_colours


def length_distribution(lengths: pd.DataFrame) -> Shown:
    """How many prompts of each emotion have which length; where emotions are many, a box of each.

    Parameters
    ----------
    lengths
        From `prompts.report.lengths`.
    """
    part = lengths[lengths["unit"] == "tokens"]
    if part["emotion"].nunique() > MOST:
        return _length_boxes(part)
    counts = (
        part.groupby(["emotion", "length"], sort=False)
        .size()
        .rename("prompts")
        .reset_index()
        .sort_values("length")
    )
    figure = go.Figure()
    for emotion, colour in label_colours(part["emotion"].unique()).items():
        own = counts[counts["emotion"] == emotion]
        figure.add_bar(x=own["length"], y=own["prompts"], name=emotion, marker_color=colour)
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="length (tokens per prompt)").update_yaxes(title="prompts")
    low, high = int(part["length"].min()), int(part["length"].max())
    alt = (
        f"Stacked bars: prompts have {low} to {high} tokens, most often {int(part['length'].mode().iloc[0])}."
    )
    return show(figure, alt=alt, title="Length of the prompts in tokens", data=counts)


def _length_boxes(lengths: pd.DataFrame) -> Shown:
    """Median, quartiles and range of each emotion, the shortest first."""
    medians = lengths.groupby("emotion")["length"].median().sort_values(kind="stable")
    figure = go.Figure()
    for emotion in medians.index:
        own = lengths.loc[lengths["emotion"] == emotion, "length"]
        figure.add_box(
            x=own,
            name=emotion,
            orientation="h",
            boxpoints=False,
            showlegend=False,
            line={"color": PALETTE[0], "width": 1.2},
        )
    figure.update_xaxes(title="length (tokens per prompt)", rangemode="tozero")
    figure.update_yaxes(title="label", autorange="reversed", dtick=1)
    alt = (
        f"A box for each of {len(medians)} labels, the shortest first: median lengths run from {medians.iloc[0]:.0f} "
        f"tokens ({medians.index[0]}) to {medians.iloc[-1]:.0f} ({medians.index[-1]}), single prompts from "
        f"{lengths['length'].min()} to {lengths['length'].max()}."
    )
    title, height = "Length of the prompts in tokens", 120 + 20 * len(medians)
    shown = lengths[["id", "emotion", "length"]]
    return show(figure, alt=alt, title=title, data=shown, height=height)


def baseline_scores(table: pd.DataFrame) -> Shown:
    """Scores with their intervals, each beside the range of its permutation null and its chance level.

    Parameters
    ----------
    table
        From `prompts.lexical_baseline.lexicality`; rows without a value are left out.
    """
    rows = table[(table["metric"] == "accuracy") & table["value"].notna()]
    names = [
        f"{row.train}, folds" if row.test.endswith("folds") else f"{row.train} → {row.test}"
        for row in rows.itertuples()
    ]
    figure = go.Figure()
    error = {"array": rows["high"] - rows["value"], "arrayminus": rows["value"] - rows["low"]}
    add_dots(figure, rows["value"], names, "bag of words, 95 % interval", error, size=10, color=PALETTE[0])
    upper = {"array": rows["null_high"] - rows["null"], "arrayminus": [0.0] * len(rows)}
    permuted = "permuted labels: mean to 95th percentile"
    add_dots(figure, rows["null"], names, permuted, upper, size=9, color=PALETTE[6], symbol="diamond")
    largest = "always the largest class"
    add_dots(figure, rows["chance"], names, largest, size=12, color=PALETTE[3], symbol="line-ns-open")
    figure.update_xaxes(title="accuracy (share of prompts)", range=[0, 1.03])
    figure.update_yaxes(title="trained on (→ tested on)", autorange="reversed")
    alt = "; ".join(
        f"{name}: {row.value:.2f}, null {row.null:.2f}"
        for name, row in zip(names, rows.itertuples(), strict=True)
    )
    return show(
        figure,
        alt=f"Dots with intervals: {alt}.",
        title="What a bag of words achieves: accuracy",
        data=rows,
        height=380,
    )

"""Figures about the bundled models."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import PALETTE


def loss_curves(curves: pd.DataFrame) -> Shown:
    """Loss on unseen documents over training, against the entropy of the generator.

    Parameters
    ----------
    curves
        From `cards.loss_curves`.
    """
    figure = go.Figure()
    for i, (model, rows) in enumerate(curves.groupby("model")):
        figure.add_scatter(
            x=rows["tokens"] / 1e6, y=rows["validation_loss"] / rows["generator_entropy"], name=str(model),
            mode="lines", line={"color": PALETTE[i % len(PALETTE)], "dash": ("solid", "dot")["blind" in str(model)]},
        )  # fmt: skip
    figure.add_hline(y=1, line_dash="dash", line_color=PALETTE[-1])
    figure.update_xaxes(title="training tokens (millions)")
    figure.update_yaxes(title="loss over entropy", type="log")
    last = curves.groupby("model").tail(1)
    ends = last["validation_loss"] / last["generator_entropy"]
    alt = (
        f"Lines falling towards 1, the entropy of the generator; after training the {len(last)} models stand "
        f"between {ends.min():.2f} and {ends.max():.2f} times the entropy."
    )
    return show(
        figure, alt=alt, title="How close each model comes to the grammar that wrote its corpus", data=curves
    )


def measured(
    table: pd.DataFrame, measures: list[str], axis: str, title: str, bar: float | None = None
) -> Shown:
    """Measurements of the cards with their intervals, one row per model.

    Parameters
    ----------
    table
        From `cards.measurements`.
    measures
        Which of its measurements to draw.
    axis, title
        What the axis and the figure say.
    bar
        A line to compare with.
    """
    rows = table[table["measure"].isin(measures)]
    figure = go.Figure()
    for i, measure in enumerate(measures):
        own = rows[rows["measure"] == measure]
        error = {"array": own["high"] - own["value"], "arrayminus": own["value"] - own["low"]}
        figure.add_scatter(
            x=own["value"], y=own["model"], error_x=error, mode="markers", name=measure,
            marker={"size": 10, "color": PALETTE[i % len(PALETTE)]},
        )  # fmt: skip
    if bar is not None:
        figure.add_vline(x=bar, line_dash="dash", line_color=PALETTE[-1])
    figure.update_xaxes(title=axis).update_yaxes(title="model", autorange="reversed")
    alt = "; ".join(f"{r.model}, {r.measure}: {r.value:.2f}" for r in rows.itertuples())
    return show(figure, alt=alt, title=title, data=rows)

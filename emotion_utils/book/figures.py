"""Figures of the pages around the chapters: the picture of the welcome page, and those of the page on the models.

The picture has what is reported, what is ours, and the grey of what the same method says where nothing is.
"""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import GREY, PALETTE

REPORTED, OURS, SMALL = PALETTE[3], PALETTE[0], PALETTE[5]
LANE = 92
"""Pixels of a claim."""
LOWER = 0.18
"""How much lower ours stand than what is reported, in lanes, so that neither hides the other."""


def reported_and_ours(table: pd.DataFrame) -> Shown:
    """A lane per claim: a grey cloud of nulls, a dot for each of our models, and a diamond for what is reported.

    Parameters
    ----------
    table
        From :func:`emotion_utils.ledger.picture.picture`.
    """
    labels = list(dict.fromkeys(table["label"]))
    height = {label: len(labels) - i for i, label in enumerate(labels)}
    placed = table.assign(y=table["label"].map(height))
    figure = go.Figure()
    _cloud(figure, placed[placed["kind"] == "nothing there"])
    _ours(figure, placed[placed["kind"] == "ours"])
    theirs = placed[placed["kind"] == "reported"]
    figure.add_scatter(
        x=theirs["value"], y=theirs["y"], mode="markers", name="reported", text=theirs["model"],
        marker={"symbol": "diamond", "size": 13, "color": REPORTED, "line": {"width": 1.5, "color": "#FFFFFF"}},
        hovertemplate="%{text}: %{x:.3f}<extra></extra>",
    )  # fmt: skip
    for label, at in height.items():
        figure.add_annotation(
            x=0,
            xref="paper",
            xanchor="left",
            y=at,
            yshift=24,
            text=f"<b>{label}</b>",
            showarrow=False,
            align="left",
        )
    figure.update_xaxes(title="overlap, cosine, attention, effect size", zeroline=True)
    figure.update_yaxes(visible=False, range=[0.45, len(labels) + 0.75], fixedrange=True)
    figure.update_layout(margin={"l": 8, "r": 8})
    title = _title(table)
    return show(
        figure, title=title, alt=_alt(table), data=table.drop(columns="claim"), height=LANE * len(labels) + 130,
        caption="Diamond: what a report prints. Dots: what we measure with the same method. Grey: what the method "
        "gives where nothing is there to find. A diamond or dot inside the grey has found nothing.",
    )  # fmt: skip


def _cloud(figure: go.Figure, nulls: pd.DataFrame) -> None:
    """Wide grey marks that add up, and a grey bar where a null has a range."""
    for row in nulls[nulls["high"] > nulls["low"]].itertuples():
        figure.add_scatter(
            x=[row.low, row.high], y=[row.y, row.y], mode="lines", line={"width": 16, "color": GREY}, opacity=0.3,
            showlegend=False, hovertemplate=f"{row.model}: %{{x:.3f}}<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=nulls["value"], y=nulls["y"], mode="markers", name="nothing there", text=nulls["model"],
        marker={"size": 16, "color": GREY, "opacity": 0.4},
        hovertemplate="nothing there, %{text}: %{x:.3f}<extra></extra>",
    )  # fmt: skip


def _ours(figure: go.Figure, ours: pd.DataFrame) -> None:
    """Real models as full circles, small ones as open ones, with their intervals."""
    real = ours["model"].str.contains("pretrained")
    for name, rows, symbol, colour in (
        ("ours, pretrained", ours[real], "circle", OURS),
        ("ours, small world", ours[~real], "circle-open", SMALL),
    ):
        if len(rows):
            bars = {
                "array": (rows["high"] - rows["value"]).clip(lower=0).fillna(0),
                "arrayminus": (rows["value"] - rows["low"]).clip(lower=0).fillna(0),
                "thickness": 1.4,
                "width": 0,
            }
            figure.add_scatter(
                x=rows["value"], y=rows["y"] - LOWER, mode="markers", name=name, text=rows["model"], error_x=bars,
                marker={"size": 11, "color": colour, "symbol": symbol, "line": {"width": 2}},
                hovertemplate="%{text}: %{x:.3f}<extra></extra>",
            )  # fmt: skip


def _title(table: pd.DataFrame) -> str:
    """Whether what nothing gives reaches what is reported, of the first claim."""
    first = table[table["claim"] == table["claim"].iloc[0]]
    nulls, theirs = (first[first["kind"] == kind] for kind in ("nothing there", "reported"))
    if len(nulls) and nulls["high"].max() >= theirs["value"].iloc[0]:
        return f"What shares nothing scores {theirs['value'].iloc[0]:.2f} as well"
    return "What is reported, what we measure, and what nothing gives"


def _alt(table: pd.DataFrame) -> str:
    said = []
    for label, rows in table.groupby("label", sort=False):
        ours, nulls = (rows[rows["kind"] == kind] for kind in ("ours", "nothing there"))
        theirs = rows.loc[rows["kind"] == "reported", "value"].iloc[0]
        span = f"{nulls['low'].min():.2f} to {nulls['high'].max():.2f}" if len(nulls) else "not measured"
        own = f"{ours['value'].min():.2f} to {ours['value'].max():.2f}"
        said.append(f"{label}: reported {theirs:.2f}, ours {own}, where nothing is there {span}")
    return "; ".join(said) + "."


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

"""The picture of the welcome page: reported, ours, and the grey of what the same method says where nothing is."""

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

"""What an emotion's vector reaches beside its rivals, in nats and in texts."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_utils.figures.label_colours import label_colours
from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import GREY, PALETTE, error_bars

ARMS = {
    "untouched": ("untouched", "circle-open", GREY),
    "isotropic": ("random vectors of equal length, mean", "line-ns-open", GREY),
    "logit bias": ("bias on first words, as far from the untouched model", "diamond", PALETTE[1]),
    "emotion vector": ("the emotion's vector", "circle", PALETTE[0]),
}
"""What each arm is called, its mark and colour, from below to above."""
OUTCOMES = {"shift": "log-odds of genuine replies (nats)", "says_it": "texts that say the emotion"}
ROW = 110


def arms(by_arm: pd.DataFrame, title: str) -> Shown:
    """Every arm of each emotion with its interval, log-odds beside texts.

    Parameters
    ----------
    by_arm
        Columns ``emotion, arm, outcome, value, low, high``.
    title
        What it shows.
    """
    emotions = list(dict.fromkeys(by_arm["emotion"]))
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.05)
    for column, (outcome, unit) in enumerate(OUTCOMES.items(), 1):
        for place, (arm, (name, mark, colour)) in enumerate(ARMS.items()):
            rows = by_arm[(by_arm["arm"] == arm) & (by_arm["outcome"] == outcome)]
            heights = [emotions.index(emotion) + (1.5 - place) * 0.17 for emotion in rows["emotion"]]
            figure.add_scatter(
                x=rows["value"], y=heights, mode="markers", name=name, legendgroup=arm, showlegend=column == 1,
                error_x=error_bars(rows), text=rows["emotion"], row=1, col=column,
                marker={"symbol": mark, "color": colour, "size": 10, "line": {"width": 2, "color": colour}},
                hovertemplate=f"%{{text}}, {name}: %{{x:.2f}}<extra></extra>",
            )  # fmt: skip
        figure.update_xaxes(title=unit, row=1, col=column)
    figure.add_vline(x=0, line_dash="dot", line_color=GREY, row=1, col=1)
    figure.update_xaxes(tickformat=".0%", range=[-0.03, 1.05], row=1, col=2)
    figure.update_yaxes(tickvals=list(range(len(emotions))), ticktext=emotions, autorange="reversed")
    figure.update_yaxes(title="emotion", col=1)
    wide = by_arm.pivot(index="emotion", columns=["outcome", "arm"], values="value")
    told = "; ".join(
        f"{emotion}: "
        + ", ".join(
            f"{ARMS[arm][0]} {wide.loc[emotion, ('shift', arm)]:+.1f} nats and "
            f"{wide.loc[emotion, ('says_it', arm)]:.0%} of texts"
            for arm in reversed(ARMS)
        )
        for emotion in emotions
    )
    note = (
        "Bars are 95 % intervals over kinds of events. Log-odds are against neutral replies, minus the untouched "
        "model's."
    )
    return show(
        figure, alt=f"{told}.", title=title, caption=note, data=by_arm, height=170 + ROW * len(emotions)
    )


def beyond_bias(cells: pd.DataFrame, control: str) -> Shown:
    """Of every model and emotion, what the vector reaches beyond the bias in nats, with its interval.

    Parameters
    ----------
    cells
        Rows against the bias in nats: ``model, emotion, difference, low, high``.
    control
        The model that has nothing to carry, drawn hollow.
    """
    names, emotions = list(dict.fromkeys(cells["model"])), list(dict.fromkeys(cells["emotion"]))
    figure, colours = go.Figure(), label_colours(emotions)
    for place, emotion in enumerate(emotions):
        rows = cells[cells["emotion"] == emotion]
        heights = [names.index(name) + (place - (len(emotions) - 1) / 2) * 0.2 for name in rows["model"]]
        symbols = ["circle-open" if name == control else "circle" for name in rows["model"]]
        figure.add_scatter(
            x=rows["difference"], y=heights, mode="markers", name=emotion, text=rows["model"],
            error_x=error_bars(rows, "difference"), marker={"symbol": symbols, "size": 9, "color": colours[emotion]},
            hovertemplate="%{text}: %{x:+.1f} nats<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=0, line_dash="dash", line_color=GREY, annotation_text="the bias")
    figure.update_xaxes(title="vector minus bias (nats)")
    figure.update_yaxes(title="model", tickvals=list(range(len(names))), ticktext=names, autorange="reversed")
    mean = cells.groupby("model", sort=False)["difference"].mean()
    told = "; ".join(f"{name} {value:+.1f}" for name, value in mean.items())
    return show(
        figure, alt=f"Mean over the emotions, in nats: {told}.", title="What steering adds to a bias on first words",
        caption="Bars are 95 % intervals over kinds of events; the blind model is hollow.", data=cells, height=470,
    )  # fmt: skip

"""Figures of the calibration laboratory."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import GREY, PALETTE, add_dots, add_line, error_bars

DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up")


def stated(facts: pd.DataFrame, ranges: dict[tuple[str, str], tuple[float, float]]) -> Shown:
    """Values of formulas on models that share nothing, beside the ranges that were stated.

    Parameters
    ----------
    facts
        From `calibration.published.beside_stated`.
    ranges
        `calibration.published.STATED`.
    """
    names = [f"{r.formula}: {r.setting}" for r in facts.itertuples()]
    ends = [ranges[r.formula, r.setting] for r in facts.itertuples()]
    middle = [(low + high) / 2 for low, high in ends]
    figure = go.Figure()
    half = [(high - low) / 2 for low, high in ends]
    wide = {"array": half, "thickness": 7, "width": 0, "color": PALETTE[1]}
    add_dots(figure, middle, names, "stated", wide, color=PALETTE[1], symbol="line-ns-open", size=14)
    simulated = "these simulations: mean, least to largest"
    add_dots(figure, facts["value"], names, simulated, error_bars(facts), color=PALETTE[0], size=8)
    figure.update_xaxes(title="value of the formula (1 is perfect agreement)", range=[-0.03, 1.05])
    figure.update_yaxes(title="formula: setting", autorange="reversed")
    listed = "; ".join(f"{n} {v:.2f}" for n, v in zip(names, facts["value"], strict=True))
    return show(
        figure,
        alt=f"Dots beside stated ranges. Means: {listed}.",
        title="Two models that share nothing",
        data=facts,
        height=700,
    )


def causes(table: pd.DataFrame, chance: float) -> Shown:
    """The value of the first published formula with each cause switched on or off.

    Parameters
    ----------
    table
        From `calibration.published.causes`.
    chance
        k/d.
    """
    names = [f"{r.precision}, {r.basis}" for r in table.itertuples()]
    rows = table.assign(name=names)
    figure = go.Figure()
    for i, (kind, own) in enumerate(rows.groupby("spectrum", sort=False)):
        figure.add_bar(
            x=own["name"], y=own["value"], name=f"{kind} spectrum", marker_color=PALETTE[i], error_y=error_bars(own)
        )  # fmt: skip
    figure.add_hline(y=chance, line_dash="dot", line_color=GREY, annotation_text="k/d")
    figure.update_layout(barmode="group")
    figure.update_xaxes(title="precision of the map, basis after mapping")
    figure.update_yaxes(title="value of the formula", range=[0, 1.05])
    listed = "; ".join(f"{r.spectrum} spectrum, {r.name} {r.value:.3f}" for r in rows.itertuples())
    return show(
        figure, alt=f"Bars: {listed}; k/d is {chance:.3f}.", title="The causes one by one", data=table
    )


def scales(facts: pd.DataFrame, published: dict[str, float]) -> Shown:
    """The second published formula over the scale of the target's activations, and where published values lie.

    Parameters
    ----------
    facts
        From `calibration.published.beside_stated`.
    published
        The reports' values by model.
    """
    rows = facts[(facts["formula"] == "published_phase8") & facts["setting"].str.startswith("scale")]
    rows = rows.assign(scale=rows["setting"].str.removeprefix("scale ").astype(float)).sort_values("scale")
    figure = go.Figure()
    nothing = "models that share nothing"
    add_line(figure, rows["scale"], rows["value"], nothing, error_bars(rows), color=PALETTE[0])
    for i, (model, value) in enumerate(published.items()):
        figure.add_hline(
            y=value,
            line_dash=DASHES[1 + i % 3],
            line_color=PALETTE[1 + i],
            annotation_text=f"report: {model}",
        )
    figure.update_xaxes(title="scale of the target's activations, times", type="log")
    figure.update_yaxes(title="value of the formula", range=[-0.02, 1.05])
    listed = "; ".join(f"scale {r.scale:g}: {r.value:.4f}" for r in rows.itertuples())
    told = "; ".join(f"{model} {value:g}" for model, value in published.items())
    alt = f"A falling curve: {listed}. The reports' values, {told}, lie on its range."
    return show(
        figure, alt=alt, title="One formula, nothing to find, and the unit of the activations", data=rows
    )


def false_positives(table: pd.DataFrame, level: float) -> Shown:
    """Rates of false positives with exact bounds, one line per score and kind of null.

    Parameters
    ----------
    table
        From `calibration.trials.rates`, with the column ``null``.
    level
        The rate that was promised.
    """
    figure = go.Figure()
    for i, (null, own) in enumerate(table.groupby("null", sort=False)):
        names = [f"{score}, {null}" for score in own["score"]]
        look = {"color": PALETTE[i], "symbol": SYMBOLS[i % 4]}
        add_dots(figure, own["rate"], names, null, error_bars(own, "rate"), **look, size=10)
    figure.add_vline(x=level, line_dash="dash", line_color=GREY, annotation_text="promised")
    figure.update_xaxes(title="share of p at or below the level", rangemode="tozero", tickformat=".0%")
    figure.update_yaxes(title="score, kind of null", autorange="reversed")
    listed = "; ".join(f"{r.null}, {r.score}: {r.rate:.1%}" for r in table.itertuples())
    alt = f"Dots with exact bounds: {listed}; {level:.0%} was promised."
    return show(figure, alt=alt, title="How often the sound pipeline finds what is not there", data=table)


def null_p_values(repeated: pd.DataFrame) -> Shown:
    """Share of p at or below each value, where there is nothing to find; a sound method follows the diagonal.

    Parameters
    ----------
    repeated
        From `calibration.methods.repeat`.
    """
    figure = go.Figure()
    ends = []
    for i, (score, own) in enumerate(repeated.groupby("score", sort=False)):
        p = sorted(own["again"])
        share = [(j + 1) / len(p) for j in range(len(p))]
        figure.add_scatter(
            x=[0, *p, 1], y=[0, *share, 1], name=str(score), mode="lines",
            line={"color": PALETTE[i], "dash": DASHES[i], "shape": "hv"},
        )  # fmt: skip
        ends.append(f"{score} {sum(q <= 0.5 for q in p) / len(p):.0%}")
    figure.add_scatter(
        x=[0, 1], y=[0, 1], name="uniform", mode="lines", line={"color": GREY, "dash": "longdash"}
    )
    figure.update_xaxes(title="p", range=[0, 1]).update_yaxes(title="share at or below", range=[0, 1.02])
    alt = f"Steps close to the diagonal; at p = 0.5 they stand at {', '.join(ends)}."
    return show(figure, alt=alt, title="p where there is nothing to find", data=repeated)


def power(table: pd.DataFrame, along: str, title: str, unit: str) -> Shown:
    """How often something is found, over its strength or over noise.

    Parameters
    ----------
    table
        With ``rows, score, rate, low, high``.
    along
        The column on the x axis.
    title, unit
        Of the figure, and of its x axis.
    """
    figure = go.Figure()
    for j, (rows, same) in enumerate(table.groupby("rows")):
        for i, (score, own) in enumerate(same.groupby("score", sort=False)):
            x, name = own[along].astype(str), f"{score}, {rows} rows"
            look = {"color": PALETTE[i], "dash": DASHES[j % 4]}
            add_line(figure, x, own["rate"], name, error_bars(own, "rate"), **look)
    figure.update_xaxes(title=unit, type="category")
    figure.update_yaxes(title="found", range=[-0.03, 1.05], tickformat=".0%")
    largest = table[table["rows"] == table["rows"].max()]
    means = largest.groupby(along)["rate"].mean()
    listed = "; ".join(f"{key:g}: {value:.0%}" for key, value in means.items())
    alt = f"Curves; with {table['rows'].max()} rows, mean of the scores by {along}: {listed}."
    return show(figure, alt=alt, title=title, data=table, height=460)


def coverage(table: pd.DataFrame, fewest: int) -> Shown:
    """Coverage of intervals over the number of units.

    Parameters
    ----------
    table
        From `calibration.coverage.coverage`; of one effect.
    fewest
        The number of units below which the book gives no interval.
    """
    figure = go.Figure()
    for i, (name, own) in enumerate(table.groupby("interval", sort=False)):
        look = {"color": PALETTE[i], "dash": DASHES[i % len(DASHES)]}
        add_line(figure, own["units"].astype(str), own["rate"], name, error_bars(own, "rate"), **look)
    figure.add_hrect(y0=0.93, y1=0.97, fillcolor="rgba(140,140,140,0.25)", line_width=0)
    figure.update_xaxes(title="units (template families)", type="category")
    figure.update_yaxes(title="intervals that hold the truth", tickformat=".0%")
    chosen = table[table["units"].isin([fewest, table["units"].max()])]
    listed = "; ".join(f"{r.interval}, {r.units} units: {r.rate:.1%}" for r in chosen.itertuples())
    alt = f"Curves about the promised 95 %: {listed}. A grey band marks 93 to 97 %."
    return show(figure, alt=alt, title="Do 95 % intervals hold the truth?", data=table)

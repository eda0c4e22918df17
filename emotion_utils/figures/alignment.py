"""Figures of the chapter on subspaces and alignment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import DIVERGING, GREY, PALETTE, SEQUENTIAL, add_dots, error_bars
from emotion_utils.statistics.permutations import LEVEL


def short(name: str) -> str:
    """A name that fits on an axis."""
    return name.split("/")[-1].removeprefix("small-")


def overlap_map(table: pd.DataFrame, k: int) -> Shown:
    """Overlap of all pairs of models at one k, in times its chance level.

    Parameters
    ----------
    table
        From `overlaps.raw_overlaps`.
    k
        Which rows.
    """
    rows = table[table["k"] == k].assign(ratio=lambda t: t["overlap"] / t["chance"])
    names = list(dict.fromkeys([*rows["one"], *rows["other"]]))
    values = np.full((len(names), len(names)), np.nan)
    for row in rows.itertuples():
        i, j = names.index(row.one), names.index(row.other)
        values[i, j] = values[j, i] = row.ratio
    labels = [short(name) for name in names]
    figure = go.Figure(
        go.Heatmap(
            z=values, x=labels, y=labels, colorscale=DIVERGING, zmin=0.4, zmax=1.6,
            colorbar={"title": {"text": "overlap / chance"}}, hoverongaps=False,
            hovertemplate="%{y} and %{x}: %{z:.2f} times chance<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title="model")
    figure.update_yaxes(title="model", autorange="reversed")
    alt = (
        f"Heat map of {len(rows)} pairs: the overlap is {rows['ratio'].min():.2f} to {rows['ratio'].max():.2f} times "
        f"chance, which is {rows['chance'].iloc[0]:.3f}; {int((rows['p'] <= LEVEL).sum())} pairs have p of "
        f"{LEVEL:g} or less."
    )
    return show(figure, alt=alt, title=f"Raw overlap at k = {k}, in times chance", data=rows)


def specificity(table: pd.DataFrame) -> Shown:
    """Overlap with the model's own neutral subspace by layer, beside that of differences of two neutral sentences.

    Parameters
    ----------
    table
        Layers of `neutral_variance.Specific`, one or more models.
    """
    means = table.groupby(["model", "layer"], sort=False)[["value", "reference"]].mean().reset_index()
    models = list(dict.fromkeys(means["model"]))
    figure = go.Figure()
    for i, model in enumerate(models):
        own = means[means["model"] == model]
        colour = PALETTE[i % len(PALETTE)]
        deepest = max(own["layer"]) + 1
        depth = (own["layer"] + 1) / deepest
        figure.add_scatter(
            x=depth, y=own["value"], name=short(model), mode="lines+markers",
            line={"color": colour}, marker={"symbol": i, "size": 9},
        )  # fmt: skip
        figure.add_scatter(
            x=depth, y=own["reference"], name=f"{short(model)}, no emotion", mode="lines", showlegend=i == 0,
            line={"color": colour, "dash": "dot"},
        )  # fmt: skip
    figure.data[1].name = "dotted: second neutral minus neutral"
    figure.update_xaxes(title="relative depth, (layer + 1) / layers")
    figure.update_yaxes(title="overlap, mean of three emotions", range=[0, 1.03])
    alt = (
        f"Lines by depth: the emotion subspaces overlap the neutral one by {means['value'].min():.2f} to "
        f"{means['value'].max():.2f}; differences without emotion by {means['reference'].min():.2f} "
        f"to {means['reference'].max():.2f}."
    )
    return show(figure, alt=alt, title="How neutral is an emotion subspace?", data=table, height=460)


def layers(table: pd.DataFrame, score: str, label: str) -> Shown:
    """One score of one pair of models for all pairs of layers, on axes of relative depth.

    Parameters
    ----------
    table
        From `Alignment.table`.
    score
        Which one.
    label
        What it is called.
    """
    rows = table[table["score"] == score]
    excess = rows.assign(excess=rows["value"] - rows["null"])
    wide = excess.pivot(index="source_layer", columns="target_layer", values="excess")
    x, y = ([f"{(layer + 1) / (max(axis) + 1):.2f}" for layer in axis] for axis in (wide.columns, wide.index))
    largest = float(np.abs(wide.to_numpy()).max())
    figure = go.Figure(
        go.Heatmap(
            z=wide.to_numpy(), x=x, y=y, colorscale=DIVERGING, zmin=-largest, zmax=largest,
            colorbar={"title": {"text": f"{label} minus null"}},
            hovertemplate="source %{y}, target %{x}: %{z:.3f}<extra></extra>",
        )
    )  # fmt: skip
    source, target = rows["source"].iloc[0], rows["target"].iloc[0]
    figure.update_xaxes(title=f"relative depth of {target}", type="category")
    figure.update_yaxes(title=f"relative depth of {source}", type="category")
    best = excess.loc[excess["excess"].idxmax()]
    alt = (
        f"Heat map: {label} minus its null runs from {wide.min().min():.2f} to {wide.max().max():.2f}; the largest is "
        f"at layer {best['source_layer']} of {source} and layer {best['target_layer']} of {target}."
    )
    title = f"{label[0].upper()}{label[1:]}, layer by layer: {source} to {target}"
    return show(figure, alt=alt, title=title, data=rows, height=380)


def message(
    published: pd.DataFrame, best: pd.DataFrame, score: str, label: str, names: Sequence[str]
) -> Shown:
    """The message of the chapter: the published score, the same with wrong pairs, and the calibrated sound one.

    Parameters
    ----------
    published
        Columns ``source, target, after, permuted``.
    best
        From `PairAlignments.best`.
    score, label
        Which sound score, and what it is called.
    names
        Models, in order.
    """
    sound = best[best["score"] == score]
    tables = (
        published.set_index(["source", "target"])["after"],
        published.set_index(["source", "target"])["permuted"],
        sound.set_index(["source", "target"])["calibrated"],
    )
    titles = ("published score", "published, wrong pairs", f"calibrated {label}")
    figure = make_subplots(cols=1, rows=3, shared_xaxes=True, vertical_spacing=0.04)
    labels = [short(name) for name in names]
    for row, values in enumerate(tables, 1):
        grid = [[values.get((a, b), np.nan) for b in names] for a in names]
        figure.add_trace(
            go.Heatmap(
                z=grid, x=labels, y=labels, coloraxis="coloraxis", hoverongaps=False,
                hovertemplate="%{y} to %{x}: %{z:.2f}<extra></extra>", name=titles[row - 1],
            ),
            row=row, col=1,
        )  # fmt: skip
        figure.update_yaxes(title=titles[row - 1], autorange="reversed", row=row, col=1)
    figure.update_xaxes(title="target (rows are sources)", row=3, col=1)
    figure.update_layout(
        coloraxis={"colorscale": SEQUENTIAL, "cmin": 0, "cmax": 1, "colorbar": {"title": {"text": "score"}}}
    )
    kept = [values[[a != b for a, b in values.index]] for values in tables]
    alt = (
        f"Three heat maps of sources by targets. The published score averages {kept[0].mean():.2f} and with wrong "
        f"pairs {kept[1].mean():.2f}; the calibrated {label} averages {kept[2].mean():.2f} "
        f"({kept[2].min():.2f} to {kept[2].max():.2f})."
    )
    both = published.merge(sound[["source", "target", "calibrated", "p"]], on=["source", "target"])
    return show(figure, alt=alt, title="Published and sound, pair by pair", data=both, height=980)


def against_controls(table: pd.DataFrame, labels: dict[str, str]) -> Shown:
    """Excess of trained sources over their null minus that of control sources, with intervals.

    Parameters
    ----------
    table
        From `controls.aligned` or `controls.alike`.
    labels
        Names of the scores.
    """
    figure, said = go.Figure(), []
    for i, (score, own) in enumerate(table.groupby("score", sort=False)):
        names = [f"{labels[str(score)]}: {short(control)}" for control in own["control"]]
        error = error_bars(own, "difference") if own["low"].notna().all() else None
        look = {"color": PALETTE[i], "symbol": i, "size": 10}
        add_dots(figure, own["difference"], names, labels[str(score)], error, **look)
        said.append(
            f"{labels[str(score)]} "
            + ", ".join(f"{r.difference:+.2f} beside {short(r.control)}" for r in own.itertuples())
        )
    figure.add_vline(x=0, line={"color": GREY, "dash": "dash"})
    figure.update_xaxes(title="excess over the null: trained minus control, 95 % interval")
    figure.update_yaxes(title="score: control", autorange="reversed")
    return show(
        figure,
        alt=f"Dots: {'; '.join(said)}.",
        title="What trained sources have over controls",
        data=table,
        height=360,
    )


def similarity(table: pd.DataFrame, measure: str) -> Shown:
    """Similarity of pairs, beside what the words alone give and what is left without them.

    Parameters
    ----------
    table
        From `rsa_cka.compare`.
    measure
        Its name.
    """
    rows = table[table["measure"] == measure]
    names = [f"{short(r.one)} – {short(r.other)}" for r in rows.itertuples()]
    figure = go.Figure()
    error = error_bars(rows)
    for column, name, colour, symbol in (
        ("null_high", "permuted prompts, 95th percentile", GREY, "diamond"),
        ("words", "each with the words, mean", PALETTE[3], "line-ns-open"),
        ("partial", "without what the words share", PALETTE[1], "square"),
        ("value", "pair, 95 % interval", PALETTE[0], "circle"),
    ):
        own = error if column == "value" and rows["low"].notna().any() else None
        add_dots(figure, rows[column], names, name, own, color=colour, symbol=symbol, size=9)
    figure.update_xaxes(title=measure)
    figure.update_yaxes(title="pair", autorange="reversed")
    alt = (
        f"Dots for {len(rows)} pairs: {measure} {rows['value'].min():.2f} to {rows['value'].max():.2f}, with the words "
        f"{rows['words'].min():.2f} to {rows['words'].max():.2f}, without them {rows['partial'].min():.2f} to "
        f"{rows['partial'].max():.2f}, permuted at most {rows['null_high'].max():.2f}."
    )
    return show(
        figure, alt=alt, title=f"{measure} between models", data=rows, height=max(400, 170 + 24 * len(rows))
    )


def k_choice(table: pd.DataFrame) -> Shown:
    """How often each rule chooses each k: prompts resampled, and pairings that mean nothing.

    Parameters
    ----------
    table
        The table of a `choice_of_k.Choice`.
    """
    figure, said = go.Figure(), []
    names = [f"k = {k}" for k in table["k"]]
    for column, name, colour in (
        ("boot_z", "z, prompts resampled", PALETTE[0]),
        ("null_z", "z, wrong pairings", PALETTE[5]),
        ("boot_ratio", "ratio to chance, prompts resampled", PALETTE[3]),
        ("null_ratio", "ratio to chance, wrong pairings", PALETTE[1]),
    ):
        figure.add_bar(x=names, y=table[column], name=name, marker={"color": colour})
        said.append(f"{name}: {', '.join(f'{share:.0%}' for share in table[column])}")
    figure.update_xaxes(title="dimensions")
    figure.update_yaxes(title="share of draws that choose it", tickformat=".0%", range=[0, 1.03])
    alt = f"Bars for {', '.join(names)}. {'; '.join(said)}."
    return show(figure, alt=alt, title="Which k do the rules choose?", data=table)


def maps(table: pd.DataFrame, labels: dict[str, str]) -> Shown:
    """Every score of every kind of map, pair by pair, beside the 95th percentile of wrong pairs.

    Parameters
    ----------
    table
        From `map_scores.compare_maps`.
    labels
        Names of the scores.
    """
    figure, said = make_subplots(rows=len(labels), cols=1, vertical_spacing=0.1), []
    for row, (score, label) in enumerate(labels.items(), 1):
        own = table[table["score"] == score]
        for i, ((source, target), part) in enumerate(own.groupby(["source", "target"], sort=False)):
            name = f"{short(source)} to {short(target)}"
            # in Plotly's numbers a symbol plus 100 is the same one, open
            for column, mark, kind in (("null_high", i + 100, ", wrong pairs"), ("value", i, "")):
                figure.add_scatter(
                    x=part[column], y=part["map"], name=name + kind, mode="markers", showlegend=row == 1,
                    marker={"color": PALETTE[i % len(PALETTE)], "symbol": mark, "size": 10}, row=row, col=1,
                )  # fmt: skip
        figure.update_xaxes(title=label, row=row, col=1)
        figure.update_yaxes(title="map", autorange="reversed", row=row, col=1)
        means = own.groupby("map", sort=False)[["value", "null_high"]].mean()
        each = (f"{m.Index} {m.value:.2f} (wrong pairs {m.null_high:.2f})" for m in means.itertuples())
        said.append(f"{label}: {', '.join(each)}")
    alt = f"Dots; mean of the pairs and 95th percentile of wrong pairs. {'; '.join(said)}."
    return show(figure, alt=alt, title="Six kinds of maps by three scores", data=table, height=960)

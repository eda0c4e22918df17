"""Figures of the chapter on subspaces and alignment."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import DIVERGING, GREY, PALETTE, SEQUENTIAL, add_dots, error_bars
from emotion_utils.statistics.permutations import LEVEL

MARGIN = 0.02
"""Of an axis beyond the last dot, so that none is cut."""


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
    rows = -(-len(models) // 2)
    figure = make_subplots(
        rows=rows, cols=min(2, len(models)), shared_xaxes=True, shared_yaxes=True,
        subplot_titles=[short(model) for model in models], vertical_spacing=0.24 / rows, horizontal_spacing=0.05,
    )  # fmt: skip
    looks = (
        ("reference", "a second neutral clause", {"color": GREY, "dash": "dot"}),
        ("value", "an emotional clause, mean of the emotions", {"color": PALETTE[0]}),
    )
    for i, model in enumerate(models):
        own, at = means[means["model"] == model], {"row": i // 2 + 1, "col": i % 2 + 1}
        depth = (own["layer"] + 1) / (own["layer"].max() + 1)
        for column, name, line in looks:
            figure.add_scatter(
                x=depth, y=own[column], name=name, mode="lines", line=line, showlegend=i == 0, legendgroup=name, **at
            )  # fmt: skip
        figure.update_xaxes(title="relative depth" if i >= len(models) - 2 else None, range=[0, 1.03], **at)
    highest = float(means[["value", "reference"]].max().max())
    figure.update_yaxes(range=[0, 1.1 * highest], matches="y").update_yaxes(title="overlap", col=1)
    lower = means["value"] < means["reference"]
    below = [model for model, own in lower.groupby(means["model"], sort=False) if own.all()]
    alt = (
        f"Lines by depth: the emotion subspaces overlap the neutral one by {means['value'].min():.2f} to "
        f"{means['value'].max():.2f}; differences without emotion by {means['reference'].min():.2f} "
        f"to {means['reference'].max():.2f}."
    )
    title = f"Emotional clauses lie below a second neutral one at every depth in {len(below)} of {len(models)} models"
    return show(figure, alt=alt, title=title, data=table, height=140 + 110 * rows)


def layers(table: pd.DataFrame, score: str, label: str, n: int) -> Shown:
    """One score minus its null for all pairs of relative depths; a line is drawn around what wrong pairs do not reach.

    Parameters
    ----------
    table
        From `pooled.by_depth`.
    score
        Which one.
    label
        What it is called.
    n
        Ordered pairs of models, of which these are means.
    """
    rows = table[table["score"] == score].assign(
        excess=lambda t: t["value"] - t["null"], beyond=lambda t: t["value"] - t["null_high"]
    )
    grids = (
        rows.pivot(index="source_depth", columns="target_depth", values=name) for name in ("excess", "beyond")
    )
    excess, over = (grid.to_numpy() for grid in grids)
    x, y = ([f"{d:.2f}" for d in sorted(rows[end].unique())] for end in ("target_depth", "source_depth"))
    figure = go.Figure(
        go.Heatmap(
            z=excess, x=x, y=y, colorscale=SEQUENTIAL,
            zmin=min(0.0, float(np.nanmin(excess))), zmax=float(np.nanmax(excess)),
            colorbar={"title": {"text": f"{label} minus its null"}},
            hovertemplate="source %{y}, target %{x}: %{z:.3f}<extra></extra>",
        )
    )  # fmt: skip
    figure.add_contour(
        z=over, x=x, y=y, showscale=False, contours={"start": 0, "end": 0, "coloring": "none"},
        line={"color": "#FFFFFF", "width": 3}, hoverinfo="skip", name="95 % of wrong pairs",
    )  # fmt: skip
    figure.update_xaxes(title="relative depth of the target", type="category")
    figure.update_yaxes(title="relative depth of the source", type="category")
    best, inside = rows.loc[rows["excess"].idxmax()], int((rows["beyond"] > 0).sum())
    alt = (
        f"Heat map: {label} minus its null runs from {np.nanmin(excess):.2f} to {np.nanmax(excess):.2f}; the largest "
        f"is at depth {best['source_depth']:.2f} of the source and {best['target_depth']:.2f} of the target. {inside} "
        f"of {len(rows)} cells lie above the 95th percentile of wrong pairs."
    )
    title = f"{label[0].upper()}{label[1:]}: {inside} of {len(rows)} pairs of depths beyond wrong pairs"
    caption = f"Means of {n} ordered pairs of models. " + (
        "Every cell lies above the 95th percentile of wrong pairs."
        if inside == len(rows)
        else "No cell lies above the 95th percentile of wrong pairs."
        if inside == 0
        else "The white line is the 95th percentile of wrong pairs."
    )
    return show(figure, alt=alt, title=title, caption=caption, data=rows, height=380)


def message(published: pd.DataFrame, best: pd.DataFrame, score: str, label: str) -> Shown:
    """The message of the chapter: true pairs of sentences against wrong ones, by the published and by a sound score.

    Parameters
    ----------
    published
        Columns ``source, target, after, permuted``.
    best
        From `PairAlignments.best`.
    score, label
        Which sound score, and what it is called.
    """
    sound = best[best["score"] == score]
    panels = (
        ("published score", published["permuted"], published["after"], published),
        (label, sound["null"], sound["value"], sound),
    )
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.12)
    said = []
    for column, (name, wrong, true, pairs) in enumerate(panels, 1):
        low, high = (
            float(np.floor(20 * min(wrong.min(), true.min())) / 20) - MARGIN,
            float(np.ceil(20 * max(wrong.max(), true.max())) / 20) + MARGIN,
        )
        figure.add_scatter(
            x=[low, high], y=[low, high], mode="lines", line={"color": GREY, "dash": "dash"}, showlegend=column == 1,
            name="no difference", hoverinfo="skip", row=1, col=column,
        )  # fmt: skip
        figure.add_scatter(
            x=wrong, y=true, mode="markers", name="one source and target", showlegend=column == 1,
            marker={"color": PALETTE[0], "size": 9, "opacity": 0.75},
            text=[f"{short(a)} to {short(b)}" for a, b in zip(pairs["source"], pairs["target"], strict=True)],
            hovertemplate="%{text}: %{y:.2f}, wrong pairs %{x:.2f}<extra></extra>", row=1, col=column,
        )  # fmt: skip
        figure.update_xaxes(title=f"{name}, wrong pairs", range=[low, high], row=1, col=column)
        figure.update_yaxes(title="true pairs", range=[low, high], row=1, col=column)
        said.append(
            f"{name} {true.mean():.2f} on average with true pairs of sentences, {wrong.mean():.2f} with wrong ones; "
            f"{int((true > wrong).sum())} of {len(true)} lie above the diagonal"
        )
    above = int((published["after"] > published["permuted"]).sum())
    if above > len(published) * 3 / 4:
        title = "True pairs of sentences score above wrong ones"
    else:
        title = f"Wrong pairs score as high as true ones: the published score is higher in {above} of {len(published)}"
    both = published.merge(sound[["source", "target", "value", "null", "p"]], on=["source", "target"])
    return show(figure, alt=f"Two scatter plots. {'. '.join(said)}.", title=title, data=both, height=400)


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

"""Figures of the chapter on siblings: classification, circuits, trainings, and what a model makes of Japanese.

Tables are those of :mod:`emotion_utils.siblings.tables`, :mod:`~emotion_utils.japanese.emotions` and
:mod:`~emotion_utils.japanese.spellings`, with a column ``model`` of names for readers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from plotly.subplots import make_subplots

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.panels import dots, in_legend, middle_95, panels, to_95
from emotion_utils.plots.style import GREY, PALETTE, SEQUENTIAL, error_bars
from emotion_utils.statistics.in_words import span

REAL = "pretrained"
"""Stands in the name of a model that was not made for this book."""
NULL = {"symbol": "diamond", "color": GREY}
"""Look of a null."""


def trainings(
    runs: pd.DataFrame,
    told: pd.DataFrame,
    measures: Sequence[str],
    names: Mapping[str, str],
    axes: Mapping[str, str],
) -> Shown:
    """Every training of every sibling, a panel for each measure.

    Parameters
    ----------
    runs
        A row for each training: ``sibling, seed`` and the measures.
    told
        From :func:`emotion_utils.siblings.retrained.told_apart`.
    measures
        Which are drawn.
    names
        Registry name of a sibling to what a reader calls it; the base comes first.
    axes
        Other names of measures.
    """
    n = min(3, len(measures))
    decided = told.set_index("measure")["differs"]
    word = {True: "differs", False: "does not differ", None: "cannot be told"}
    titles = [word[decided[name]] for name in measures]
    figure = make_subplots(
        rows=-(-len(measures) // n), cols=n, subplot_titles=titles, shared_yaxes=True,
        horizontal_spacing=0.05, vertical_spacing=0.26,
    )  # fmt: skip
    for i, measure in enumerate(measures):
        at = {"row": i // n + 1, "col": i % n + 1}
        for k, legend in enumerate(("base", "its continuation", "other continuations")):
            own = runs[runs["sibling"].isin(list(names)[k : None if k == 2 else k + 1])]
            marker = {"color": PALETTE[3 if k else 0], "symbol": "circle-open" if k == 2 else "circle"}
            dots(figure, own[measure], own["sibling"].map(names), legend, at, marker | {"size": 8})
        figure.update_xaxes(title=axes.get(measure, measure), **at)
    figure.update_yaxes(autorange="reversed").update_yaxes(title="sibling", col=1)
    figure.update_xaxes(tickangle=0, nticks=4).update_annotations(font_size=12)
    yes = [name for name in measures if decided[name]]
    title = f"Siblings differ by more than trainings do in {len(yes)} of {len(measures)} numbers shown"
    alt = f"Dots of {len(runs)} trainings; they differ in: {', '.join(yes) or 'none'}."
    caption = (
        "A dot is a training. Open: continuations of the same base on the same documents, from other seeds."
    )
    rows = -(-len(measures) // n)
    return show(figure, alt=alt, title=title, caption=caption, data=runs, height=110 + 190 * rows)


def _mark(model: str) -> dict[str, Any]:
    """A circle, full for a pretrained model."""
    return {"symbol": "circle" if REAL in model else "circle-open", "color": PALETTE[0]}


def circuit_map(table: pd.DataFrame) -> Shown:
    """Effects of components, layer by kind: as published, and as shares of the gap.

    Parameters
    ----------
    table
        From :func:`emotion_utils.siblings.tables.circuits`.
    """
    models, columns = (
        list(dict.fromkeys(table["model"])),
        {"published": "as published", "share": "share of the gap"},
    )
    titles = [f"{model}<br>{name}" for model in models for name in columns.values()]
    figure = make_subplots(
        cols=len(titles), subplot_titles=titles, shared_yaxes=True, horizontal_spacing=0.03
    )
    kinds = {"attn_out": "attention", "mlp_out": "MLP"}
    place = 0
    for model in models:
        own = table[table["model"] == model]
        for column in columns:
            place += 1
            wide = own.pivot(index="layer", columns="kind", values=column)[list(kinds)]
            shown = wide / wide.to_numpy().max()
            figure.add_heatmap(
                z=shown.to_numpy(), x=list(kinds.values()), y=wide.index.astype(str), coloraxis="coloraxis",
                customdata=wide.to_numpy(), hovertemplate="layer %{y}, %{x}: %{customdata:.3f}<extra></extra>",
                row=1, col=place,
            )  # fmt: skip
    figure.update_yaxes(type="category", autorange="reversed").update_yaxes(title="layer", col=1)
    figure.update_xaxes(title="component")
    bar = {"title": {"text": "of the<br>largest"}, "tickformat": ".0%"}
    figure.update_layout(coloraxis={"colorscale": SEQUENTIAL, "colorbar": bar}).update_annotations(
        font_size=12
    )
    inside = table.groupby("model", sort=False)["circuit"].agg(["sum", "size"])
    told = [f"{model} {row['sum']} of {row['size']}" for model, row in inside.iterrows()]
    title = f"Components with an effect of 0.01 or more: {', '.join(told)}"
    alt = f"Heat maps of effects by layer and kind; in the published circuit: {', '.join(told)}."
    caption = "Colours are relative to the largest effect of each map, as in the report."
    layers = table["layer"].nunique()
    return show(figure, alt=alt, title=title, caption=caption, data=table, height=190 + 30 * layers)


def ablations(table: pd.DataFrame) -> Shown:
    """Sufficiency and necessity of circuits beside random sets of as many components.

    Parameters
    ----------
    table
        From :func:`emotion_utils.siblings.tables.ablations`.
    """
    rows = table.assign(what=table["circuit"] + ", " + table["way"])
    measures = list(dict.fromkeys(rows["measure"]))
    figure = make_subplots(
        cols=len(measures), subplot_titles=measures, shared_yaxes=True, horizontal_spacing=0.06
    )
    for i, measure in enumerate(measures):
        own, at = rows[rows["measure"] == measure], {"row": 1, "col": i + 1}
        figure.update_xaxes(title=measure, **at)
        known = own.dropna(subset=["null"])
        where = known["model"] + "<br>" + known["what"]
        dots(figure, known["null"], where, "random sets, middle 95 %", at, NULL, error_x=middle_95(known))
        for k, (_, part) in enumerate(own.groupby("model", sort=False)):
            where = part["model"] + "<br>" + part["what"]
            marker = {"color": PALETTE[0 if k == 0 else 3]}
            dots(
                figure,
                part["value"],
                where,
                "base" if k == 0 else "continuation",
                at,
                marker,
                error_x=error_bars(part),
            )
    figure.update_yaxes(autorange="reversed").update_yaxes(title="sibling and circuit", col=1)
    figure.update_xaxes(tickangle=0).update_annotations(font_size=12)
    tried = rows.dropna(subset=["null"])
    beyond = int((tried["p"] <= 0.05).sum())
    title = f"A circuit is beyond random sets of its size in {beyond} of {len(tried)} cases"
    means = rows.groupby(["measure", "circuit"], sort=False)["value"].mean()
    alt = f"Dots, means: {', '.join(f'{m} {c} {v:.2f}' for (m, c), v in means.items())}."
    caption = (
        "Zero or the mean over posts replaces what is taken out. A circuit of all components has no rival."
    )
    return show(
        figure, alt=alt, title=title, caption=caption, data=table, height=150 + 26 * len(rows) // 2 + 60
    )


def curves(points: pd.DataFrame, integrals: pd.DataFrame) -> Shown:
    """Faithfulness of sets of components of every size, beside random orders.

    Parameters
    ----------
    points, integrals
        From :func:`emotion_utils.siblings.tables.faithfulness`.
    """
    figure, drawn = panels(points)
    for _, own, at in drawn:
        band = {"x": [*own["share"], *own["share"][::-1]], "y": [*own["null_high"], *own["null_low"][::-1]]}
        figure.add_scatter(
            **band, fill="toself", fillcolor="rgba(140,140,140,0.25)", line={"width": 0},
            mode="lines", hoverinfo="skip", **in_legend("random orders, middle 95 %", at),
        )  # fmt: skip
        figure.add_scatter(
            x=own["share"], y=own["value"], mode="lines+markers", line={"color": PALETTE[0]},
            error_y=error_bars(own), **in_legend("best components first", at),
        )  # fmt: skip
    figure.add_hline(y=1, line_color=GREY, line_dash="dot")
    figure.update_xaxes(title="share of components kept", tickangle=0)
    figure.update_yaxes(title="faithfulness", col=1)
    cpr = integrals[integrals["measure"] == "CPR"]
    told = [f"{row.model} {row.value:.2f} (random {row.null:.2f})" for row in cpr.itertuples()]
    alt = f"Curves with areas CPR: {', '.join(told)}."
    return show(
        figure, alt=alt, title=f"Area under the curve, CPR: {', '.join(told)}", data=points, height=380
    )


def across_languages(table: pd.DataFrame) -> Shown:
    """AUROC of vectors made in either language on texts of either, beside words and exchanged labels.

    Parameters
    ----------
    table
        From :func:`emotion_utils.japanese.emotions.probed`, means over emotions, with a column ``model``.
    """
    rows = table.assign(what=table["made"] + " vector,<br>" + table["scored"] + " texts")
    figure, drawn = panels(rows)
    for model, own, at in drawn:
        null = to_95(own["null"], own["null_high"])
        dots(figure, own["null"], own["what"], "labels exchanged, to 95 %", at, NULL, error_x=null)
        orange = {"symbol": "line-ns-open", "color": PALETTE[1], "size": 18, "line": {"width": 3}}
        dots(figure, own["rival"], own["what"], "words of that language", at, orange)
        dots(figure, own["value"], own["what"], "vector", at, _mark(model), error_x=error_bars(own))
    figure.update_xaxes(title="AUROC", tickangle=0)
    figure.update_yaxes(autorange="reversed").update_yaxes(title="made in, read in", col=1)
    native, foreign = (rows[(rows["made"] == rows["scored"]) == same]["value"] for same in (True, False))
    title = (
        f"In its own language a vector reads emotions at {span(native)}, in the other one at {span(foreign)}"
    )
    alt = f"Dots of AUROC: {', '.join(f'{r.model} {r.made} on {r.scored} {r.value:.2f}' for r in rows.itertuples())}."
    return show(figure, alt=alt, title=title, data=table, height=380)


def moved(table: pd.DataFrame) -> Shown:
    """What vectors made in either language do to genuine replies in either, beside random ones.

    Parameters
    ----------
    table
        From :func:`emotion_utils.japanese.emotions.transferred`, with a column ``model``.
    """
    rows = table.assign(what=table["made"] + " vector,<br>" + table["scenes"] + " scenes")
    figure, drawn = panels(rows)
    for _, own, at in drawn:
        null = to_95(own["null"], own["null_high"])
        dots(figure, own["null"], own["what"], "random vectors, to 95 %", at, NULL, error_x=null)
        for k, (emotion, part) in enumerate(own.groupby("emotion", sort=False)):
            bars = error_bars(part, "effect")
            dots(
                figure,
                part["effect"],
                part["what"],
                str(emotion),
                at,
                {"color": PALETTE[(0, 3, 2, 4)[k % 4]]},
                error_x=bars,
            )
    figure.add_vline(x=0, line_color=GREY, line_dash="dot")
    figure.update_xaxes(title="gain (nats)", tickangle=0)
    figure.update_yaxes(autorange="reversed").update_yaxes(title="made in, added in", col=1)
    foreign = rows[rows["made"] != rows["scenes"]]
    beyond = int((foreign["p_holm"] <= 0.05).sum())
    title = f"Across languages {beyond} of {len(foreign)} vectors move replies by more than random ones"
    native = span(rows.loc[rows["made"] == rows["scenes"], "effect"], "+.2f")
    alt = f"Dots of the gain of replies: own language {native}, other {span(foreign['effect'], '+.2f')} nats."
    return show(figure, alt=alt, title=title, data=table, height=400)


def spellings(table: pd.DataFrame) -> Shown:
    """How much nearer two spellings of one concept are than of different ones, layer by layer.

    Parameters
    ----------
    table
        From :func:`emotion_utils.japanese.spellings.known_spellings`, with a column ``model``.
    """
    rows = table[(table["measure"] == "cosine") & (table["pairs"] == "no shared character")]
    figure, drawn = panels(rows)
    for model, own, at in drawn:
        dots(
            figure,
            own["layer"],
            own["null"],
            "concepts exchanged, middle 95 %",
            at,
            NULL,
            error_y=middle_95(own),
        )
        dots(
            figure,
            own["layer"],
            own["value"],
            "spellings of one concept",
            at,
            _mark(model),
            error_y=error_bars(own),
        )
    figure.update_xaxes(title="where it is read", type="category", tickangle=-40)
    figure.update_yaxes(title="cosine, one concept − others", col=1)
    blocks = rows[~rows["layer"].isin(["characters", "embedding"])]
    best = blocks.loc[blocks.groupby("model", sort=False)["value"].idxmax()]
    told = [f"{row.model} {row.value:+.2f} at layer {row.layer}" for row in best.itertuples()]
    title = f"Spellings without a common character are nearest in {', '.join(told)}"
    alt = f"Dots by layer, the largest: {', '.join(told)}."
    return show(figure, alt=alt, title=title, data=rows, height=400)


def depth(numbers: Mapping[str, Mapping[str, float]]) -> Shown:
    """Where in the depth the effects of circuits lie.

    Parameters
    ----------
    numbers
        Model to the share of each third of its depth.
    """
    thirds = ("first", "middle", "last")
    figure = make_subplots()
    for k, name in enumerate(thirds):
        values = [shares[name] for shares in numbers.values()]
        figure.add_bar(
            y=list(numbers), x=values, orientation="h", name=f"{name} third", marker_color=PALETTE[(5, 2, 0)[k]],
        )  # fmt: skip
    figure.update_layout(barmode="stack").update_yaxes(autorange="reversed", title="sibling")
    figure.update_xaxes(title="share of the circuit's effects, as published", tickangle=0)
    told = [f"{model} {np.nan_to_num(shares['last']):.0%}" for model, shares in numbers.items()]
    title = f"Share of the effects in the last third: {', '.join(told)}"
    data = pd.DataFrame(numbers).T.rename_axis("model").reset_index()
    return show(figure, alt=f"Stacked bars. {title}.", title=title, data=data, height=230 + 44 * len(numbers))

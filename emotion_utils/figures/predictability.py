"""Figures of the chapter on predictable and novel parts of hidden states; a panel for each model.

Tables are those of :mod:`emotion_utils.predictability.tables`, with a column ``model`` of names for readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from plotly.subplots import make_subplots

from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.panels import dots, headings, in_legend, panels, thinned, to_95
from emotion_utils.plots.style import GREY, PALETTE, SEQUENTIAL, error_bars, label_colours
from emotion_utils.plots.viewers import tokens
from emotion_utils.statistics.in_words import span

PREDICTOR, OTHER_TEXT, MEAN = "predictor", "past of another text", "position mean"
"""Predictions that a figure singles out: ours, ours with the wrong past, and the mean of each position."""
POOLED, ALL = "pooled", "all"
REAL = "pretrained"
"""Stands in the name of a model that was not made for this book."""
EMPTY = "◦"
"""A token without text of its own, such as the end of a text."""
PLACES = {"first layer read": PALETTE[0], "layer between": PALETTE[2], "last layer read": PALETTE[3]}
SPLITS = (("circle", PALETTE[0]), ("square-open", GREY), ("diamond-open", PALETTE[1]))
"""Looks of the ways to split a state, the predictor's first."""
WIDEST = 6.0
"""Standard deviations beyond which a colour stays the same, so that one token does not pale all others."""


def _by_layer(own: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame, str, str]]:
    """Layers of a model with their rows, their place in the model, and its colour."""
    layers = sorted(own["layer"].unique())
    for layer in layers:
        name = (
            "first layer read"
            if layer == layers[0]
            else "last layer read"
            if layer == layers[-1]
            else "layer between"
        )
        yield layer, own[own["layer"] == layer], name, PLACES[name]


def _each(rows: pd.DataFrame, column: str, form: str = ".2f") -> str:
    return ", ".join(
        f"{model}, layer {layer} {value:{form}}"
        for model, layer, value in rows[["model", "layer", column]].itertuples(index=False)
    )


def by_layer(explained: pd.DataFrame) -> Shown:
    """R² by layer: the predictor, the best baseline, and the predictor given the past of another text.

    Parameters
    ----------
    explained
        Of which the pooled rows are drawn.
    """
    pooled = explained[explained["measure"] == POOLED]
    figure, drawn = panels(pooled)
    for model, own, at in drawn:
        ours = {"symbol": "circle" if REAL in model else "circle-open", "color": PALETTE[0], "size": 11}
        best = {"symbol": "line-ew-open", "color": PALETTE[1], "size": 22, "line": {"width": 3}}
        for name, rows, marker in (
            (OTHER_TEXT, own[own["prediction"] == OTHER_TEXT], {"symbol": "diamond", "color": GREY}),
            ("best baseline", own[own["prediction"] == own["baseline"]], best),
            (PREDICTOR, own[own["prediction"] == PREDICTOR], ours),
        ):
            dots(
                figure, rows["layer"].astype(str), rows["r2"], name, at, marker, error_y=error_bars(rows, "r2"),
                text=rows["prediction"], hovertemplate="%{text}: %{y:.2f}<extra></extra>",
            )  # fmt: skip
    figure.update_xaxes(title="layer", type="category", tickangle=0)
    figure.update_yaxes(title="R² of the next state", col=1)
    ours, wrong = (pooled[pooled["prediction"] == name] for name in (PREDICTOR, OTHER_TEXT))
    best = pooled[pooled["prediction"] == pooled["baseline"]]
    title = (
        f"From what came before R² is {span(ours['r2'])}, by the best baseline {span(best['r2'])}, from another "
        f"text {span(wrong['r2'])}"
    )
    alt = f"Dots by layer: {_each(ours, 'r2')}."
    caption = (
        "Full circles: a pretrained model. Bars: 95 % over documents. Grey: the same predictor, wrong past."
    )
    return show(figure, alt=alt, title=title, caption=caption, data=pooled, height=430)


def by_measure(explained: pd.DataFrame) -> Shown:
    """R² of the predictor in every measure, and the best baseline in the same one."""
    best_of = explained.groupby(["model", "layer"])["baseline"].transform(
        "first"
    )  # some measures have no gain
    figure, drawn = panels(explained.assign(baseline=best_of))
    for _, own, at in drawn:
        for _, rows, name, colour in _by_layer(own):
            best, ours = (
                rows[rows["prediction"] == rows["baseline"]],
                rows[rows["prediction"] == PREDICTOR],
            )
            mark = {"symbol": "line-ns-open", "size": 16, "color": colour}
            dots(figure, best["r2"], best["measure"], f"{name}: best baseline", at, mark)
            bars = error_bars(ours, "r2")
            dots(figure, ours["r2"], ours["measure"], name, at, {"color": colour}, error_x=bars)
    figure.update_xaxes(title="R²", tickangle=0)
    figure.update_yaxes(title="what is summed", autorange="reversed", col=1)
    ours = explained[explained["prediction"] == PREDICTOR]
    spans = {measure: span(rows["r2"]) for measure, rows in ours.groupby("measure", sort=False)}
    alt = f"Dots by measure: {'; '.join(f'{measure} {told}' for measure, told in spans.items())}."
    title = f"The measure decides: R² is {spans[POOLED]} pooled, over all measures {span(ours['r2'])}"
    height = 210 + 46 * len(spans)
    return show(figure, alt=alt, title=title, data=ours, height=height)


def by_position(positions: pd.DataFrame) -> Shown:
    """Error along the window, a share of what there is to explain at the layer, beside that of the position mean."""
    shown = thinned(positions[positions["prediction"].isin([MEAN, PREDICTOR])])
    figure, drawn = panels(shown)
    told = []
    for model, own, at in drawn:
        for layer, rows, name, colour in _by_layer(own):
            mean, ours = (rows[rows["prediction"] == kind] for kind in (MEAN, PREDICTOR))
            unit = mean["mse"].mean()
            for label, line, dash in ((f"{name}: mean of the position", mean, "dot"), (name, ours, "solid")):
                figure.add_scatter(
                    x=line["position"], y=line["mse"] / unit, mode="lines", line={"color": colour, "dash": dash},
                    **in_legend(label, at),
                )  # fmt: skip
            third = max(1, len(ours) // 3)
            first, last = (part["mse"].mean() / unit for part in (ours.head(third), ours.tail(third)))
            told.append((f"{model}, layer {layer}: {first:.2f} to {last:.2f}", last < first))
    figure.update_xaxes(title="position", tickangle=0)
    figure.update_yaxes(title="squared error / variance", rangemode="tozero", col=1)
    alt = f"Lines from the first to the last third of the window: {'; '.join(text for text, _ in told)}."
    falls = sum(fall for _, fall in told)
    title = f"From the first to the last third of the window the error falls at {falls} of {len(told)} layers"
    caption = "Dotted: the mean of each position as the prediction, all that there is to explain there."
    return show(figure, alt=alt, title=title, caption=caption, data=shown, height=400)


def learning(curve: pd.DataFrame) -> Shown:
    """Validation R² over training."""
    best = curve.groupby(["model", "layer"], sort=False, as_index=False)["validation_r2"].max()
    title = f"Training reaches a validation R² of {span(best['validation_r2'])}"
    alt = f"Curves that reach {_each(best, 'validation_r2')}."
    return _lines(curve, "step", "validation_r2", ("step", "validation R²"), title, alt)


def surprise_by_position(curves: pd.DataFrame) -> Shown:
    """The correlation of the length of the new part with surprisal at every position of the window."""
    mean = curves.groupby(["model", "layer"], sort=False, as_index=False)["value"].mean()
    title = f"Over the window the correlation is {span(mean['value'], '+.2f')}, by model and layer"
    alt = f"Lines along the window, means: {_each(mean, 'value', '+.2f')}."
    axes = ("position", "ρ of ‖r‖ with surprisal")
    return _lines(thinned(curves), "position", "value", axes, title, alt)


def _lines(table: pd.DataFrame, x: str, y: str, axes: tuple[str, str], title: str, alt: str) -> Shown:
    """A line for each layer."""
    figure, drawn = panels(table)
    for _, own, at in drawn:
        for _, rows, name, colour in _by_layer(own):
            line = {"color": colour}
            figure.add_scatter(x=rows[x], y=rows[y], mode="lines", line=line, **in_legend(name, at))
    figure.update_xaxes(title=axes[0], tickangle=0)
    figure.update_yaxes(title=axes[1], col=1)
    return show(figure, alt=alt, title=title, data=table, height=370)


def surprise(correlations: pd.DataFrame) -> Shown:
    """Rank correlation of the length of the new part with surprisal by layer, raw and partial, with its null."""
    whole = correlations[correlations["part"] == ALL]
    figure, drawn = panels(whole)
    for model, own, at in drawn:
        x, hollow = own["layer"].astype(str), "" if REAL in model else "-open"
        grey, null = {"symbol": "diamond", "color": GREY}, to_95(own["null"], own["null_high"])
        dots(figure, x, own["null"], "texts exchanged, to 95 %", at, grey, error_y=null)
        partial = own[["partial", "partial_low", "partial_high"]].set_axis(["value", "low", "high"], axis=1)
        green = {"symbol": f"square{hollow}", "color": PALETTE[2]}
        dots(
            figure,
            x,
            partial["value"],
            "given frequency and position",
            at,
            green,
            error_y=error_bars(partial),
        )
        blue = {"symbol": f"circle{hollow}", "color": PALETTE[0]}
        dots(figure, x, own["rho"], "at equal positions", at, blue, error_y=error_bars(own, "rho"))
    figure.update_xaxes(title="layer", type="category", tickangle=0)
    figure.update_yaxes(title="ρ of ‖r‖ with surprisal", col=1)
    beyond = int((whole["low"] > whole["null_high"]).sum())
    title = f"The new part is longer where a token surprises at {beyond} of {len(whole)} layers"
    alt = f"Dots by layer: {_each(whole, 'rho', '+.2f')}."
    return show(figure, alt=alt, title=title, data=whole, height=420)


def heat(table: pd.DataFrame, task: str) -> Shown:
    """Macro F1 of probes, layer by representation; in brackets where it is not surely above exchanged labels.

    Parameters
    ----------
    table
        With columns ``model, layer, representation, macro, macro_low, null_high``; what a text alone gives has no layer
        and stands beside all of its model.
    task
        What is probed, such as "domain".
    """
    layers = table.loc[table["layer"].notna(), ["model", "layer"]].drop_duplicates()
    text = table[table["layer"].isna()].drop(columns="layer").merge(layers, on="model")
    table = pd.concat([table.dropna(subset=["layer"]), text], ignore_index=True).astype({"layer": int})
    models, names = (list(dict.fromkeys(table[column])) for column in ("model", "representation"))
    n, rows = len(models), len(layers)
    shown = table["macro"].map("{:.2f}".format)
    figure = make_subplots(rows=n, shared_xaxes=True, subplot_titles=models, vertical_spacing=0.18 / n)
    sure = table["macro_low"] > table["null_high"]
    known = table.assign(text=np.where(sure, shown, "(" + shown + ")"))
    for i, model in enumerate(models):
        own = known[known["model"] == model].pivot(index="layer", columns="representation")
        figure.add_heatmap(
            z=own["macro"][names].to_numpy(), x=names, y=own.index.astype(str), coloraxis="coloraxis",
            text=own["text"][names].to_numpy(), texttemplate="%{text}", textfont={"size": 11}, row=i + 1, col=1,
        )  # fmt: skip
    figure.update_yaxes(title="layer", type="category", autorange="reversed").update_annotations(font_size=12)
    figure.update_xaxes(tickangle=-35).update_xaxes(title="what the probe reads", row=n, col=1)
    axis = {"colorscale": SEQUENTIAL, "cmin": 0, "cmax": 1, "colorbar": {"title": {"text": "F1"}}}
    figure.update_layout(coloraxis=axis)
    mean = table.groupby("representation", sort=False)["macro"].mean()
    alt = f"Heat map, means over models and layers: {', '.join(f'{k} {v:.2f}' for k, v in mean.items())}."
    title = f"The {task} is read best from {mean.idxmax()} ({mean.max():.2f}), least from {mean.idxmin()}"
    caption = "In brackets: not surely above labels exchanged between documents."
    return show(figure, alt=alt, title=title, caption=caption, data=table, height=190 + 44 * n + 34 * rows)


def splits(gaps: Mapping[str, pd.DataFrame]) -> Shown:
    """What the past part of a state tells a probe minus what the new part does, for every way to split it.

    Parameters
    ----------
    gaps
        By task, such as "domain": columns ``model, layer, contrast, difference, low, high``. Contrasts of the parts of
        a split are drawn, those of one split beyond another are not.
    """
    first = next(iter(gaps.values()))
    models, contrasts = list(dict.fromkeys(first["model"])), _of_parts(first["contrast"])
    figure = make_subplots(
        rows=len(gaps), cols=len(models), shared_yaxes=True, shared_xaxes=True, horizontal_spacing=0.04,
        vertical_spacing=0.08, subplot_titles=headings(models),
    )  # fmt: skip
    for contrast, (symbol, colour) in zip(contrasts, SPLITS, strict=False):
        for i, own in enumerate(gaps.values()):
            for j, model in enumerate(models):
                rows = own[(own["model"] == model) & (own["contrast"] == contrast)]
                at, bars = {"row": i + 1, "col": j + 1}, error_bars(rows, "difference")
                marker = {"symbol": symbol, "color": colour}
                layers = rows["layer"].astype(str)
                dots(figure, layers, rows["difference"], contrast, at, marker, error_y=bars)
    for i, task in enumerate(gaps):
        figure.update_yaxes(title=f"{task}: past − new, F1", row=i + 1, col=1)
    figure.add_hline(y=0, line_color=GREY, line_dash="dot").update_annotations(font_size=12)
    figure.update_xaxes(type="category", tickangle=0).update_xaxes(title="layer", row=len(gaps))
    told = [f"{task} {_means(own, contrasts)}" for task, own in gaps.items()]
    title = f"Past minus new beside splits that need no predictor: {'; '.join(told)}"
    alt = f"Dots by layer; {', '.join(contrasts)}, means over models and layers: {'; '.join(told)}."
    data = pd.concat(dict(gaps), names=["task"]).reset_index("task")
    return show(figure, alt=alt, title=title, data=data, height=140 + 230 * len(gaps))


def _of_parts(contrasts: pd.Series) -> list[str]:
    """Contrasts of the two parts of one split, the predictor's first."""
    return [name for name in dict.fromkeys(contrasts) if " beyond " not in name and "[" not in name]


def _means(own: pd.DataFrame, contrasts: Sequence[str]) -> str:
    ours, *others = (own.loc[own["contrast"] == name, "difference"].mean() for name in contrasts)
    return f"{ours:+.2f} (others {span(pd.Series(others), '+.2f')})" if others else f"{ours:+.2f}"


def in_text(
    texts: Sequence[tuple[str, Sequence[str], Float[np.ndarray, " token"]]], model: str, layer: int
) -> Shown:
    """Windows whose tokens are coloured by how much longer their new part is than usual, blue for longer.

    Parameters
    ----------
    texts
        Domain, tokens and novelty of each window.
    model, layer
        Where the states are read.
    """
    words = [word or EMPTY for _, own, _ in texts for word in (*own, "\n")]
    values = np.concatenate([np.append(novelty, 0.0) for *_, novelty in texts])
    most, least = int(values.argmax()), int(values.argmin())
    told = [f"{words[at].strip()!r} ({values[at]:+.1f})" for at in (most, least)]
    alt = f"Windows of {', '.join(domain for domain, *_ in texts)}: most novel is {told[0]}, least novel {told[1]}."
    title = f"What was new to {model} at layer {layer}, token by token"
    shown = np.clip(values, -WIDEST, WIDEST)
    return tokens(words[:-1], shown[:-1], alt=alt, title=title, value_name="standard deviations from usual")


def steering(effects: pd.DataFrame) -> Shown:
    """What an emotion vector and its parts do to genuine replies, beside random vectors of the same length.

    Parameters
    ----------
    effects
        Columns ``model, emotion, part, length, value, low, high, null, null_high``.
    """
    table = effects.assign(added=effects["part"] + "<br>" + effects["length"])
    figure, drawn = panels(table)
    colours = label_colours(dict.fromkeys(table["emotion"]))
    for _, own, at in drawn:
        grey, null = {"symbol": "diamond", "color": GREY}, to_95(own["null"], own["null_high"])
        dots(figure, own["null"], own["added"], "random vectors, to 95 %", at, grey, error_x=null)
        for emotion, rows in own.groupby("emotion", sort=False):
            look = {"color": colours[str(emotion)]}
            dots(figure, rows["value"], rows["added"], str(emotion), at, look, error_x=error_bars(rows))
    figure.add_vline(x=0, line_color=GREY, line_dash="dot")
    figure.update_xaxes(title="gain of genuine replies (nats)", tickangle=0)
    figure.update_yaxes(title="what is added", autorange="reversed", col=1)
    mean = table.groupby(["length", "part"], sort=False)["value"].mean()
    told = [f"{part} {value:+.2f}" for (length, part), value in mean.items() if "equal" in str(length)]
    title = f"At equal length, mean gain in nats: {', '.join(told)}"
    alt = f"Dots, means: {'; '.join(f'{part}, {length} {v:+.2f}' for (length, part), v in mean.items())}."
    return show(figure, alt=alt, title=title, data=effects, height=170 + 62 * len(mean))

"""Other predictors on the same states, and a planted process whose R2 is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from emotion_utils.parts.baselines import fit_baselines
from emotion_utils.parts.error_sums import sum_errors
from emotion_utils.parts.learner import Fitting
from emotion_utils.parts.predictor import DEFAULT, Architecture, Predictor
from emotion_utils.parts.r2 import r2_table
from emotion_utils.parts.states import WindowStates
from emotion_utils.parts.training import train
from emotion_utils.planted.processes import VectorProcess, random_process, shuffled_in_time
from emotion_utils.predictability.sizes import Sizes
from emotion_utils.predictability.study import OTHER_TEXT, PREDICTOR, Study, predictions_of

HERE = "as in this chapter"
AS_HERE = {HERE: DEFAULT}
SEEDS = 2
"""Further seeds that a predictor is trained from."""
ARCHITECTURES: dict[str, Architecture] = {
    HERE: DEFAULT,
    "attention alone, as published": replace(DEFAULT, skip="none", positions="none"),
    "two layers": replace(DEFAULT, depth=2),
    "a gated MLP of 512 neurons": replace(DEFAULT, mlp=512),
    "a quarter of the heads": replace(DEFAULT, heads=2),
    "rotary positions": replace(DEFAULT, positions="rotary"),
}
WIDTH, LENGTH = 4, 10
"""Of the planted process: states of few dimensions in short windows, so that training ends in seconds."""
PLANTED = Architecture(heads=4, d_head=8, positions="rotary")
"""What acts four steps later is a matter of distance."""


def sweep(
    one: Study,
    layer: int,
    architectures: Mapping[str, Architecture] = ARCHITECTURES,
    *,
    seeds: int = 0,
    progress: bool = True,
) -> pd.DataFrame:
    """Train predictors of other forms on the states of one layer, as those of the study were trained.

    Parameters
    ----------
    one
    layer
    architectures
        By what they are called; the first is what others are compared with.
    seeds
        Further ones, from each of which the first form is trained once more.
    progress
        Show bars.

    Returns
    -------
    Columns ``architecture, parameters, r2, low, high, gain, gain_low, gain_high`` (R2 above the first, paired over
    documents), ``above, above_low, above_high`` (the same above the best baseline), ``steps`` (of the kept weights),
    ``layer, documents``.
    """
    source = replace(one.states, layers=(layer,), origin={**one.states.origin, "layer": layer})
    rows, first = one.rows, next(iter(architectures))
    asked = [(name, form, one.seed) for name, form in architectures.items()]
    again = range(one.seed + 1, one.seed + 1 + seeds)
    asked += [(f"{first}, seed {seed}", architectures[first], seed) for seed in again]
    named, about = {}, []
    for name, architecture, seed in asked:
        found = train(
            source,
            one.baselines,
            rows["training"],
            rows["validation"],
            architecture,
            replace(one.sizes.fitting, seed=seed),
            device=str(one.model.device),
            progress=progress,
        )
        predictor = found.predictors[layer]
        named[name] = predictions_of(one.baselines[layer], predictor)[PREDICTOR]
        about.append((name, _weights(predictor), found.best_step[layer]))
    best = one.best[layer]
    predictions = {layer: {**named, best: one.baselines[layer].predictions()[best]}}
    errors = sum_errors(
        source, one.windows.ids, rows["test"], one.windows.document, predictions, one.baselines
    )
    over_first, over_best = (
        table[table["measure"] == "pooled"].set_index("prediction")
        for table in (r2_table(errors, {layer: rival}, seed=one.seed) for rival in (first, best))
    )
    columns = ["r2", "low", "high", "gain", "gain_low", "gain_high", "documents"]
    rows_of = [
        {
            "architecture": name,
            "parameters": size,
            **over_first.loc[name, columns],
            **over_best.loc[name, columns[3:6]].rename(lambda column: column.replace("gain", "above")),
            "steps": step,
        }
        for name, size, step in about
    ]
    return pd.DataFrame(rows_of).assign(layer=layer)


def _weights(predictor: Predictor) -> int:
    return sum(weight.numel() for weight in predictor.parameters())


def planted(sizes: Sizes, seed: int = 0) -> pd.DataFrame:
    """A process whose predictable part is known, read as hidden states are: as it is, and with its time shuffled.

    Parameters
    ----------
    sizes
        Says how many windows are drawn, and for how many steps is trained.
    seed
        Of the process and of the training.

    Returns
    -------
    Rows ``as it is`` and ``time shuffled``; columns ``time, truth`` (R2 of the best prediction there is), ``r2, low,
    high`` (of the predictor, on windows it has not seen), ``other`` (given the past of another window), ``windows``.
    """
    process = random_process(WIDTH, np.random.default_rng(seed))
    rows = []
    for time, truth in (("as it is", process.r2(LENGTH)), ("shuffled", 0.0)):
        table = _recovered(process, sizes, seed, shuffled=truth == 0)
        own = table.loc[PREDICTOR]
        rows.append((time, truth, own["r2"], own["low"], own["high"], table.loc[OTHER_TEXT, "r2"]))
    found = pd.DataFrame(rows, columns=["time", "truth", "r2", "low", "high", "other"])
    return found.assign(windows=sizes.planted.windows)


def _recovered(process: VectorProcess, sizes: Sizes, seed: int, *, shuffled: bool) -> pd.DataFrame:
    """R2 by prediction, pooled, of a predictor that is trained on windows of a process."""
    rng, n = np.random.default_rng([seed, shuffled]), sizes.planted.windows
    drawn = process.draw(n, LENGTH, rng)
    values = torch.from_numpy(shuffled_in_time(drawn, rng) if shuffled else drawn).float()
    source = WindowStates((0,), {0: values}, torch.zeros(n, LENGTH))
    ids = torch.zeros(n, LENGTH, dtype=torch.int64)
    learn, check, test = np.split(np.arange(n), [n * 6 // 10, n * 7 // 10])
    baselines = fit_baselines(source, ids, learn, check)
    fitting = Fitting(sizes.planted.steps, 64, 1e-2, every=max(1, sizes.planted.steps // 10), patience=10)
    found = train(source, baselines, learn, check, PLANTED, replace(fitting, seed=seed), progress=False)
    predictions = {0: predictions_of(baselines[0], found.predictors[0])}
    errors = sum_errors(source, ids, test, np.arange(n), predictions, baselines)
    table = r2_table(errors, {0: baselines[0].best}, seed=seed)
    return table[table["measure"] == "pooled"].set_index("prediction")

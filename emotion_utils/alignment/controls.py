"""Sources that carry no emotion beside trained ones: excess over each one's own null, with intervals.

Two models that read the same words resemble each other whatever they make of them, and so do other pairings of their
rows. What is compared is therefore not a score but its *excess*: the score minus its mean over other pairings. Every
source is taken at half depth, the target too: a control with one layer has as many chances as a model with many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.alignment.align import align
from emotion_utils.alignment.map_scores import half_way
from emotion_utils.alignment.ridge import permute_pairing
from emotion_utils.alignment.rsa_cka import MEASURES, partial, similarities
from emotion_utils.statistics.jackknife import jackknife_interval
from emotion_utils.statistics.resampling import FEWEST_UNITS
from emotion_utils.subspaces.readings import ModelStates, PairedStates, PromptPairs, paired_states

LEFT_OUT = 199
"""At most as many other pairings for each unit that is left out: their noise adds a few per cent to its variance."""
Table = Float[np.ndarray, "source target"]
Cells = Mapping[str, Sequence[tuple[int, int]]]


def at_half_depth(
    states_of: Mapping[str, ModelStates], names: Sequence[str], rows: PromptPairs
) -> PairedStates:
    """The layers at half depth of several models as layers of one model.

    Narrower models are filled up with zeros, which changes no inner product and so no score.

    Parameters
    ----------
    states_of
        By model.
    names
        Models, in the order of the layers.
    rows
        Which prompts.
    """
    parts = [paired_states(states_of[name], rows, half_way(states_of[name])) for name in names]
    width = max(part.neutral.shape[2] for part in parts)

    def joined(states: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate([np.pad(s, ((0, 0), (0, 0), (0, width - s.shape[2]))) for s in states])

    emotions = list(rows.pairs)
    return PairedStates(
        "at half depth",
        tuple(range(len(names))),
        joined([part.neutral for part in parts]),
        parts[0].groups,
        {emotion: joined([part.emotional[emotion] for part in parts]) for emotion in emotions},
        {emotion: joined([part.partners[emotion] for part in parts]) for emotion in emotions},
    )


def aligned(
    states_of: Mapping[str, ModelStates],
    controls: Mapping[str, Mapping[str, ModelStates]],
    halves: tuple[PromptPairs, PromptPairs],
    k: int = 5,
    n_permutations: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    """Trained sources against control sources by the scores of :func:`emotion_utils.alignment.align.align`.

    Parameters
    ----------
    states_of
        Of the trained models, which are all sources and targets.
    controls
        By control, its states by model: several seeds of one are averaged.
    halves
        Rows of the source's emotional prompts and of the target's.
    k, n_permutations, seed
        Of :func:`emotion_utils.alignment.align.align`; the null is drawn anew for each unit that is left out.

    Returns
    -------
    Columns ``score, control, trained, trained_null, value, null`` (of the control), ``difference`` (of the two
    excesses), ``low, high`` (every unit left out of both) and ``n_units``.
    """
    targets = list(states_of)
    every = {**states_of, **{name: r for group in controls.values() for name, r in group.items()}}
    sources = list(every)
    cells: dict[str, list[tuple[int, int]]] = {
        "": [(i, j) for i, j in product(range(len(targets)), repeat=2) if i != j]
    }
    for control, group in controls.items():
        cells[control] = list(product([sources.index(name) for name in group], range(len(targets))))

    def scored(one: PromptPairs, other: PromptPairs, n: int) -> dict[str, tuple[Table, Table]]:
        source, target = at_half_depth(every, sources, one), at_half_depth(every, targets, other)
        scores = align(source, target, k, n, seed).scores
        return {score: (values[0], values[1:].mean(axis=0)) for score, values in scores.items()}

    units = np.unique(np.concatenate([half.units for half in halves]))
    sizes = np.array([(halves[0].neutral["unit"] == unit).sum() for unit in units])
    whole = scored(*halves, n_permutations)
    left = [
        scored(halves[0].without(unit), halves[1].without(unit), min(n_permutations, LEFT_OUT))
        for unit in (units if len(units) >= FEWEST_UNITS else [])
    ]
    parts = [
        _differences(values, [one[score] for one in left], cells, sizes).assign(score=score)
        for score, values in whole.items()
    ]
    return pd.concat(parts, ignore_index=True).pipe(lambda t: t[["score", *t.columns.drop("score")]])


def alike(
    states_of: Mapping[str, ModelStates],
    controls: Mapping[str, Mapping[str, ModelStates]],
    text: ModelStates,
    rows: PromptPairs,
    n_permutations: int = 199,
    seed: int = 0,
) -> pd.DataFrame:
    """Trained pairs against pairs of a trained model and a control, by RSA and CKA, with and without what words share.

    Parameters
    ----------
    states_of, controls
        As in :func:`aligned`.
    text
        Word counts of the same prompts, which are partialled out of the scores that end in ``, partial``.
    rows
        Their emotional prompts are compared.
    n_permutations, seed
        Of the prompts, by template families. The null is that of all prompts: it is close to zero.

    Returns
    -------
    Columns as those of :func:`aligned`; the text cannot be partialled out of itself, so that it has no such rows.
    """
    table, names = rows.emotional(), list(states_of)
    others = {name: r for group in controls.values() for name, r in group.items()}
    every = {**states_of, **others}
    order = list(every)
    cells: dict[str, list[tuple[int, int]]] = {"": list(combinations(range(len(names)), 2))}
    for control, group in controls.items():
        cells[control] = list(product(range(len(names)), [order.index(name) for name in group]))
    apart = {control: own for control, own in cells.items() if text.model not in controls.get(control, {})}
    families = (table["emotion"] + "/" + table["family"].astype(str)).to_numpy()
    units, sizes = np.unique(table["unit"], return_counts=True)
    tables = []
    for measure in MEASURES:

        def values(
            kept: pd.DataFrame, orders: np.ndarray, measure: str = measure
        ) -> tuple[np.ndarray, np.ndarray]:
            """Similarity of all pairs, and the same with the words taken out, for every order of the prompts."""
            states = [r.at(kept["id"])[half_way(r)] for r in (*every.values(), text)]
            matrices = np.stack([MEASURES[measure](one) for one in states])
            plain = similarities(matrices, matrices, orders)
            words = plain[:1, :-1, -1:], plain[:, -1:, :-1]
            return plain[:, :-1, :-1], np.asarray(partial(plain[:, :-1, :-1], *words))

        true = np.arange(len(table))[None]
        orders = np.concatenate([true, permute_pairing(families, n_permutations, seed)])
        whole, left = values(table, orders), []
        if len(units) >= FEWEST_UNITS:
            kept = [table[table["unit"] != unit] for unit in units]
            left = [values(own, np.arange(len(own))[None]) for own in kept]
        for name, i, own in ((measure, 0, cells), (f"{measure}, partial", 1, apart)):
            null = whole[i][1:].mean(axis=0)
            part = _differences((whole[i][0], null), [(one[i][0], null) for one in left], own, sizes)
            tables.append(part.assign(score=name))
    return pd.concat(tables, ignore_index=True).pipe(lambda t: t[["score", *t.columns.drop("score")]])


def _differences(
    whole: tuple[Table, Table], left: Sequence[tuple[Table, Table]], cells: Cells, sizes: np.ndarray
) -> pd.DataFrame:
    """One row per control: excess of the trained cells (those of "") minus that of the control's."""

    def mean(table: Table, control: str) -> float:
        return float(np.mean([table[cell] for cell in cells[control]]))

    def gap(values: tuple[Table, Table], control: str) -> float:
        excess = values[0] - values[1]
        return mean(excess, "") - mean(excess, control)

    rows = []
    for control in (name for name in cells if name):
        ours, inside = gap(whole, control), (float("nan"), float("nan"))
        if left:
            inside = jackknife_interval(ours, np.array([gap(one, control) for one in left]), sizes)
        numbers = [mean(table, name) for name in ("", control) for table in whole]
        rows.append((control, *numbers, ours, *inside, len(sizes)))
    columns = ["control", "trained", "trained_null", "value", "null", "difference", "low", "high", "n_units"]
    return pd.DataFrame(rows, columns=columns)

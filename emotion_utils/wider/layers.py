"""The reports' comparison with wider models (Phase 8), layer by layer, beside wrong pairs and beside sound scores.

The published score is that of :func:`emotion_utils.reports.published_alignment.phase8`: differences at the emotion
word, a map from the target to the source by a pseudo-inverse. The same other pairings of the neutral rows are taken at
every layer, so that the largest layer can be held against the largest layer of wrong pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Num

from emotion_utils.alignment.align import align
from emotion_utils.alignment.all_pairs import affordable
from emotion_utils.alignment.ridge import permute_pairing
from emotion_utils.core.files import write_atomically
from emotion_utils.reports.published_alignment import phase8
from emotion_utils.statistics.jackknife import jackknife_interval
from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.permutations import LEVEL, permutation_p
from emotion_utils.subspaces.readings import paired_states
from emotion_utils.wider.word_pairs import WordPairs

SOUND = ("r2", "overlap", "probe")
ROUNDING = 1e-9
STATISTICS: dict[str, Callable[..., Any]] = {"largest": np.max, "mean": np.mean}
"""Over the layers."""
REPORTED = ["layer", "before", "after", "delta"]
BESIDE = ["target_layer", "low", "high", "permuted", "permuted_high", "p"]
IN_WORDS = {
    "target_layer": "target's layer", "low": "95 % from", "high": "to", "permuted": "wrong pairs",
    "permuted_high": "wrong pairs, 95 %",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class LayerScores:
    """Scores of two models at each pair of layers, and of other pairings of the rows.

    Attributes
    ----------
    source, target
        Names.
    pairs
        Layers.
    depths
        Relative, of both, shape (layer, 2).
    k, n, units
        Dimensions of the published score; neutral rows; units of rows and differences.
    chance
        Of "before": 1/d of the wider model.
    before
        Shape (layer,).
    after
        The published score, shape (1 + draw, layer); the first is the true pairing.
    sound
        By score (``r2``, ``overlap``, ``probe``), of the same shape and the same pairings.
    left_before, left_after
        The published scores without each unit, shape (unit, layer); no rows where no intervals
        were asked for.
    sizes
        Rows of each unit.
    possible
        All pairs of layers that could have been compared.
    """

    source: str
    target: str
    pairs: tuple[tuple[int, int], ...]
    depths: Float[np.ndarray, "layer 2"] = field(repr=False)
    k: int
    n: int
    units: int
    chance: float
    before: Float[np.ndarray, " layer"] = field(repr=False)
    after: Float[np.ndarray, "draw layer"] = field(repr=False)
    sound: Mapping[str, Float[np.ndarray, "draw layer"]] = field(repr=False)
    left_before: Float[np.ndarray, "left layer"] = field(repr=False)
    left_after: Float[np.ndarray, "left layer"] = field(repr=False)
    sizes: Num[np.ndarray, " unit"] = field(repr=False)
    possible: tuple[tuple[int, int], ...]

    @cached_property
    def scores(self) -> dict[str, Float[np.ndarray, "draw layer"]]:
        """The published score and the sound ones."""
        return {"published": self.after, **self.sound}

    def table(self) -> pd.DataFrame:
        """One row per layer.

        Returns
        -------
        Columns ``layer, target_layer, source_depth, target_depth, k, n, before, chance, after, delta, low, high`` (95 %
        interval of "after", over units), ``permuted, permuted_high`` (mean and 95th percentile over wrong pairs),
        ``p`` and, of every sound score, its name and the name with ``_null``, ``_null_high`` and ``_p``; a p is of
        this layer alone.
        """
        rows = []
        for i, pair in enumerate(self.pairs):
            after = against_null(self.after[0, i], self.after[1:, i])
            own = (*pair, *self.depths[i], self.k, self.n, self.before[i], self.chance, after.value)
            ends = self.interval(after.value, self.left_after[:, i], (0, 1))
            held = [against_null(s[0, i], s[1:, i]) for s in self.sound.values()]
            rows.append(
                (*own, after.value - self.before[i], *ends, *after[1:], *(v for h in held for v in h))
            )
        front = [
            "layer",
            "target_layer",
            "source_depth",
            "target_depth",
            "k",
            "n",
            "before",
            "chance",
            "after",
        ]
        middle = ["delta", "low", "high", "permuted", "permuted_high", "p"]
        last = [f"{score}{end}" for score in self.sound for end in ("", "_null", "_null_high", "_p")]
        return pd.DataFrame(rows, columns=[*front, *middle, *last])

    def overall(self) -> pd.DataFrame:
        """All layers at once: the largest and the mean, each beside that of every other pairing.

        Returns
        -------
        Columns ``score, statistic, value, null, null_high, p, layers`` and ``above`` (:func:`beyond_wrong_pairs`).
        """
        rows = []
        for score, values in self.scores.items():
            for name, statistic in STATISTICS.items():
                drawn = statistic(values, axis=1)
                held = against_null(drawn[0], drawn[1:])
                rows.append((score, name, *held, len(self.pairs), beyond_wrong_pairs(drawn[0], drawn[1:])))
        columns = ["score", "statistic", "value", "null", "null_high", "p", "layers", "above"]
        return pd.DataFrame(rows, columns=columns).astype({"above": object})

    def interval(
        self,
        value: float,
        left_out: Float[np.ndarray, " unit"],
        bounds: tuple[float, float] | None = None,
    ) -> tuple[float, float]:
        """Interval (95 %) from values without each unit; NaN where none were asked for."""
        return jackknife_interval(value, left_out, self.sizes[: len(left_out)], bounds)


def beyond_wrong_pairs(value: float, draws: Float[np.ndarray, " draw"]) -> bool | None:
    """Whether true pairs give more than wrong ones; False where they give less, None where neither can be told.

    Both by a one-sided permutation test at 0.05.
    """
    if permutation_p(value, draws) <= LEVEL:
        return True
    return False if permutation_p(-value, -draws) <= LEVEL else None


def best_of_columns(scores: Float[np.ndarray, "draw column"]) -> Float[np.ndarray, " draw"]:
    """How far each pairing lies above the others in the column where it does so most.

    In units of the standard deviation over the pairings, so that columns of any size have the same say; where all
    pairings give the same, none stands out.

    Parameters
    ----------
    scores
        The true pairing first, which is one of the pairings.

    Returns
    -------
    Large where a pairing stands out.
    """
    centred, spread = scores - scores.mean(axis=0), scores.std(axis=0)
    # a spread of mere rounding is none
    none = spread <= ROUNDING * np.maximum(np.abs(scores).max(axis=0), 1)
    return np.asarray(np.where(none, 0, centred / np.where(none, 1, spread)).max(axis=1))


def compare_layers(
    given: WordPairs, *, n_permutations: int = 199, seed: int = 0, intervals: bool = True
) -> LayerScores:
    """Score two models layer by layer, as published and soundly.

    Parameters
    ----------
    given
        From :func:`word_pairs`.
    n_permutations, seed
        Of the pairing; the seed also of the halves of the units between which the sound scores are taken.
    intervals
        Whether the published scores are computed without each unit too.

    Returns
    -------
    Of the sound scores see :func:`emotion_utils.alignment.align.align`: they are made at the end of the prompts, and
    emotional prompts of the source and of the target are of different units.
    """
    groups = given.rows.neutral["unit"].to_numpy()
    orders = np.concatenate([np.arange(len(groups))[None], permute_pairing(groups, n_permutations, seed)])
    found = [phase8(case, given.k, orders) for case in given.cases()]
    left = [_once(given, int(unit)) for unit in given.units] if intervals else []
    before_after = np.array(left).reshape(-1, 2, len(given.pairs))
    width = max(states.values.shape[2] for states in (given.source, given.target))
    return LayerScores(
        given.source.model, given.target.model, given.pairs, _depths(given), given.k, len(groups),
        len(given.units), 1 / width, np.array([before for before, _ in found]),
        np.stack([after for _, after in found], axis=1), _sound(given, orders, seed),
        before_after[:, 0], before_after[:, 1], given.sizes, given.possible,
    )  # fmt: skip


def _once(given: WordPairs, without: int) -> Float[np.ndarray, "2 layer"]:
    """Both published scores of the true pairing without one unit."""
    rows = int((given.rows.neutral["unit"] != without).sum())
    order = np.arange(rows)[None]
    found = [phase8(case, case.k(given.k), order) for case in given.cases(without)]
    return np.array([(before, after[0]) for before, after in found]).T


def _depths(given: WordPairs) -> Float[np.ndarray, "layer 2"]:
    layers = np.array([max(states.layers) + 1 for states in (given.source, given.target)])
    return (np.array(given.pairs) + 1) / layers


def _sound(
    given: WordPairs, orders: Int[np.ndarray, "draw row"], seed: int
) -> dict[str, Float[np.ndarray, "draw layer"]]:
    halves = given.rows.halves(seed)
    k = affordable(halves)
    parts: dict[str, list[np.ndarray]] = {score: [] for score in SOUND}
    for pair in given.pairs:
        at = given.source.layers.index(pair[0]), given.target.layers.index(pair[1])
        one, other = (
            paired_states(given.source, halves[0], at[0]),
            paired_states(given.target, halves[1], at[1]),
        )
        for score, values in align(one, other, k, orders=orders).scores.items():
            parts[score].append(values[:, 0, 0])
    return {score: np.stack(values, axis=1) for score, values in parts.items()}


def summary_csv(scores: LayerScores, path: Path) -> Path:
    """Write the reports' summary: layer, before, after and delta, and beside them what wrong pairs give.

    Parameters
    ----------
    scores
        From :func:`compare_layers`.
    path
        In an existing folder.

    Returns
    -------
    The path.
    """
    return write_atomically(path, scores.table()[[*REPORTED, *BESIDE]].to_csv(index=False))


def markdown_report(scores: LayerScores, path: Path, checks: pd.DataFrame | None = None) -> Path:
    """Write the reports' Markdown report, with what wrong pairs give beside every number.

    Parameters
    ----------
    scores
        From :func:`compare_layers`.
    path
        In an existing folder.
    checks
        From :func:`emotion_utils.wider.checks.sanity_checks`.

    Returns
    -------
    The path.
    """
    table, overall = scores.table(), scores.overall()
    parts = [
        f"# Phase 8: {scores.source} and {scores.target}",
        f"{scores.n} neutral prompts, {scores.units} units, k = {scores.k}, {len(scores.after) - 1} other pairings of "
        f"the rows. Chance before a map is 1/d = {scores.chance:.6f}; after it, only wrong pairs say what is chance. A "
        "p is of one layer alone; those of all layers at once stand below.",
        _markdown(table[[*REPORTED, *BESIDE]].rename(columns=IN_WORDS), ".6f"),
        "## All layers at once",
        _markdown(overall.drop(columns="above"), ".4f"),
    ]
    if checks is not None:
        parts += ["## The reports' three checks", _markdown(checks, ".4f")]
    return write_atomically(path, "\n\n".join(parts) + "\n")


def _markdown(table: pd.DataFrame, number: str) -> str:
    """A table in Markdown; what is not a number as it is, and a missing one as a dash."""
    lines = [list(table.columns), ["---"] * table.shape[1]]
    lines += [[_cell(value, number) for value in row] for row in table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object, number: str) -> str:
    if not isinstance(value, float):
        return str(value)
    return "–" if np.isnan(value) else format(value, number)

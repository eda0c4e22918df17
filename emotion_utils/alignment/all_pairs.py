"""All ordered pairs of models: sound scores beside their null and their ceiling.

The emotional prompts of the source are those of one half of the units and those of the target are of the other half, so
that nothing is shared but what emotions have in common across prompts. The ceiling is a model against itself,
done in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from emotion_utils.alignment.align import Alignment, align
from emotion_utils.alignment.pooled import model_orders, relative_orders
from emotion_utils.subspaces.readings import ModelStates, PromptPairs, paired_states

DIMENSIONS = 5
"""Of subspaces, where prompts allow them."""
SCORES = {"r2": "held-out R²", "overlap": "overlap", "probe": "transferred probe"}


@dataclass(frozen=True, eq=False)
class PairAlignments:
    """Alignments of pairs.

    Attributes
    ----------
    states_of
        By model.
    halves
        Rows of the source's emotional prompts and of the target's.
    k
        Dimensions of the subspaces.
    alignments
        By source and target; a model with itself is among them.
    """

    states_of: Mapping[str, ModelStates] = field(repr=False)
    halves: tuple[PromptPairs, PromptPairs] = field(repr=False)
    k: int
    alignments: Mapping[tuple[str, str], Alignment] = field(repr=False)

    def ceiling(self, target: str) -> dict[str, float]:
        """What a target reaches with itself from the other half of the prompts, at its best pair of layers."""
        best = self.alignments[target, target].best().set_index("score")["value"]
        return {str(score): float(value) for score, value in best.items()}

    def best(self) -> pd.DataFrame:
        """The best pair of layers of every two models, calibrated.

        Returns
        -------
        The columns of :meth:`emotion_utils.alignment.align.Alignment.best`, ``ceiling`` and ``excess`` (value minus
        null); ``calibrated`` is NaN where the ceiling is not above the null.
        """
        parts = []
        for (source, target), alignment in self.alignments.items():
            if source == target:
                continue
            top = self.ceiling(target)
            part = alignment.best()
            ceiling, excess = part["score"].map(top), part["value"] - part["null"]
            room = (ceiling - part["null"]).where(lambda gap: gap > 0)
            parts.append(part.assign(calibrated=excess / room, ceiling=ceiling, excess=excess))
        return pd.concat(parts, ignore_index=True)


def affordable(halves: tuple[PromptPairs, PromptPairs]) -> int:
    """Dimensions that both halves allow, :data:`DIMENSIONS` at most: by the rarest emotion, and by the neutral rows.

    Both may lose their largest unit, as they do where units are left out.
    """
    neutral = halves[0].neutral["unit"]
    allowed = [len(neutral) - neutral.value_counts().max() - 1]
    for half in halves:
        allowed.append(half.fewest - 1)
        allowed += [len(own) - own["unit"].value_counts().max() for own in half.pairs.values()]
    return int(max(1, min(DIMENSIONS, *allowed)))


def align_pairs(
    states_of: Mapping[str, ModelStates],
    targets: Sequence[str],
    halves: tuple[PromptPairs, PromptPairs],
    k: int = 5,
    n_permutations: int = 199,
    seed: int = 0,
) -> PairAlignments:
    """Align every model to every target, itself included.

    Parameters
    ----------
    states_of
        By model; those that are no target are sources only.
    targets
        Names.
    halves
        From :meth:`emotion_utils.subspaces.readings.PromptPairs.halves`.
    k
        Of :func:`emotion_utils.alignment.align.align`.
    n_permutations, seed
        Of the orders of every model's rows, see :mod:`emotion_utils.alignment.pooled`.
    """
    one, other = halves
    sources = {name: paired_states(states, one) for name, states in states_of.items()}
    goals = {name: paired_states(states_of[name], other) for name in targets}
    orders = model_orders(one.neutral["unit"].to_numpy(), list(states_of), n_permutations, seed)
    # of a model with itself only the score of the true pairing is asked for, as a ceiling: no null
    alignments = {
        (source, target): align(sources[source], goals[target], k, 1, seed)
        if source == target
        else align(
            sources[source],
            goals[target],
            k,
            orders=relative_orders(orders[source], orders[target]),
        )
        for target in targets
        for source in sources
    }
    return PairAlignments(states_of, halves, k, alignments)


def no_emotion(
    pairs: PairAlignments, rows: PromptPairs, n_permutations: int = 199, seed: int = 0
) -> pd.DataFrame:
    """The overlap after alignment where neutral prompts stand in the place of the emotional ones.

    Parameters
    ----------
    pairs
        What it is compared with.
    rows
        All rows.
    n_permutations, seed

    Returns
    -------
    One row per pair of models that are both targets: ``source, target, value, null, p, excess`` and, of the emotions,
    ``emotion_value, emotion_excess``.
    """
    with_emotion = pairs.best().query("score == 'overlap'").set_index(["source", "target"])
    names = sorted({target for _, target in pairs.alignments}, key=list(pairs.states_of).index)
    shown = rows.no_emotion(seed)
    parts = tuple(
        PromptPairs(half.neutral, {"neutral": shown.pairs["neutral"].pipe(_in_units, half)})
        for half in pairs.halves
    )
    out = []
    for source, target in ((a, b) for a in names for b in names if a != b):
        one, other = (
            paired_states(pairs.states_of[source], parts[0]),
            paired_states(pairs.states_of[target], parts[1]),
        )
        best = align(one, other, pairs.k, n_permutations, seed).best().set_index("score").loc["overlap"]
        ours = with_emotion.loc[(source, target)]
        numbers = best["value"], best["null"], best["p"], best["value"] - best["null"]
        out.append((source, target, *numbers, ours["value"], ours["excess"]))
    columns = ["source", "target", "value", "null", "p", "excess", "emotion_value", "emotion_excess"]
    return pd.DataFrame(out, columns=columns)


def by_pair(table: pd.DataFrame, pair: list[str], kind: str, values: list[str]) -> pd.DataFrame:
    """One row per pair and, for every kind, a column per value, in the order of the table.

    Parameters
    ----------
    table
        One row per pair and kind.
    pair, kind
        Columns that name them.
    values
        Columns to show. The first is called by the kind alone, the others by kind and column.
    """
    kinds = list(dict.fromkeys(table[kind]))
    wide = table.pivot(index=pair, columns=kind, values=values)
    wide = wide.reindex(pd.MultiIndex.from_frame(table[pair].drop_duplicates()))
    wide = wide[[(value, name) for name in kinds for value in values]]
    wide.columns = [name if value == values[0] else f"{name} {value}" for value, name in wide.columns]
    return wide.reset_index()


def _in_units(table: pd.DataFrame, half: PromptPairs) -> pd.DataFrame:
    units = set().union(*(set(own["unit"]) for own in half.pairs.values()))
    return table[table["unit"].isin(units)]


def _depth(layers: pd.Series) -> pd.Series:
    return (layers + 1) / (layers.max() + 1)


def at_equal_depth(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Value minus null at equal relative depth and elsewhere.

    Parameters
    ----------
    tables
        From :meth:`emotion_utils.alignment.align.Alignment.table`, one per pair.

    Returns
    -------
    One row per pair and score: ``pair, score, equal, elsewhere, difference``.
    """
    out = []
    for pair, table in enumerate(tables):
        depths = [_depth(table[end]) for end in ("source_layer", "target_layer")]
        width = 0.5 / (1 + table[["source_layer", "target_layer"]].max().max())
        excess = (table["value"] - table["null"]).groupby(
            [table["score"], (depths[0] - depths[1]).abs() < width], sort=False
        )
        for score, means in excess.mean().unstack().iterrows():
            out.append((pair, score, means[True], means[False], means[True] - means[False]))
    return pd.DataFrame(out, columns=["pair", "score", "equal", "elsewhere", "difference"])

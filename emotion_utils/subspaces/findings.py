"""The numbers of Chapter 4's sentences about subspaces before any map; a template of the page takes a record of these.

What counts as small or as most is decided here, never on the page; ``corrected`` counts what is left of small p values
when all tests of a sentence are corrected for, by :func:`emotion_utils.statistics.corrections.significant`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from emotion_utils.statistics.corrections import adjusted, significant
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.subspaces.neutral_variance import by_model


class RawOverlap(NamedTuple):
    """Raw overlaps of all pairs of models at one k.

    Attributes
    ----------
    k
        Dimensions.
    overlap, cosine
        Means over the pairs.
    chance, cosine_chance, cosine_spread
        Of random subspaces; the last is a standard deviation.
    corrected, small, n
        Pairs that stand out when all are corrected for, with a p of at most :data:`LEVEL`, of how many.
    """

    k: int
    overlap: float
    chance: float
    cosine: float
    cosine_chance: float
    cosine_spread: float
    corrected: int
    small: int
    n: int


def raw_by_k(raw: pd.DataFrame) -> list[RawOverlap]:
    """What :func:`emotion_utils.subspaces.overlaps.raw_overlaps` says of each k."""
    return [
        RawOverlap(
            k=int(k),
            overlap=float(pairs["overlap"].mean()),
            cosine=float(pairs["cosine"].mean()),
            corrected=significant(pairs["p"].to_numpy()),
            small=int((pairs["p"] <= LEVEL).sum()),
            n=len(pairs),
            **pairs[["chance", "cosine_chance", "cosine_spread"]].iloc[0].to_dict(),
        )
        for k, pairs in raw.groupby("k")
    ]


class Reader(NamedTuple):
    """A model, and how many of its emotions lie lower in the neutral subspace than a second neutral clause does.

    Counted with all tests of all readers corrected for.
    """

    model: str
    corrected: int
    emotions: int


class NeutralVariance(NamedTuple):
    """Overlap of emotional clauses with the neutral subspace.

    Attributes
    ----------
    value, reference
        Of emotional clauses and of second neutral ones, mean over the models.
    corrected, small, n, expected
        (emotion, model) that lie lower when all are corrected for, controls among them; with a p of at most
        :data:`LEVEL`; of how many, and how many of the latter chance gives.
    most
        Models of which more than half of the emotions lie lower, corrected.
    controls
        Readers that no emotion is in.
    """

    value: float
    reference: float
    corrected: int
    small: int
    n: int
    expected: float
    most: tuple[str, ...]
    controls: tuple[Reader, ...]


def neutral_variance(tests: pd.DataFrame, models: Sequence[str]) -> NeutralVariance:
    """What the tests of :func:`emotion_utils.subspaces.neutral_variance.specificity` say.

    Parameters
    ----------
    tests
        Of all models, and of controls.
    models
        Those that are no controls.
    """
    left = pd.Series(adjusted(tests["p"].to_numpy(), "fdr_bh") <= LEVEL, tests.index)
    table = by_model(tests).set_index("model")
    table["corrected"] = left.groupby(tests["model"], sort=False).sum()
    named, controls = table.loc[list(models)], table.drop(index=list(models))
    n = int(named["emotions"].sum())
    return NeutralVariance(
        value=float(named["value"].mean()),
        reference=float(named["reference"].mean()),
        corrected=int(named["corrected"].sum()),
        small=int(named["small"].sum()),
        n=n,
        expected=LEVEL * n,
        most=tuple(named.index[named["corrected"] > named["emotions"] / 2]),
        controls=tuple(Reader(*row) for row in controls[["corrected", "emotions"]].itertuples()),
    )

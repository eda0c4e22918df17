"""The numbers of Chapter 4's sentences: a page has one template per sentence, and a record of this module fills it.

What counts as small, as above or as best is decided here, never on the page. Small is a p of at most :data:`LEVEL`;
``expected`` is how many of these chance gives; ``corrected`` counts what is left of them when the expected share of
false ones among the tests of a sentence is held at :data:`LEVEL` {cite:p}`benjamini1995`. Scores go by their
keys, as in :data:`emotion_utils.alignment.all_pairs.SCORES`.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from emotion_utils.alignment.all_pairs import SCORES
from emotion_utils.statistics.corrections import significant
from emotion_utils.statistics.permutations import LEVEL

COLUMNS = {
    "one": "first model",
    "other": "second model",
    "n": "texts",
    "n_units": "units",
    "low": "from",
    "high": "to",
    "before": "before the map",
    "chance": "chance before",
    "after": "after the map",
    "permuted": "wrong pairs",
    "permuted_high": "wrong pairs, 95 %",
    "rotated_high": "rotated, 95 %",
    "cosine_chance": "cosine, chance",
    "cosine_spread": "spread of chance",
    "reference": "second neutral clause",
    "null": "wrong pairs",
    "null_high": "wrong pairs, 95 %",
    "trained_null": "trained, wrong pairs",
    "null_sd": "spread of wrong pairs",
    "ratio": "times chance",
    "boot_z": "z chooses it, resamples",
    "boot_ratio": "ratio chooses it, resamples",
    "null_z": "z chooses it, wrong pairs",
    "null_ratio": "ratio chooses it, wrong pairs",
    "small": "pairs with p ≤ 5 %",
    "corrected": "stand out, corrected",
    "chosen": "pairs that choose it",
}
"""What the columns of the chapter's tables are called on its page."""


def _small(p: pd.Series) -> int:
    return int((p <= LEVEL).sum())


def _corrected(p: pd.Series) -> int:
    return significant(p.to_numpy())


class Spread(NamedTuple):
    """Mean, smallest and largest of some values."""

    mean: float
    lowest: float
    highest: float


def _spread(values: pd.Series) -> Spread:
    return Spread(float(values.mean()), float(values.min()), float(values.max()))


class AllPairs(NamedTuple):
    """One score at the best pair of layers of every two models.

    Attributes
    ----------
    score
        Its key.
    value
        Over the pairs.
    null, ceiling, calibrated
        Means over the pairs; the last over those that have one, `n_calibrated`.
    pooled
        One p of the mean over all pairs, see :mod:`emotion_utils.alignment.pooled`.
    corrected, small, expected, n
        Pairs that stand out when all are corrected for, pairs with a small p, what chance gives of these, and all.
    """

    score: str
    value: Spread
    null: float
    ceiling: float
    calibrated: float
    n_calibrated: int
    pooled: float
    corrected: int
    small: int
    expected: float
    n: int

    @property
    def shared(self) -> bool:
        """Whether all pairs together score higher than wrong pairs of rows do."""
        return self.pooled <= LEVEL


def all_pairs(best: pd.DataFrame, pooled: pd.DataFrame) -> list[AllPairs]:
    """What :meth:`emotion_utils.alignment.all_pairs.PairAlignments.best` says of each score.

    Parameters
    ----------
    best
        One row per pair and score.
    pooled
        From :func:`emotion_utils.alignment.pooled.pooled`.
    """
    together = pooled.set_index("score")["p"]
    return [
        AllPairs(
            score=str(score),
            value=_spread(pairs["value"]),
            **{name: float(pairs[name].mean()) for name in ("null", "ceiling", "calibrated")},
            n_calibrated=int(pairs["calibrated"].notna().sum()),
            pooled=float(together[score]),
            corrected=_corrected(pairs["p"]),
            small=_small(pairs["p"]),
            expected=LEVEL * len(pairs),
            n=len(pairs),
        )
        for score, pairs in best.groupby("score", sort=False)
    ]


class Depths(NamedTuple):
    """One score minus its null at equal relative depth and elsewhere, and in how many pairs the former leads."""

    score: str
    equal: float
    elsewhere: float
    better: int
    n: int


def equal_depth(depths: pd.DataFrame) -> list[Depths]:
    """What :func:`emotion_utils.alignment.all_pairs.at_equal_depth` says of every score."""
    records = []
    for score in SCORES:
        pairs = depths[depths["score"] == score]
        equal, elsewhere = (float(pairs[name].mean()) for name in ("equal", "elsewhere"))
        records.append(Depths(score, equal, elsewhere, int((pairs["difference"] > 0).sum()), len(pairs)))
    return records


class NoEmotion(NamedTuple):
    """Excess of the overlap over its null with emotional prompts, and with neutral ones in their place.

    Attributes
    ----------
    emotion, plain
        With and without emotion.
    corrected, small
        Pairs that stand out without emotion when all are corrected for, and pairs with a small p.
    leads, n
        Pairs whose excess is larger with emotion, of how many.
    """

    emotion: Spread
    plain: Spread
    corrected: int
    small: int
    leads: int
    n: int

    @property
    def says_nothing(self) -> bool:
        """Whether an overlap after a map is no evidence at all: emotions lead in at most half of the pairs."""
        return self.leads <= self.n / 2


def no_emotion(plain: pd.DataFrame) -> NoEmotion:
    """What :func:`emotion_utils.alignment.all_pairs.no_emotion` says."""
    leads = int((plain["emotion_excess"] > plain["excess"]).sum())
    spreads = _spread(plain["emotion_excess"]), _spread(plain["excess"])
    return NoEmotion(*spreads, _corrected(plain["p"]), _small(plain["p"]), leads, len(plain))


class Difference(NamedTuple):
    """Excess of trained models minus that of a control in one score, with its interval; `lead` is that of the score."""

    score: str
    difference: float
    low: float
    high: float
    lead: float

    @property
    def above(self) -> bool:
        """Whether the interval lies above 0; without an interval nothing is above."""
        return self.low > 0


def beside_controls(table: pd.DataFrame) -> dict[str, list[Difference]]:
    """What :mod:`emotion_utils.alignment.controls` says of each control, score by score."""
    columns = ["score", "difference", "low", "high", "lead"]
    whole = table.assign(lead=table["trained"] - table["value"])
    return {
        str(control): [Difference(*row) for row in rows[columns].itertuples(index=False)]
        for control, rows in whole.groupby("control", sort=False)
    }


class Similar(NamedTuple):
    """Similarity without a map, means over some pairs of models.

    Attributes
    ----------
    value, words, partial
        As it is, of the words alone, and with what they share taken out.
    null_high
        The largest 95th percentile of the latter with permuted prompts.
    corrected, small, n
        Pairs of which the latter stands out when all are corrected for, with a small p, of how many.
    """

    value: float
    words: float
    partial: float
    null_high: float
    corrected: int
    small: int
    n: int


def similar(pairs: pd.DataFrame) -> Similar:
    """What :func:`emotion_utils.alignment.rsa_cka.compare` says of some pairs."""
    value, words, partial = (float(pairs[name].mean()) for name in ("value", "words", "partial"))
    highest = float(pairs["partial_null_high"].max())
    p = pairs["partial_p"]
    return Similar(value, words, partial, highest, _corrected(p), _small(p), len(pairs))


class ChosenK(NamedTuple):
    """Which k two rules choose.

    Attributes
    ----------
    ratio, ratio_by_luck
        The k with the largest ratio to chance, and the share of wrong pairings that would choose it too.
    z_by_luck
        The smallest and the largest share of wrong pairings in which z chooses a k.
    k, z, chosen, n
        The k that z chooses for most pairs, its mean z, and for how many of how many.
    again
        The share of resamples that choose as their pair did.
    corrected, small, expected
        Pairs whose best k stands out when all are corrected for, or has a small p, the maximum over k inside the null;
        and what chance gives of the latter.
    one_for_all
        Whether there are several k to choose from, and more than two thirds of pairs and of resamples agree.
    """

    ratio: int
    ratio_by_luck: float
    z_by_luck: tuple[float, float]
    k: int
    z: float
    chosen: int
    n: int
    again: float
    corrected: int
    small: int
    expected: float
    one_for_all: bool


def chosen_k(by_k: pd.DataFrame, summary: pd.DataFrame) -> ChosenK:
    """What :mod:`emotion_utils.alignment.choice_of_k` says of many pairs: the table of all, and its summary."""
    table, pairs = summary.set_index("k"), by_k.drop_duplicates(["source", "target"])
    ratio, k, n = table["ratio"].idxmax(), table["chosen"].idxmax(), len(pairs)
    again, chosen = float(by_k[by_k["chosen"]]["boot_z"].mean()), int(table.at[k, "chosen"])
    return ChosenK(
        ratio=int(ratio),
        ratio_by_luck=float(table.at[ratio, "null_ratio"]),
        z_by_luck=(float(table["null_z"].min()), float(table["null_z"].max())),
        k=int(k),
        z=float(table.at[k, "z"]),
        chosen=chosen,
        n=n,
        again=again,
        corrected=_corrected(pairs["p_any"]),
        small=_small(pairs["p_any"]),
        expected=LEVEL * n,
        one_for_all=len(table) > 1 and chosen > n * 2 / 3 and again > 2 / 3,
    )

"""The numbers of Chapter 3's sentences: a page has one template per sentence, and a record of this module fills it.

What counts as above, apart or held is decided here, never on the page. ``place`` says where the states of a vector were
read: at the ``end`` of a prompt, or at the emotion ``word``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from emotion_utils.models.comparison import CONTROL
from emotion_utils.statistics.corrections import significant
from emotion_utils.statistics.nulls import are_means
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.vectors.geometry import COSINES, of_all_pairs, of_pairs

PLACES = {"end": "sentence end", "word": "emotion word"}


class MethodRange(NamedTuple):
    """The lowest and the highest held-out AUROC of one method over the emotions."""

    method: str
    lowest: float
    highest: float


class WithWords(NamedTuple):
    """Scores of all vectors on prompts with emotion words; all numbers are of the `n` pairs of method and emotion.

    Attributes
    ----------
    methods
        One per method.
    words
        Mean AUROC of the bag of words.
    above, n
        How many vectors are above it, of how many.
    largest_gain
        The largest difference.
    n_units
        Of the prompts.
    """

    methods: tuple[MethodRange, ...]
    words: float
    above: int
    n: int
    largest_gain: float
    n_units: int


def with_words(scores: pd.DataFrame, profile: str) -> WithWords:
    """What the scores of :func:`emotion_utils.vectors.held_out.held_out` say of the set that vectors are made from.

    Where nothing was scored, `n` is 0, and what cannot be said is NaN.
    """
    single = scores[(scores["set"] == profile) & ~are_means(scores) & scores["value"].notna()]
    ends = single.groupby("method", sort=False)["value"].agg(["min", "max"])
    return WithWords(
        methods=tuple(MethodRange(*row) for row in ends.itertuples()),
        words=float(single["words"].mean()),
        above=int((single["gain"] > 0).sum()),
        n=len(single),
        largest_gain=float(single["gain"].max()),
        n_units=int(single["n_units"].max()) if len(single) else 0,
    )


class BesideWords(NamedTuple):
    """Mean AUROC of one method on one set beside the bag of words; the interval of the difference decides."""

    set: str
    method: str
    value: float
    low: float
    high: float
    words: float
    gain: float
    gain_low: float
    gain_high: float
    null_high: float
    p: float

    @property
    def above(self) -> bool:
        """Whether the interval of the difference lies above 0; without an interval nothing is above."""
        return self.gain_low > 0

    @property
    def beyond(self) -> bool:
        """Whether exchanged labels reach it in at most :data:`LEVEL` of the draws."""
        return self.p <= LEVEL


def on_set(scores: pd.DataFrame, name: str) -> list[BesideWords]:
    """The mean over the emotions of every method on one set, where it was scored."""
    return without_words(scores[scores["set"] == name], "")


def without_words(scores: pd.DataFrame, profile: str) -> list[BesideWords]:
    """The mean over the emotions on every set that no vector is made from, where it was scored."""
    kept = scores[(scores["set"] != profile) & are_means(scores) & scores["value"].notna()]
    return [BesideWords(*row) for row in kept[list(BesideWords._fields)].itertuples(index=False)]


class BesideModels(NamedTuple):
    """Mean AUROC of several models on one set.

    Attributes
    ----------
    set
        Of prompts.
    n, lowest, highest
        The models, the control not among them.
    above
        Models above the bag of words, by the interval of the difference.
    control, control_low, control_high, control_p, control_words
        The control, and the bag of words beside it.
    apart
        Models above the control, by the interval of the difference.
    rival, ahead
        AUROC of a bag of words trained on the set itself, and models above it, by the interval of the difference.
    """

    set: str
    n: int
    lowest: float
    highest: float
    above: int
    control: float
    control_low: float
    control_high: float
    control_p: float
    control_words: float
    apart: int
    rival: float
    ahead: int


def beside_models(
    scores: pd.DataFrame, differences: pd.DataFrame, rivals: pd.DataFrame, name: str
) -> BesideModels:
    """Count the models that stand out on one set.

    Parameters
    ----------
    scores
        From :func:`emotion_utils.vectors.comparison.overview`, the control among the models.
    differences
        From :func:`emotion_utils.vectors.comparison.beside_control`.
    rivals
        From :func:`emotion_utils.vectors.comparison.beside_rival`.
    name
        Of the set.
    """
    means = scores[(scores["emotion"] == "mean") & (scores["set"] == name)].set_index("model")
    models, control = means.drop(index=CONTROL), means.loc[CONTROL]
    low, high, p, words = (float(control[column]) for column in ("low", "high", "p", "words"))
    return BesideModels(
        set=name,
        n=len(models),
        lowest=float(models["value"].min()),
        highest=float(models["value"].max()),
        above=int((models["gain_low"] > 0).sum()),
        control=float(control["value"]),
        control_low=low,
        control_high=high,
        control_p=p,
        control_words=words,
        apart=int((differences["low"] > 0).sum()),
        rival=float(rivals["rival"].mean()),
        ahead=int((rivals["low"][rivals["model"] != CONTROL] > 0).sum()),
    )


class NamesHeld(NamedTuple):
    """AUROC of one kind of vector against the other emotions, and the vectors whose name does and does not hold."""

    made: str
    mean: float
    lowest: float
    highest: float
    held: tuple[str, ...]
    lost: tuple[str, ...]


def names_held(specific: pd.DataFrame, name: str) -> list[NamesHeld]:
    """What :func:`emotion_utils.vectors.projections.specificity` says on one set, by kind of vector.

    A vector without an interval is neither held nor lost.
    """
    rivals = specific[(specific["set"] == name) & (specific["against"] == "other emotions")]
    records = []
    for made, rows in rivals.groupby("made", sort=False):
        mean, low, high = (float(rows["value"].agg(how)) for how in ("mean", "min", "max"))
        held, lost = (tuple(rows["vector"][rows["holds"] == answer]) for answer in ("yes", "no"))
        records.append(NamesHeld(str(made), mean, low, high, held, lost))
    return records


class MeanAngles(NamedTuple):
    """Mean cosine over the pairs of emotions at one ``place``.

    Attributes
    ----------
    value, low, high, no_emotion, one_emotion
        Of the vectors, with its interval, and the means of both nulls; NaN for the second without a reference label.
    p_no, p_one, least
        One test of all pairs against each null, and the smallest distance from no emotion that it finds in four of
        five cases.
    n, apart, below, control_below
        Pairs; with all of them corrected for, those that differ from no emotion, those that lie below one emotion, and
        those of the control that do.
    """

    place: str
    value: float
    low: float
    high: float
    no_emotion: float
    one_emotion: float
    p_no: float
    p_one: float
    least: float
    n: int
    apart: int
    below: int
    control_below: int


def mean_angles(angles: pd.DataFrame, control: pd.DataFrame) -> list[MeanAngles]:
    """What :func:`emotion_utils.vectors.geometry.cosines` says of a model and of the control, place by place."""
    records = []
    for place, rows in angles.groupby("reading", sort=False):
        rows = rows.reindex(columns=COSINES)
        single, together = of_pairs(rows), of_all_pairs(rows).iloc[0]
        theirs = of_pairs(control[control["reading"] == place].reindex(columns=COSINES))
        numbers: dict[str, Any] = {name: float(together[name]) for name in MeanAngles._fields[1:9]}
        for name, table, p in (
            ("apart", single, "p_no"), ("below", single, "p_one"), ("control_below", theirs, "p_one")
        ):  # fmt: skip
            numbers[name] = significant(table[p].to_numpy(dtype=float))
        records.append(MeanAngles(place=str(place), n=len(single), **numbers))
    return records


class Growth(NamedTuple):
    """How the mean length over the emotions changes with depth, at one ``place``.

    Attributes
    ----------
    raw, residual
        The last layer's length and residual norm in those of the first.
    peak, relative, null_high
        The layer with the largest relative length, that length, and what permuted labels reach there.
    """

    place: str
    raw: float
    residual: float
    peak: int
    relative: float
    null_high: float


def growth(lengths: pd.DataFrame) -> Growth:
    """What :func:`emotion_utils.vectors.geometry.lengths` says of one place."""
    means = lengths.groupby("layer")[["l2", "relative", "null_high", "scale"]].mean()
    raw, residual = (float(means[column].iloc[-1] / means[column].iloc[0]) for column in ("l2", "scale"))
    peak = int(means["relative"].idxmax())
    ends = (float(means.loc[peak, name]) for name in ("relative", "null_high"))
    return Growth(str(lengths["reading"].iloc[0]), raw, residual, peak, *ends)


class SplitHalves(NamedTuple):
    """Mean cosine over the layers of one emotion's vectors from two halves, and with the other emotions'."""

    emotion: str
    value: float
    other: float


class Reproducible(NamedTuple):
    """Agreement of halves at one place: by emotion, with permuted labels, and the emotions that lead at some layer."""

    place: str
    emotions: tuple[SplitHalves, ...]
    null: float
    leading: tuple[str, ...]

    def shown(self, most: int) -> tuple[SplitHalves, ...]:
        """All emotions, or of more than so many the least and the most reproducible one."""
        ends = (function(self.emotions, key=lambda one: one.value) for function in (min, max))
        return self.emotions if len(self.emotions) <= most else tuple(ends)


def reproducible(halves: pd.DataFrame) -> Reproducible:
    """What :func:`emotion_utils.vectors.geometry.halves` says of one place, where there were units enough to split."""
    by_emotion = halves.groupby("emotion", sort=False)
    means, leads = by_emotion[["value", "other", "null"]].mean(), by_emotion["lead_low"].max()
    emotions = tuple(SplitHalves(*row) for row in means[["value", "other"]].itertuples())
    place = str(halves["reading"].iloc[0])
    return Reproducible(place, emotions, float(means["null"].mean()), tuple(leads[leads > 0].index))


class Keywords(NamedTuple):
    """AUROC of one emotion's keywords among all tokens, and what permuted labels reach."""

    emotion: str
    value: float
    null_high: float
    p: float


class Promoted(NamedTuple):
    """The emotions that have enough keywords, and how many of them pass :data:`LEVEL` in all (Bonferroni)."""

    emotions: tuple[Keywords, ...]
    passed: int


def promoted(named: pd.DataFrame) -> Promoted:
    """What the logit lens of :mod:`emotion_utils.vectors.logit_lens` says of the vectors' keywords."""
    enough = named.dropna(subset="value")
    emotions = tuple(Keywords(*row) for row in enough[list(Keywords._fields)].itertuples(index=False))
    return Promoted(emotions, int((enough["p"] <= LEVEL / max(len(enough), 1)).sum()))

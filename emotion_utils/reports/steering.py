"""The reports' claims about steering (Phase 5), measured as they describe it and judged by rules stated here.

An interval decides where all of it lies on one side: the claimed one or the other. One that has both in it is
undecided, since nothing can be told from it.

Rules of the claims that are not a number of a formula:

- *layers*: the layer at which one raw vector moves sentiment, politeness and emotion most, on a scale of twelve; *deep*
  holds where the whole range of the bootstrap is 9 or later, and fails where all of it is earlier.
- *alpha.range*: the chosen strengths in multiples of the raw vector, mean over the emotions.
- *alpha.collapse*: the smallest strength of the reports' grid at which at least half of the texts collapse.
- *repetition*: at half depth and one raw vector, texts repeat more than untouched ones, by the interval.
- *sign*: at the chosen strength plus gratitude raises and minus gratitude lowers both sentiment and politeness, all
  four by their intervals; one of them that lies wholly on the wrong side is enough to fail.
- *random*: share of texts that a random vector turns, minus that of the untouched model, over vectors. Fails where one
  of them turns half of the contexts or more; else "no effect" needs an interval within the margin of the claim.
- *realworld*: on how many texts the classifier gives more of the emotions asked for a higher probability than a lower
  one, of the texts on which these numbers differ; a text without a known word has none of any emotion. The text is the
  unit, since its emotions are not independent. Half of the texts would do so by chance: holds where the exact interval
  lies above that, fails where below.
- *multitoken*: the claim is that a single token does not show what texts show. Fails where the probability of the
  emotion's own first words moves, by the interval of the difference to the untouched model; holds where the whole
  interval lies within the margin, and texts change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emotion_utils.reports.claims import Measurement, too_few
from emotion_utils.reports.published_steering import COLLAPSED, collapse, layer_of_effect, raw_alpha
from emotion_utils.reports.replication import all_hold, lies_above, lies_below, nothing_holds
from emotion_utils.statistics.permutations import binomial_bounds
from emotion_utils.statistics.resampling import FEWEST_UNITS, grouped_mean_interval
from emotion_utils.steering.choice import RANDOM_AT_MOST
from emotion_utils.steering.controls import KINDS, by_control
from emotion_utils.steering.dose import difference
from emotion_utils.steering.overview import Trial
from emotion_utils.steering.subject import SteeredModel
from emotion_utils.steering.trials import at_chosen

DEEP = 9
HALF = 0.5
SMALL_SHARE = RANDOM_AT_MOST
"""A change of a share or a probability below this does not matter; the choice of settings lets random vectors do so."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the chapter has measured.

    Attributes
    ----------
    trial
        Of the model.
    dose
        Texts of several strengths on fresh contexts, with the scores of their style.
    first
        From :func:`readout.first_word`, on the same contexts.
    published
        From :func:`published_steering.sweep_as_published`.
    real_world
        From :func:`real_world.steered_texts`.
    """

    trial: Trial
    dose: pd.DataFrame
    first: pd.DataFrame
    published: pd.DataFrame
    real_world: pd.DataFrame


def chapter_measurements(steered: SteeredModel, evidence: Evidence, seed: int = 0) -> list[Measurement]:
    """Measure the claims of Phase 5.

    Parameters
    ----------
    steered
    evidence
        The chapter's tables.
    seed
        Of the bootstrap.
    """
    units = min(table["unit"].nunique() for table in (evidence.dose, evidence.published))
    if units < FEWEST_UNITS:
        return too_few("P5.", steered.name, units, int(evidence.dose["prompt"].nunique()))
    return [
        *_layers(steered, evidence.published, seed),
        _range(steered, evidence.trial.chosen),
        _collapse(steered, evidence.published),
        _repetition(steered, evidence.published, seed),
        _sign(steered, evidence, seed),
        _random(steered, evidence.trial),
        _real_world(steered, evidence.real_world),
        _multitoken(steered, evidence, seed),
    ]


def _layers(steered: SteeredModel, table: pd.DataFrame, seed: int) -> list[Measurement]:
    value, low, high = layer_of_effect(table, len(steered.layers), seed)
    tried = table.loc[table["alpha"] == 1.0, "layer"].nunique()
    n = int(table["prompt"].nunique())
    note = f"on a scale of twelve layers, one raw vector, {tried} of {len(steered.layers)} layers tried"
    deep = lies_above(low, high, DEEP, reached=True)
    return [
        Measurement("P5.layer.deep", steered.name, value, low, high, n=n, holds=deep, note=note),
        Measurement("P5.layer.mid", steered.name, value, low, high, n=n, note=note),
    ]


def _range(steered: SteeredModel, chosen: Mapping[str, pd.Series]) -> Measurement:
    raw = [
        raw_alpha(steered, e, int(row["layer"]), float(row["alpha"]), str(row["made"]))
        for e, row in chosen.items()
    ]
    note = f"multiples of the raw vector: {', '.join(f'{alpha:.1f}' for alpha in raw)}"
    return Measurement("P5.alpha.range", steered.name, float(np.mean(raw)), n=len(raw), note=note)


def _collapse(steered: SteeredModel, table: pd.DataFrame) -> Measurement:
    shares = collapse(table[table["alpha"] > 0])
    many = shares[shares["collapsed"] >= HALF]
    listed = ", ".join(f"{row.collapsed:.0%} at {row.alpha:g}" for row in shares.itertuples())
    note = f"texts that cost more than {COLLAPSED:g} times genuine replies: {listed}"
    n = int(shares["n"].sum())
    if many.empty:
        return Measurement("P5.alpha.collapse", steered.name, None, n=n, holds=False, note=note)
    return Measurement("P5.alpha.collapse", steered.name, float(many["alpha"].iloc[0]), n=n, note=note)


def _repetition(steered: SteeredModel, table: pd.DataFrame, seed: int) -> Measurement:
    middle = table[table["layer"] == len(steered.layers) // 2]
    one = middle[middle["alpha"] == 1.0].assign(emotion="any")
    other = middle[middle["alpha"] == 0.0].assign(emotion="any")
    row = difference(one, other, ["repetition"], seed).iloc[0]
    holds = lies_above(row["low"], row["high"])
    values = row["difference"], row["low"], row["high"]
    note = "share of repeated runs of three words"
    return Measurement("P5.repetition", steered.name, *values, 0.0, int(row["n"]), holds, note)


def _sign(steered: SteeredModel, evidence: Evidence, seed: int) -> Measurement:
    texts = evidence.dose[evidence.dose["emotion"] == "gratitude"]
    largest = float(evidence.trial.chosen["gratitude"]["alpha"])
    plain, holds, moved = texts[texts["alpha"] == 0], [], []
    for alpha in (largest, -largest):
        for row in difference(
            texts[texts["alpha"] == alpha], plain, ["vader", "politeness"], seed
        ).itertuples():
            holds.append((lies_above if alpha > 0 else lies_below)(row.low, row.high))
            moved.append((alpha, row))
    up, down = (
        next(row for a, row in moved if a == alpha and row.score == "vader") for alpha in (largest, -largest)
    )
    listed = "; ".join(f"{row.score} {row.difference:+.2f} at {alpha:+g}" for alpha, row in moved)
    return Measurement(
        "P5.sign",
        steered.name,
        up.difference - down.difference,
        n=int(up.n),
        holds=all_hold(holds),
        note=listed,
    )


def _random(steered: SteeredModel, trial: Trial) -> Measurement:
    untouched = trial.summary().set_index("emotion")["untouched"]
    vectors = by_control(trial.controls[trial.controls["kind"].isin(KINDS)])
    gap = (vectors["share"] - vectors["emotion"].map(untouched)).to_numpy()
    low, high = grouped_mean_interval(gap, np.arange(len(gap)), bounds=(-1.0, 1.0))
    most = float(vectors["share"].max())
    note = (
        f"share of texts turned beyond untouched ones, over {len(gap)} vectors; the best one turns {most:.0%}"
    )
    value = float(gap.mean())
    return Measurement(
        "P5.random",
        steered.name,
        value,
        *_ends(low, high),
        0.0,
        len(gap),
        False if most >= HALF else None,
        note,
    )


def _real_world(steered: SteeredModel, table: pd.DataFrame) -> Measurement:
    texts = table[table["kind"] == "emotion vector"]
    wide = [
        texts[(texts["alpha"] != 0) == on].set_index(["emotion", "prompt"])["classifier"].fillna(0.0)
        for on in (True, False)
    ]
    sides = np.sign(wide[0] - wide[1].reindex(wide[0].index)).dropna()
    by_text = sides.groupby("prompt").sum()
    n, more, all_texts = int((by_text != 0).sum()), int((by_text > 0).sum()), len(by_text)
    each = ", ".join(f"{e} {(own > 0).sum()} of {(own != 0).sum()}" for e, own in sides.groupby("emotion"))
    note = f"texts with a higher probability, of those that differ: {each}; over the emotions {n} of {all_texts} differ"
    if not n:
        return Measurement("P5.realworld", steered.name, 0.0, n=0, note=note)
    low, high = (n * end for end in binomial_bounds(more, n))
    holds = lies_above(low, high, HALF * n)
    note += "; exact interval, n = texts that differ"
    return Measurement("P5.realworld", steered.name, more, low, high, HALF * n, n, holds, note)


def _multitoken(steered: SteeredModel, evidence: Evidence, seed: int) -> Measurement:
    word, texts = (
        _moved(table, column, evidence.trial.chosen, seed)
        for table, column in ((evidence.first, "mass"), (evidence.dose, "target"))
    )
    note = (
        f"probability of the emotion's own first words {word['other']:.2f} -> {word['one']:.2f}, texts that say it "
        f"{texts['other']:.2f} -> {texts['one']:.2f}"
    )
    low, high = _ends(float(word["low"]), float(word["high"]))
    hidden = nothing_holds(low, high, SMALL_SHARE)
    holds = False if hidden is False else True if hidden and texts["low"] > 0 else None
    value = float(word["difference"])
    return Measurement("P5.multitoken", steered.name, value, low, high, 0.0, int(word["n"]), holds, note)


def _moved(table: pd.DataFrame, column: str, chosen: Mapping[str, pd.Series], seed: int) -> pd.Series:
    """A column at the chosen strengths beside that of the untouched model in the same contexts, all emotions alike."""
    parts = [at_chosen(table, chosen), table[(table["alpha"] == 0) & table["emotion"].isin(list(chosen))]]
    one, other = (part.assign(emotion="any", prompt=_rows(part)) for part in parts)
    return difference(one, other, [column], seed).iloc[0]


def _ends(low: float, high: float) -> tuple[float | None, float | None]:
    """None where too few units leave an interval undefined."""
    return (low, high) if np.isfinite(low) and np.isfinite(high) else (None, None)


def _rows(table: pd.DataFrame) -> Sequence[str]:
    return (table["emotion"] + " " + table["prompt"].astype(str)).tolist()

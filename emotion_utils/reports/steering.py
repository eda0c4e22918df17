"""The reports' claims about steering (Phase 5), measured as they describe it and judged by rules stated here.

Rules of the claims that are not a number of a formula:

- *layers*: the layer at which one raw vector moves sentiment, politeness and emotion most, on a scale of twelve; *deep*
  holds at 9 or later, as far as the whole range of the bootstrap goes.
- *alpha.range*: the chosen strengths in multiples of the raw vector, mean over the emotions.
- *alpha.collapse*: the smallest strength of the reports' grid at which at least half of the texts collapse.
- *repetition*: at half depth and one raw vector, texts repeat more than untouched ones, by the interval.
- *sign*: at the chosen strength plus gratitude raises and minus gratitude lowers both sentiment and politeness, all
  four by their intervals.
- *random*: share of texts that random vectors turn, minus that of the untouched model.
- *realworld*: on how many of 35 texts the classifier gives the emotion asked for a higher probability, mean of three;
  half of them would do so by chance.
- *multitoken*: more texts show the emotion than first tokens do, by the interval of the difference; and by more than
  they must, since some genuine replies too begin with a word that replies of other emotions begin with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emotion_utils.reports.claims import Measurement, too_few
from emotion_utils.reports.published_steering import COLLAPSED, collapse, layer_of_effect, raw_alpha
from emotion_utils.statistics.resampling import FEWEST_UNITS
from emotion_utils.steering.dose import difference
from emotion_utils.steering.overview import Trial
from emotion_utils.steering.subject import SteeredModel
from emotion_utils.steering.trials import at_chosen

DEEP = 9
HALF = 0.5


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
    ceiling
        From :func:`readout.ceiling`, on the contexts of ``first``.
    """

    trial: Trial
    dose: pd.DataFrame
    first: pd.DataFrame
    published: pd.DataFrame
    real_world: pd.DataFrame
    ceiling: pd.Series


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
    return [
        Measurement("P5.layer.deep", steered.name, value, low, high, n=n, holds=low >= DEEP, note=note),
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
    holds = bool(row["low"] > 0)
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
            holds.append(row.low > 0 if alpha > 0 else row.high < 0)
            moved.append((alpha, row))
    up, down = (
        next(row for a, row in moved if a == alpha and row.score == "vader") for alpha in (largest, -largest)
    )
    listed = "; ".join(f"{row.score} {row.difference:+.2f} at {alpha:+g}" for alpha, row in moved)
    return Measurement(
        "P5.sign", steered.name, up.difference - down.difference, n=int(up.n), holds=all(holds), note=listed
    )


def _random(steered: SteeredModel, trial: Trial) -> Measurement:
    table = trial.summary()
    gap = table["control"] - table["untouched"]
    most = f"the best one {table['highest'].max():.0%}"
    note = f"share of texts turned, mean of {table['controls'].sum()} vectors; {most}"
    return Measurement("P5.random", steered.name, gap.mean(), n=int(table["controls"].sum()), note=note)


def _real_world(steered: SteeredModel, table: pd.DataFrame) -> Measurement:
    texts = table[table["kind"] == "emotion vector"]
    wide = [
        texts[(texts["alpha"] != 0) == on].set_index(["emotion", "prompt"])["classifier"].fillna(0.0)
        for on in (True, False)
    ]
    better = (wide[0] > wide[1].reindex(wide[0].index)).groupby("emotion").sum()
    note = "texts with a higher probability of the emotion: " + ", ".join(
        f"{e} {n}" for e, n in better.items()
    )
    n = int(texts["prompt"].nunique())
    return Measurement("P5.realworld", steered.name, float(better.mean()), null=n / 2, n=n, note=note)


def _multitoken(steered: SteeredModel, evidence: Evidence, seed: int) -> Measurement:
    texts, tokens = (at_chosen(table, evidence.trial.chosen) for table in (evidence.dose, evidence.first))
    one = texts.assign(value=texts["target"], emotion="any", prompt=_rows(texts))
    other = tokens.assign(value=tokens["own"], emotion="any", prompt=_rows(tokens))
    row = difference(one, other, ["value"], seed).iloc[0]
    # what a genuine reply, read by its first token alone, would lose
    null = float((texts["target"] * (1 - texts["emotion"].map(evidence.ceiling))).mean())
    note = (
        f"texts {row['one']:.2f}, first tokens {row['other']:.2f}; genuine replies would differ by {null:.2f}"
    )
    values, holds = (row["difference"], row["low"], row["high"]), bool(row["low"] > null)
    return Measurement("P5.multitoken", steered.name, *values, null, int(row["n"]), holds, note)


def _rows(table: pd.DataFrame) -> Sequence[str]:
    return (table["emotion"] + " " + table["prompt"].astype(str)).tolist()

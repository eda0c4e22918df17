"""The reports' claims about effect sizes and power (Phase 7.5, sections 9.1 and 9.2), measured.

- *diff*, *d*, *ci*, *p*: mean difference of each outcome with head 0 of layer 0 patched, its size, and its p by
  sign flips of whole templates; for *ci* our mean is asked to lie in the reports' interval.
- *power*: the reports' mean power at the four sizes that were found.
- *n*: pairs that the normal approximation asks for at the power which the author's public report names.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
import pandas as pd
from scipy.stats import norm

from emotion_utils.effects.heads import PUBLISHED, PUBLISHED_OUTCOMES
from emotion_utils.effects.records import Effect
from emotion_utils.reports.claims import Measurement, read_claims
from emotion_utils.reports.replication import none_of
from emotion_utils.statistics.paired import N_FLIPS, N_RESAMPLES, paired_effects
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.power import (
    POWER,
    needed_n,
    needed_n_as_published,
    post_hoc_as_published,
    power_of,
)
from emotion_utils.statistics.resampling import FEWEST_UNITS

NAMES = ("gratitude", "sentiment", "politeness", "anger")
"""Of the claims, in the order of :data:`heads.PUBLISHED_OUTCOMES`."""
NEEDED = {"P75.n.small": 0.2, "P75.n.medium": 0.5}


def measurements(
    effects: Sequence[Effect],
    models: Sequence[str],
    *,
    n_resamples: int = N_RESAMPLES,
    n_flips: int = N_FLIPS,
    seed: int = 0,
) -> list[Measurement]:
    """Measure the claims on each model, those about the needed n once.

    Parameters
    ----------
    effects
        From :func:`emotion_utils.effects.collect`; those of other experiments are passed over.
    models
        Registry names; of a model without the experiment nothing is measured.
    n_resamples, n_flips, seed
        As of :func:`emotion_utils.statistics.paired.paired_effects`.
    """
    found: list[Measurement] = []
    for model in models:
        own = [effect for effect in effects if effect.model == model and effect.what == PUBLISHED]
        if own:
            values = np.stack([effect.differences for effect in own], axis=1)
            table = paired_effects(values, own[0].units, n_resamples=n_resamples, n_flips=n_flips, seed=seed)
            table.index = pd.Index([_name_of(effect) for effect in own])
            found += _of_model(model, table)
    return found + [_needed(claim, d) for claim, d in NEEDED.items()]


def _name_of(effect: Effect) -> str:
    labels = [outcome.label for outcome in PUBLISHED_OUTCOMES.values()]
    return NAMES[labels.index(effect.outcome)]


def _of_model(model: str, table: pd.DataFrame) -> list[Measurement]:
    found: list[Measurement] = []
    for name, row in table.iterrows():
        found += _of_outcome(model, f"P75.{name}", row)
    sizes, n = table["d_z"].to_numpy(dtype=float), int(table["n"].max())
    if np.isnan(sizes).any() or table["n_units"].min() < FEWEST_UNITS:
        note = "an outcome has no effect size: too few texts, or all of them changed alike"
        return [*found, Measurement("P75.power", model, None, n=n, note=note)]
    each = ", ".join(f"{name} {power_of(d, n)[0]:.1%}" for name, d in zip(table.index, sizes, strict=True))
    told = f"at the sizes that were found: {each}"
    return [*found, Measurement("P75.power", model, post_hoc_as_published(sizes, n), n=n, note=told)]


def _of_outcome(model: str, claim: str, row: pd.Series) -> list[Measurement]:
    n, units = int(row["n"]), int(row["n_units"])
    if units < FEWEST_UNITS:
        note = f"{units} units, at least {FEWEST_UNITS} are needed"
        return [
            Measurement(f"{claim}.{end}", model, None, n=n, note=note) for end in ("diff", "d", "ci", "p")
        ]
    note = f"{n} pairs of texts in {units} templates"
    mean, p = _number(row["mean"]), _number(row["p"])
    ends, sizes = _interval(row, ("low", "high")), _interval(row, ("d_low", "d_high"))
    if row["low"] == row["high"]:
        note = f"{note}; {none_of(units, 'templates') if mean == 0 else 'all of them changed alike'}"
    return [
        Measurement(f"{claim}.diff", model, mean, *ends, 0.0, n, note=note),
        Measurement(f"{claim}.d", model, _number(row["d_z"]), *sizes, 0.0, n, note=note),
        Measurement(f"{claim}.ci", model, mean, *ends, 0.0, n, note=note),
        Measurement(f"{claim}.p", model, p, n=n, note=f"sign flips of templates; {note}"),
    ]


def _interval(row: pd.Series, names: tuple[str, str]) -> tuple[float | None, float | None]:
    """Ends of an interval; none where it is not defined, or has no width since no resample differs."""
    low, high = (_number(row[name]) for name in names)
    return (None, None) if low == high else (low, high)


def _number(value: float) -> float | None:
    """None where it is not defined."""
    return float(value) if np.isfinite(value) else None


def _needed(claim: str, d: float) -> Measurement:
    settled = str(read_claims().set_index("id").loc[claim, "settled"])
    power = float(settled.removeprefix("power="))
    by_normal = ceil(((norm.ppf(1 - LEVEL / 2) + norm.ppf(power)) / d) ** 2)
    note = (
        f"normal approximation at a power of {power:.0%}, which the author's report names; the t test needs "
        f"{needed_n(d, power)}, at the usual {POWER:.0%} {needed_n(d)}; (3 / d)² gives {needed_n_as_published(d)}"
    )
    return Measurement(claim, "", float(by_normal), note=note)

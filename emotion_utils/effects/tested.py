"""Every effect of chapters 05 to 07 through the same tests, and corrected within its family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from emotion_utils.calibration import ledger
from emotion_utils.core.errors import UserError
from emotion_utils.effects.bounds import by_outcome
from emotion_utils.effects.heads import ABLATION, INTO, PATCHING, PUBLISHED
from emotion_utils.effects.records import Effect
from emotion_utils.effects.steering import CHAPTER, CONTROLS, OUTCOMES
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.flips import max_t
from emotion_utils.statistics.mixed import mixed_model
from emotion_utils.statistics.paired import N_FLIPS, N_RESAMPLES, SECTION, paired_effects
from emotion_utils.statistics.permutations import LEVEL, binomial_bounds
from emotion_utils.steering.by_context import SHIFT
from emotion_utils.steering.controls import KINDS

NAMED = ["chapter", "model", "emotion", "what", "outcome", "is_control"]
IN_SHARES = "(0 or 1)"
"""How outcomes end that a text has or has not."""
FAMILY = ["chapter", "model", "is_control"]
"""Tests that are corrected together: those of a chapter on a model, its controls apart."""


def results(
    effects: Sequence[Effect],
    *,
    n_resamples: int = N_RESAMPLES,
    n_flips: int = N_FLIPS,
    seed: int = 0,
    nats: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Sizes, intervals and p values of all effects.

    Parameters
    ----------
    effects
        From :func:`emotion_utils.effects.collect`.
    n_resamples, n_flips, seed
        Of the bootstrap and the sign flips.
    nats
        By model: what genuine replies differ by in nats, from :func:`emotion_utils.effects.bounds.reply_bounds`. The
        smallest effect that matters is that, capped by :func:`emotion_utils.effects.bounds.by_outcome`. Of outcomes in
        another unit, and of a model without one, it is 0.2 standard deviations.

    Returns
    -------
    One row per effect, in order: ``chapter, model, emotion, what, outcome, is_control``, the columns of
    :func:`emotion_utils.statistics.paired.paired_effects`, ``p_max`` (adjusted with the maximum of the family),
    ``p_holm``, ``q`` (Benjamini-Hochberg) and ``warning`` (what its kind of data does to tests, empty where nothing).
    """
    if not effects:
        raise UserError("There is no effect to test: run Chapters 5 to 7, or name a model.")
    parts: list[pd.DataFrame] = []
    limits = by_outcome(effects, nats or {}).set_index(["model", "outcome"])["nats"]
    for places in _alike(effects):
        own = [effects[i] for i in places]
        values = np.stack([effect.differences for effect in own], axis=1)
        bounds = np.array([limits.get((effect.model, effect.outcome), np.nan) for effect in own])
        table = paired_effects(
            values, own[0].units, n_resamples=n_resamples, n_flips=n_flips, seed=seed, bounds=bounds
        )
        labels = pd.DataFrame([[getattr(effect, name) for name in NAMED] for effect in own], columns=NAMED)
        parts.append(pd.concat([labels, table], axis=1).set_index(pd.Index(places)))
    found = _with_exact_ends(pd.concat(parts).sort_index())
    warnings = {shape: warning(shape) for shape in found["shape"].unique()}
    found["warning"] = found["shape"].map(warnings)
    found[["p_max", "p_holm", "q"]] = np.nan
    for _, family in found.groupby(FAMILY, sort=False):
        own = [effects[i] for i in family.index]
        p = family["p"].to_numpy()
        found.loc[family.index, "p_holm"] = adjusted(p, "holm")
        found.loc[family.index, "q"] = adjusted(p, "fdr_bh")
        largest = _max_t(own, n_flips, seed)
        found.loc[family.index, "p_max"] = np.where(np.isnan(p), np.nan, largest)
    return found


def _with_exact_ends(table: pd.DataFrame) -> pd.DataFrame:
    """Intervals of differences that are all the same, which resampling makes a point: exact for 0 or 1, else none.

    Where a share of nothing or of everything changes, so many units exclude only so much {cite:p}`clopper1934`.
    """
    for i, row in table[table["shape"] == "constant"].iterrows():
        low = high = np.nan
        if str(row["outcome"]).endswith(IN_SHARES) and row["n_units"]:
            hits, units = round(abs(row["mean"])), int(row["n_units"])
            low, high = binomial_bounds(hits * units, units)
            if not hits:
                low = -high
            elif row["mean"] < 0:
                low, high = -high, -low
        table.loc[i, ["low", "high"]] = low, high
    return table


def _alike(effects: Sequence[Effect]) -> list[list[int]]:
    """Places of the effects that have the same pairs in the same units."""
    groups: dict[tuple[bytes, bytes], list[int]] = {}
    for i, effect in enumerate(effects):
        key = tuple("\n".join(part.astype(str)).encode() for part in (effect.units, effect.prompts))
        groups.setdefault((key[0], key[1]), []).append(i)
    return list(groups.values())


def _max_t(effects: Sequence[Effect], n_flips: int, seed: int) -> np.ndarray:
    """P values with the maximum over effects whose pairs differ: a unit flips alike in all of them."""
    blocks = _alike(effects)
    sizes = [len(effects[places[0]].units) for places in blocks]
    values = np.full((sum(sizes), len(effects)), np.nan)
    for start, places in zip(np.cumsum([0, *sizes]), blocks, strict=False):
        for i in places:
            values[start : start + len(effects[i].units), i] = effects[i].differences
    units = np.concatenate([effects[places[0]].units.astype(str) for places in blocks])
    return max_t(values, units, n_flips, seed)


def main_effects(table: pd.DataFrame, largest: int = 5) -> pd.DataFrame:
    """The rows that a reader wants to see first, with their index.

    Parameters
    ----------
    table
        From :func:`results`.
    largest
        Heads of chapter 06 to keep for each model: those with the largest effects, chosen by what is shown.

    Returns
    -------
    Of chapter 05 the log-odds and the texts that say the emotion, steered and along a random direction; of chapter 06
    the ``largest``; of chapter 07 sets of heads put into the neutral prompt, and the reports' head.
    """
    steering = table["outcome"].isin([OUTCOMES[name].label for name in (SHIFT, "target")])
    steering &= table["what"].str.startswith("steered") | (table["what"] == f"{CONTROLS[KINDS[0]]} (control)")
    sets = table["what"].str.contains("+", regex=False) & (table["outcome"] == INTO["denoising"])
    patched = (table["chapter"] == PATCHING) & (sets | (table["what"] == PUBLISHED))
    screened = table[table["chapter"] == ABLATION]
    order = screened["d_z"].abs().sort_values(ascending=False, kind="stable").index
    top = screened.loc[order].groupby("model", sort=False).head(largest).index
    kept = table.index.isin(top) | ((table["chapter"] == CHAPTER) & steering) | patched
    return table[kept].dropna(subset=["d_z"])


def short_names(table: pd.DataFrame) -> pd.Series:
    """Labels for a figure: emotion and intervention, and the outcome without its unit."""
    names = []
    for row in table.itertuples():
        what = str(row.what).replace(f" to {row.emotion}", "")
        names.append(f"{row.emotion}: {what}, {str(row.outcome).split(' (')[0]}")
    return pd.Series(names, index=table.index)


def chapter_name(chapter: str) -> str:
    """A chapter as readers call it.

    >>> chapter_name("05_steering")
    'Chapter 5'
    """
    return f"Chapter {int(chapter.split('_', 1)[0])}"


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """A table with the columns ``chapter`` and ``is_control`` as readers call them: a name, ``effects or controls``."""
    kinds = table["is_control"].map({True: "controls", False: "effects"})
    worded = table.assign(chapter=table["chapter"].map(chapter_name), is_control=kinds)
    return worded.rename(columns={"is_control": "effects or controls"})


def named(table: pd.DataFrame) -> pd.Series:
    """A label for each row."""
    return table[["model", "emotion", "what", "outcome"]].astype(str).agg(", ".join, axis=1)


def findings(table: pd.DataFrame) -> pd.DataFrame:
    """How many tests of each family find something, by correction, and how many find that nothing is there.

    Parameters
    ----------
    table
        From :func:`results`.

    Returns
    -------
    Columns ``chapter, model, is_control, tests``, findings with ``none``, ``benjamini_hochberg``, ``holm`` and
    ``max_t``; ``unchanged`` (no pair differs), ``equivalent`` (shown to be smaller than the smallest effect that
    matters, whether or not it can be told from 0), ``effect`` (can be told from 0, and is not too small) and ``open``
    (none of these; all by Benjamini-Hochberg); ``power`` (median chance of the open ones that an effect of exactly 0
    would be recognised as too small).
    """
    rows = []
    for key, part in table.groupby(FAMILY, sort=False):
        made = part.dropna(subset=["p"])
        found = made["q"] <= LEVEL
        still = (made["shape"] == "constant") & (made["mean"] == 0)
        alike = ~still & (adjusted(made["p_equivalence"].to_numpy(), "fdr_bh") <= LEVEL)
        left = ~found & ~alike & ~still
        counts = [int((made[column] <= LEVEL).sum()) for column in ("p", "q", "p_holm", "p_max")]
        kinds = [int(part.sum()) for part in (found & ~alike, still, alike, left)]
        rows.append((*key, len(made), *counts, *kinds, float(made.loc[left, "power_equivalence"].median())))
    corrections = ["none", "benjamini_hochberg", "holm", "max_t"]
    said = ["effect", "unchanged", "equivalent", "open", "power"]
    return pd.DataFrame(rows, columns=[*FAMILY, "tests", *corrections, *said])


def robust(effects: Sequence[Effect], table: pd.DataFrame) -> pd.DataFrame:
    """The mixed model beside the paired test.

    Parameters
    ----------
    effects
        As given to :func:`results`.
    table
        The rows of its result to look at, with their index.

    Returns
    -------
    Columns ``chapter, model, emotion, what, outcome, mean, low, high, p`` of the paired test, ``mixed, mixed_low,
    mixed_high, mixed_p`` of the model, ``between`` (share of the variance between units), ``same`` (both exclude 0, or
    neither does, on the same side) and ``converged``.
    """
    rows = []
    for i, row in table.iterrows():
        effect = effects[int(i)]
        fit = mixed_model(effect.differences, effect.units, effect.prompts)
        sides = [
            np.nan_to_num(np.sign(low) * (np.sign(low) == np.sign(high)))
            for low, high in ((row["low"], row["high"]), fit[1:3])
        ]
        paired = row[[*NAMED[:5], "mean", "low", "high", "p"]].tolist()
        rows.append((*paired, *fit[:4], fit.between, bool(sides[0] == sides[1]), fit.converged))
    ends = ["mixed", "mixed_low", "mixed_high", "mixed_p", "between", "same", "converged"]
    return pd.DataFrame(rows, columns=[*NAMED[:5], "mean", "low", "high", "p", *ends])


def warning(shape: str) -> str:
    """A sentence fragment for results of this kind, from the committed measurement; empty where nothing is amiss."""
    table = ledger.read(SECTION).tables["shapes"]
    row = table[table["shape"] == shape]
    if row.empty or bool(row["within"].all()):
        return ""
    size = f"{row['size_low'].min():.1%} to {row['size_high'].max():.1%}"
    covered = f"{row['coverage_low'].min():.1%} to {row['coverage_high'].max():.1%}"
    return f"{shape}: in simulations of such data the 5 % test rejects in {size}, the 95 % interval holds in {covered}"

"""Chapter 8: which effects of chapters 5 to 7 can be told from chance, and where "no effect" is a finding."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from emotion_utils.answers.answer import Answer, Falsifier
from emotion_utils.effects.findings import ClearIntervals, Corrected, KResamples, Outcomes
from emotion_utils.steering.findings import span

QUESTION = "Which effects of chapters 5 to 7 can be told from chance, and which are too small to matter?"


def answer(
    found: Sequence[Corrected],
    clear: Sequence[ClearIntervals],
    total: Outcomes,
    beyond: pd.DataFrame,
    bounds: pd.DataFrame,
    blind: str,
    k: KResamples | None = None,
) -> Answer:
    """What the chapter found over all models.

    Parameters
    ----------
    found, clear, total
        From :func:`emotion_utils.effects.findings.corrected`, `clear_intervals` and `all_outcomes` there.
    beyond
        From :func:`emotion_utils.effects.beyond.beyond_random`.
    bounds
        From :func:`emotion_utils.effects.bounds.reply_bounds`.
    blind
        The model that has nothing to carry.
    k
        From :func:`emotion_utils.effects.findings.k_resamples`; None where the sweep was not run.
    """
    if not total.tests:
        told = "No effect of this run has units enough for a test."
        return Answer(QUESTION, told, (Falsifier("controls are found as often as effects", None, "no test"),))
    sizes, cells = _size_words(total, bounds), _beyond_words(beyond, blind)
    finding = f"{_found_words(found)} {sizes} {cells}"
    falsifiers = (_bars(found), _intervals(clear), _vectors(beyond), _nothing(total), _chance(k))
    return Answer(QUESTION, finding, falsifiers, (_found_words(found), sizes, cells))


def _found_words(found: Sequence[Corrected]) -> str:
    each = " and ".join(
        f"of {row.tests} tests of {'controls' if row.is_control else 'effects'} **{row.benjamini_hochberg}**"
        for row in found
    )
    return f"{_capital(each)} stay after Benjamini-Hochberg."


def _size_words(total: Outcomes, bounds: pd.DataFrame) -> str:
    return (
        f"Measured by what two genuine replies of one emotion differ by for nothing ({span(bounds['nats'], '.1f')} "
        f"nats by model), **{total.equivalent}** effects are shown to be too small to matter, {total.unchanged} change "
        f"nothing, and **{total.open}** stay open."
    )


def _beyond_words(beyond: pd.DataFrame, blind: str) -> str:
    told = []
    for name, part in (
        ("the trained models", beyond[beyond["model"] != blind]),
        ("the blind model", beyond[beyond["model"] == blind]),
    ):
        if len(part):
            told.append(f"in **{int(part['beyond'].sum())} of {len(part)}** cells of {name}")
    return f"With vectors as units, an emotion's vector is beyond random ones {' and '.join(told)}."


def _bars(found: Sequence[Corrected]) -> Falsifier:
    condition = "p values of 0.05 or less are as frequent among controls as among effects"
    shares = {row.is_control: row.none / row.tests for row in found if row.tests}
    if len(shares) < 2:
        return Falsifier(condition, None, "controls or effects are missing")
    decided = f"{shares[True]:.0%} of the controls, {shares[False]:.0%} of the effects"
    return Falsifier(condition, shares[True] >= shares[False], decided)


def _intervals(clear: Sequence[ClearIntervals]) -> Falsifier:
    condition = "*the effects shown first are there*: an interval of one of them reaches 0"
    own = [row for row in clear if not row.is_control]
    n, kept = sum(row.n for row in own), sum(row.clear for row in own)
    if not n:
        return Falsifier(condition, None, "no interval")
    return Falsifier(condition, kept < n, f"{n - kept} of {n} intervals reach 0")


def _vectors(beyond: pd.DataFrame) -> Falsifier:
    condition = "*an emotion's vector does more than a random one*: in some cell it does not, after Benjamini-Hochberg"
    missed = int((~beyond["beyond"]).sum())
    return Falsifier(condition, missed > 0, f"in {missed} of {len(beyond)} cells")


def _nothing(total: Outcomes) -> Falsifier:
    return Falsifier(
        "*what is not found is not there*: a test stays open",
        total.open > 0,
        f"{total.open} of {total.tests} tests",
    )


def _chance(k: KResamples | None) -> Falsifier:
    condition = (
        "*overlaps at two dimensions are chance*: a value of the reports outside what random subspaces give, or k = 2 "
        "best more often than for random ones in every emotion"
    )
    if k is None:
        return Falsifier(condition, None, "the two models need one width, and the profile more units")
    outside, more = k.claims - k.inside, k.best[0] > k.chance
    decided = (
        f"{outside} of {k.claims} values outside; k = 2 is best in {k.best[0]:.0%} to {k.best[1]:.0%} of resamples, of "
        f"random ones in {k.chance:.0%}"
    )
    return Falsifier(condition, outside > 0 or more, decided)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

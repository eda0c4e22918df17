"""Chapter 8: which effects of chapters 5 to 7 can be told from chance, and where "no effect" is a finding."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from emotion_utils.answers.answer import Answer, Falsifier, capital
from emotion_utils.effects.beyond import can_be_found
from emotion_utils.effects.findings import ClearIntervals, Corrected, KResamples, Outcomes
from emotion_utils.statistics.in_words import span

QUESTION = "Which effects of chapters 5 to 7 can be told from chance, and which are too small to matter?"


def answer(
    found: Sequence[Corrected],
    clear: Sequence[ClearIntervals],
    total: Outcomes,
    beyond: pd.DataFrame,
    limits: pd.DataFrame,
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
    limits
        From :func:`emotion_utils.effects.bounds.by_outcome`.
    blind
        The model that has nothing to carry.
    k
        From :func:`emotion_utils.effects.findings.k_resamples`; None where the sweep was not run.
    """
    if not total.tests:
        told = "No effect of this run has units enough for a test."
        return Answer(QUESTION, told, (Falsifier("controls are found as often as effects", None, "no test"),))
    sizes, cells = _size_words(total, limits), _beyond_words(beyond, blind)
    finding = f"{_found_words(found)} {sizes} {cells}"
    falsifiers = (_bars(found), _intervals(clear), _vectors(beyond, blind), _nothing(total), _chance(k))
    return Answer(QUESTION, finding, falsifiers, (_found_words(found), sizes, cells))


def _found_words(found: Sequence[Corrected]) -> str:
    each = " and ".join(
        f"of {row.tests} tests of {'controls' if row.is_control else 'effects'} **{row.benjamini_hochberg}**"
        for row in found
    )
    return f"{capital(each)} stay after Benjamini-Hochberg."


def _size_words(total: Outcomes, limits: pd.DataFrame) -> str:
    measured = "Measured by one fifth of a standard deviation"
    if len(limits):
        whole = limits["whole"].dropna()
        beside = f", beside whole effects of {span(whole, '.2f')} nats" if len(whole) else ""
        measured = f"Measured by bounds of {span(limits['nats'], '.2f')} nats{beside}"
    return (
        f"{measured}, **{total.equivalent}** effects are shown to be too small to matter, {total.unchanged} change "
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


def _vectors(beyond: pd.DataFrame, blind: str) -> Falsifier:
    condition = (
        "*an emotion's vector does more than a random one*: in some cell of a trained model it cannot be told from "
        "random ones, after Benjamini-Hochberg"
    )
    trained = (beyond["model"] != blind).to_numpy()
    missed = trained & ~beyond["beyond"].to_numpy(dtype=bool)
    dull = missed & ~can_be_found(beyond)
    sharp, few = int((missed & ~dull).sum()), int(dull.sum())
    happened = True if sharp else (None if few or not trained.any() else False)
    decided = f"in {sharp} of {trained.sum()} cells"
    return Falsifier(
        condition, happened, decided + (f"; in {few} too few vectors for a small p" if few else "")
    )


def _nothing(total: Outcomes) -> Falsifier:
    return Falsifier(
        "*what is not found is not there*: more tests stay open than are decided",
        2 * total.open > total.tests,
        f"{total.open} of {total.tests} tests stay open",
    )


def _chance(k: KResamples | None) -> Falsifier:
    condition = (
        "*overlaps at few dimensions are chance*: a value of the reports above what one pair of random subspaces "
        "gives, and above the mean of as many independent pairs as layers are averaged"
    )
    if k is None:
        return Falsifier(condition, None, "the two models need one width, and the profile more units")
    above = k.claims - k.inside - k.undecided
    happened = True if above else (None if k.undecided else False)
    return Falsifier(
        condition,
        happened,
        f"of {k.claims} values {above} lie above both, {k.undecided} within one pair but above the mean, {k.inside} "
        "within both",
    )

"""What chapter 01 finds in prompt sets, as the numbers that its sentences are filled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd


class Duplicates(NamedTuple):
    """How many prompts occur twice, over several sets."""

    sets: int
    exact: int
    near: int
    """Pairs that are nearly equal."""
    crossing: int
    """Nearly equal pairs whose prompts lie in different splits."""


def duplicates(exact: Mapping[str, pd.DataFrame], near: Mapping[str, pd.DataFrame]) -> Duplicates:
    """Count duplicates over all sets.

    Parameters
    ----------
    exact, near
        For each set a table of :func:`duplicates.exact_duplicates` and :func:`duplicates.near_duplicates`.
    """
    crossing = sum(int((~pairs["same_split"].astype(bool)).sum()) for pairs in near.values())
    return Duplicates(len(near), sum(map(len, exact.values())), sum(map(len, near.values())), crossing)


class Leakage(NamedTuple):
    """What occurs in more than one split."""

    strict: int
    """Families, templates, pairs, texts and near duplicates together: what must never cross."""
    crossing_topics: int
    topics: int


def leakage(leaks: pd.DataFrame) -> Leakage:
    """Count what crosses the splits, from :func:`duplicates.leakage`."""
    counts = leaks.set_index("what")
    strict = counts["crossing"].drop("topic").sum()
    return Leakage(int(strict), int(counts.at["topic", "crossing"]), int(counts.at["topic", "values"]))


class NamedEmotions(NamedTuple):
    """Shares of emotional prompts that name their emotion, mean over the emotions, by set."""

    baseline: float
    real_world: float
    implicit: float
    agreement: float
    """Of the flag with the text, in the class of a set where it is lowest."""


def named_emotions(rates: pd.DataFrame) -> NamedEmotions:
    """Sum up :func:`report.keyword_rates` of all sets."""
    means = rates[rates["emotion"] != "neutral"].groupby("profile")["rate"].mean()
    baseline, real_world, implicit = (float(means[name]) for name in ("baseline", "real_world", "implicit"))
    return NamedEmotions(baseline, real_world, implicit, float(rates["flag_agrees"].min()))


class English(NamedTuple):
    """How many prompts are judged to be English."""

    english: int
    prompts: int


def english(verdicts: Mapping[str, pd.Series]) -> English:
    """Count verdicts of :func:`language.language_check` over several sets."""
    found = [verdict == "english" for verdict in verdicts.values()]
    return English(sum(int(each.sum()) for each in found), sum(map(len, found)))

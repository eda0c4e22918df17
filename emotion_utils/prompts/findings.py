"""What Chapter 1 finds in prompt sets, as the numbers that its sentences are filled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from emotion_utils.prompts.bag_of_words import without_spaces


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


def summarise_leakage(leaks: pd.DataFrame) -> str:
    """Say in Markdown what crosses the splits, and what to do about it."""
    found = leakage(leaks)
    topics = f"; {found.crossing_topics} of {found.topics} topics do" if found.topics else ""
    text = (
        f"**{found.strict}** families, templates, pairs, texts or near duplicates cross the splits{topics}."
    )
    if found.strict:
        text += (
            " A text can then be told by what it has in common with one that a method was built from: give texts that "
            "belong together the same value in a column `group`, or leave all but one of them out."
        )
    return text


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


OTHER = {
    "other script": "in another script",
    "doubtful": "doubtful, with few of the frequent words of English",
    "no letters": "without letters",
}
"""Verdicts of :func:`language.language_check` but ``english``, in words."""


def summarise_language(checks: Mapping[str, pd.DataFrame]) -> str:
    """Say in Markdown how many prompts are English, what the others are, and what that means for this page.

    Parameters
    ----------
    checks
        For each set a table of :func:`language.language_check`.
    """
    found = english({name: table["verdict"] for name, table in checks.items()})
    whole = pd.concat(list(checks.values()), ignore_index=True)
    text = f"**{found.english} of {found.prompts}** prompts are judged to be English."
    others = [
        f"{len(part)} {words} ({part['id'].iloc[0]}{' and others' if len(part) > 1 else ''})"
        for verdict, words in OTHER.items()
        if len(part := whole[whole["verdict"] == verdict])
    ]
    if others:
        text += f" The others: {'; '.join(others)}."
    if found.english < found.prompts / 2:
        text += " **Most are not English**: lists of English words say nothing about them."
    unspaced = int(whole["text"].map(without_spaces).sum())
    if unspaced:
        text += (
            f" In {unspaced}, words are written without spaces between them; the bag of words below counts their "
            "characters and pairs of neighbours."
        )
    return text

"""Every rule of the scrutiny tried on values that nobody printed: one that says the same to all says nothing.

Each rule judges invented values, values as they come where there is nothing to find, and values as they come where
there is something. What it says of the printed value counts only as far as it could have said otherwise: a rule that
calls nearly every invented value *at chance*, or finds that many follow from what is printed, may only say *not
identifiable*. :mod:`emotion_utils.scrutiny.collected` holds all rules to that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from emotion_utils.scrutiny.judging import TRUE, Rule
from emotion_utils.scrutiny.rules import NOTHING, SCRUTINY, Rows, Scrutiny

VALUES, SEED = 200, 0
"""At least, of each kind, for each rule."""
CLOSE, MORE = 0.05, 10
"""To a limit: there the share is taken of so many times as many invented values."""
TOO_MANY = {"at chance": 0.95, "arithmetic holds": 1 / 3}
"""Shares of invented values above which a word says nothing. Chance is to be said of all but what stands out, so that
only a rule that spares nothing is none; what follows from printed figures has to be seldom among invented ones."""
FALSE = 0.07
"""Share of draws of its own null that a rule may call above chance."""
INSTEAD = "not identifiable"


class Tried(NamedTuple):
    """What one rule says.

    Attributes
    ----------
    rule
        Its name.
    claims
        That it decides.
    invented, null, planted
        How often it says each word, in shares; empty where there are no such values.
    plant
        What was planted.
    """

    rule: str
    claims: tuple[str, ...]
    invented: Mapping[str, float]
    null: Mapping[str, float]
    planted: Mapping[str, float]
    plant: str

    def too_often(self) -> dict[str, float]:
        """Words that the rule says of so many invented values that they say nothing, with their shares."""
        return {
            word: self.invented[word]
            for word, most in TOO_MANY.items()
            if self.invented.get(word, 0.0) > most
        }


def tried(rules: Iterable[Rule], rows: Rows, n: int = VALUES, seed: int = SEED) -> list[Tried]:
    """What every rule says of invented values, of its null, and of something planted.

    Parameters
    ----------
    rules
        Those that read the value; the others are left out. Rules of one name are tried together.
    rows
        All claims.
    n
        Values of each kind for rules of one name, at least; they are spread over the claims.
    seed
        Of the values.

    Returns
    -------
    One entry per name, in the order of the rules.
    """
    groups: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.reads_value:
            groups.setdefault(rule.name, []).append(rule)
    return [_one(name, group, rows, n, seed) for name, group in groups.items()]


def _one(name: str, group: Sequence[Rule], rows: Rows, n: int, seed: int) -> Tried:
    claims = tuple(claim for rule in group for claim in rule.claims)
    invented = _shares(name, group, rows, "other", n, seed)
    if any(abs(invented.get(word, 0.0) - most) < CLOSE for word, most in TOO_MANY.items()):
        invented = _shares(name, group, rows, "other", MORE * n, seed)
    null, planted = (_shares(name, group, rows, kind, n, seed) for kind in ("null", "plant"))
    return Tried(name, claims, invented, null, planted, group[0].planted)


def _shares(name: str, group: Sequence[Rule], rows: Rows, kind: str, n: int, seed: int) -> dict[str, float]:
    """How often rules of one name say each word of values of a kind; empty where there are no such values."""
    if any(getattr(rule, kind) is None for rule in group):
        return {}
    rng, words = np.random.default_rng([seed, *map(ord, name)]), Counter[str]()
    for i in range(n + -n % len(group)):
        rule = group[i % len(group)]
        changes = getattr(rule, kind)(rows, rng)
        words.update(said.word for said in rule.said(rows, changes).values())
    total = words.total()
    return {word: words[word] / total for word in SCRUTINY if words[word]}


def held_to(
    rules: Iterable[Rule], said: Mapping[str, Scrutiny], results: Iterable[Tried]
) -> dict[str, Scrutiny]:
    """What may be said: a word that its rule says of nearly everything becomes *not identifiable*.

    Parameters
    ----------
    rules
        All rules.
    said
        The words of the printed values.
    results
        From :func:`tried`.
    """
    by_name = {result.rule: result.too_often() for result in results}
    found = dict(said)
    for rule in rules:
        too_often = by_name.get(rule.name, {})
        for claim in rule.claims:
            word, note = said[claim]
            if word in too_often:
                told = f"{note}; of invented values this rule says *{word}* to {too_often[word]:.0%}"
                found[claim] = Scrutiny(INSTEAD, told.replace("*", ""))
    return found


def table(results: Iterable[Tried]) -> pd.DataFrame:
    """What each rule says, for readers.

    Returns
    -------
    Columns ``rule, claims`` (number), one per word (shares of invented values), ``null above`` (share of draws of the
    null called above chance), ``planted`` (what), ``seen`` (share of planted values of which the rule says what it
    should) and ``may not say`` (words that it says of too many invented values).
    """
    found = []
    for one in results:
        row = {"rule": one.rule, "claims": len(one.claims)}
        row |= {word: one.invented.get(word, 0.0) for word in SCRUTINY if word != NOTHING}
        row |= {
            "null above": one.null.get("above chance", 0.0) if one.null else np.nan,
            "planted": one.plant.replace("*", ""),
            "seen": one.planted.get(seen_as(one), 0.0) if one.planted else np.nan,
            "may not say": ", ".join(one.too_often()),
        }
        found.append(row)
    return pd.DataFrame(found)


def shown(results: Iterable[Tried]) -> pd.DataFrame:
    """:func:`table` in fewer columns, words in place of shares.

    Returns
    -------
    Columns ``rule``, ``claims``, ``says of invented values`` (most often first), ``own null above chance``,
    ``planted``, ``planted seen`` and ``may not say``.
    """
    listed = list(results)
    full = table(listed)
    said = [
        ", ".join(
            f"{word} {share:.0%}" for word, share in sorted(one.invented.items(), key=lambda item: -item[1])
        )
        for one in listed
    ]
    full = full.rename(columns={"null above": "own null above chance", "seen": "planted seen"})
    full.insert(2, "says of invented values", said)
    columns = ["own null above chance", "planted", "planted seen", "may not say"]
    return full[["rule", "claims", "says of invented values", *columns]]


class Outcome(NamedTuple):
    """What came of trying all rules.

    Attributes
    ----------
    rules, claims
        Tried, and the claims that they decide.
    silent
        Rules that say a word to too many invented values.
    barred
        Claims of which these rules therefore may not say their word.
    null
        Largest share of draws of its own null that any rule calls above chance.
    seen
        Least share of planted values that any other rule sees.
    """

    rules: int
    claims: int
    silent: tuple[str, ...]
    barred: int
    null: float
    seen: float


def outcome(results: Iterable[Tried], said: Mapping[str, Scrutiny]) -> Outcome:
    """What came of trying all rules.

    Parameters
    ----------
    results
        From :func:`tried`.
    said
        The words of all claims, after :func:`held_to`.
    """
    listed = list(results)
    silent = [one for one in listed if one.too_often()]
    speaking = [one for one in listed if one.planted and not one.too_often()]
    return Outcome(
        len(listed),
        sum(len(one.claims) for one in listed),
        tuple(one.rule for one in silent),
        sum(said[claim].word == INSTEAD for one in silent for claim in one.claims),
        max((one.null.get("above chance", 0.0) for one in listed if one.null), default=0.0),
        min((one.planted.get(seen_as(one), 0.0) for one in speaking), default=1.0),
    )


def seen_as(one: Tried) -> str:
    """The word that planted values should get."""
    if one.plant == TRUE:
        return "arithmetic holds"
    return next((word for word in ("undecided", "conflicts") if f"*{word}*" in one.plant), "above chance")

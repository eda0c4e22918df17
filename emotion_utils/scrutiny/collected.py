"""What is said of every claim without its model, from all the modules that say something, each claim once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

from emotion_utils.core.errors import UserError
from emotion_utils.reports.claims import read_claims
from emotion_utils.scrutiny import (
    cosines,
    counts,
    effects,
    heads,
    rule_for_rules,
    scaling,
    siblings,
    subspaces,
)
from emotion_utils.scrutiny.judging import Rule, judged, rows_of
from emotion_utils.scrutiny.rule_for_rules import Tried
from emotion_utils.scrutiny.rules import SCRUTINY, Rows, Scrutiny


def all_rules(rows: Rows, seed: int = 0) -> list[Rule]:
    """The rules for all claims.

    Parameters
    ----------
    rows
        All claims.
    seed
        Of the random draws.
    """
    return [
        *counts.rules(rows),
        *cosines.rules(rows, seed),
        *subspaces.rules(rows, seed=seed),
        *heads.rules(rows),
        *effects.rules(rows),
        *scaling.rules(rows, seed),
        *siblings.rules(rows),
    ]


def _claims() -> dict[str, dict[str, object]]:
    return {claim: dict(row) for claim, row in rows_of(read_claims().set_index("id")).items()}


@lru_cache(maxsize=1)
def trials() -> tuple[Tried, ...]:
    """What every rule says of other values; the same in every run."""
    rows = _claims()
    return tuple(rule_for_rules.tried(all_rules(rows), rows))


@lru_cache(maxsize=4)
def _everything(seed: int = 0) -> tuple[tuple[str, Scrutiny], ...]:
    rows = _claims()
    rules = all_rules(rows, seed)
    found = rule_for_rules.held_to(rules, judged(rules, rows), trials())
    found = _beside_others(rows, found)
    left = [claim for claim in rows if claim not in found]
    if left:
        raise UserError(
            f'Nothing is said of the claim "{left[0]}" without its model: add it to a module of '
            "emotion_utils/scrutiny, with its reason where no null applies."
        )
    return tuple((claim, found[claim]) for claim in rows)


def _beside_others(rows: Rows, found: dict[str, Scrutiny]) -> dict[str, Scrutiny]:
    """Names the other place of the reports that the table of claims gives, and why it is no conflict."""
    for claim, row in rows.items():
        other = str(row["conflicts_with"])
        if not other or other in found[claim].note:
            continue
        same = all(row[name] == rows[other][name] for name in ("metric", "condition", "model"))
        why = (
            "neither prints an error, so that the difference is no test"
            if same
            else "about another thing: no conflict"
        )
        what = " ".join(str(rows[other][name]) for name in ("condition", "value") if rows[other][name])
        told = f"; {other} says {what}, section {rows[other]['section']}, {why}"
        found[claim] = Scrutiny(found[claim].word, found[claim].note + told)
    return found


def everything(seed: int = 0) -> dict[str, Scrutiny]:
    """Every claim of the reports, in the order of `data/claims.csv`.

    Parameters
    ----------
    seed
        Of the random draws.
    """
    return dict(_everything(seed))


def counted(said: Mapping[str, Scrutiny]) -> str:
    """How many claims get each word, as a list in words; words that no claim gets are left out."""
    words = Counter(one.word for one in said.values())
    return ", ".join(f"{words[word]} *{word}*" for word in SCRUTINY if words[word])


def of(*prefixes: str) -> dict[str, Scrutiny]:
    """:func:`everything` whose id starts with one of the prefixes."""
    return {claim: found for claim, found in _everything() if claim.startswith(prefixes)}

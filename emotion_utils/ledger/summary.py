"""Counts of verdicts: by part of the reports, by model, and in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd

from emotion_utils.ledger.records import DECIDED, VERDICTS, Entry
from emotion_utils.scrutiny.rules import NOTHING, SCRUTINY

__all__ = ["by_model", "by_part", "decided", "sentence"]


def decided(entry: Entry) -> bool:
    """Whether one of the two columns says something of a claim."""
    return entry.verdict in DECIDED or entry.scrutiny != NOTHING


def by_part(entries: Sequence[Entry]) -> pd.DataFrame:
    """Claims of each part of the reports by verdict, and all of them.

    Returns
    -------
    Columns ``part, claims``, one per verdict of each column, and ``decided`` (in one of the two columns).
    """
    parts = list(dict.fromkeys(entry.part for entry in entries))
    rows = [_counts(part, [entry for entry in entries if entry.part == part]) for part in parts]
    return pd.DataFrame([*rows, _counts("all", entries)])


def _counts(name: str, entries: Sequence[Entry]) -> dict[str, object]:
    verdicts, words = Counter(e.verdict for e in entries), Counter(e.scrutiny for e in entries)
    counts: dict[str, object] = {"part": name, "claims": len(entries)}
    counts |= {verdict: verdicts[verdict] for verdict in VERDICTS}
    counts |= {word: words[word] for word in SCRUTINY}
    return counts | {"decided": sum(map(decided, entries))}


def by_model(entries: Iterable[Entry]) -> pd.DataFrame:
    """Rows of each model by verdict, and how often the rule of the claim holds whatever its model.

    Returns
    -------
    Columns ``model, measured, reproduced, not reproduced, other model, pending`` and ``rule holds``.
    """
    rows = [row for entry in entries for row in entry.rows]
    names = list(dict.fromkeys(row.model for row in rows))
    found = []
    for name in names:
        own = [row for row in rows if row.model == name]
        verdicts = Counter(row.verdict for row in own)
        counts = [verdicts[verdict] for verdict in VERDICTS]
        found.append((name or "no model", len(own), *counts, sum(row.holds is True for row in own)))
    return pd.DataFrame(found, columns=["model", "measured", *VERDICTS, "rule holds"])


def sentence(entries: Sequence[Entry]) -> str:
    """What came out, in Markdown."""
    counts = _counts("all", entries)
    other = f"{counts['other model']} were measured on other models than the reports'"
    return (
        f"Of **{counts['claims']}** claims **{counts['at chance']}** are what chance gives by the reports' own "
        f"formula, {counts['above chance']} exceed it; the arithmetic of {counts['arithmetic holds']} holds and that "
        f"of **{counts['arithmetic fails']}** does not; {counts['conflicts']} are contradicted by the reports, "
        f"and of {counts['no null applies']} nothing can be said without their model. In this run "
        f"**{counts['reproduced']}** are reproduced, **{counts['not reproduced']}** are not, {other}, and "
        f"{counts['pending']} wait. In one of the two ways **{counts['decided']}** are decided."
    )

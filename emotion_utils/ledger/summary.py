"""Counts of verdicts: by part of the reports, by model, and in a list for readers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from emotion_utils.ledger.records import DECIDED, VERDICTS, Entry
from emotion_utils.scrutiny.rules import NOTHING, SCRUTINY


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


def by_model(entries: Sequence[Entry], recorded: bool = False) -> pd.DataFrame:
    """What each model of a run was measured on, by verdict.

    Parameters
    ----------
    entries
        All claims.
    recorded
        Count the record of the real models instead of the run.

    Returns
    -------
    Columns ``model``, ``measured`` (rows), one per verdict, ``rule holds`` (whatever the claim's model), and one per
    word of the scrutiny, which counts the claims that were measured.
    """
    rows_of = {entry.id: entry.record if recorded else entry.rows for entry in entries}
    names = list(dict.fromkeys(row.model for rows in rows_of.values() for row in rows))
    found = []
    for name in names:
        own = [row for rows in rows_of.values() for row in rows if row.model == name]
        looked = Counter(e.scrutiny for e in entries if any(row.model == name for row in rows_of[e.id]))
        verdicts = Counter(row.verdict for row in own)
        counts: dict[str, object] = {"model": name or "no model", "measured": len(own)}
        counts |= {verdict: verdicts[verdict] for verdict in VERDICTS}
        counts |= {"rule holds": sum(row.holds is True for row in own)}
        found.append(counts | {word: looked[word] for word in SCRUTINY})
    return pd.DataFrame(found, columns=["model", "measured", *VERDICTS, "rule holds", *SCRUTINY])


def points(entries: Sequence[Entry]) -> str:
    """What came out, as a list in Markdown: of the run, without any model, and in either way."""
    counts = _counts("all", entries)
    return f"{_real(entries)}" + (
        f"- **Measured in this run**: {counts['reproduced']} reproduced, **{counts['not reproduced']} not "
        f"reproduced**, {counts['other model']} on other models only, {counts['pending']} pending.\n"
        f"- **By the printed figures alone, without any model**: **{counts['at chance']} at chance** under the "
        f"reports' own formula, {counts['above chance']} above it; arithmetic that holds "
        f"{counts['arithmetic holds']} times and **fails {counts['arithmetic fails']} times**; {counts['conflicts']} "
        f"contradicted elsewhere in the reports; {counts['no null applies']} to which no null applies.\n"
        f"- **In one of the two ways {counts['decided']} of {counts['claims']} claims are decided.**\n"
    )


def _real(entries: Sequence[Entry]) -> str:
    """A line on the record of the real models; nothing without one."""
    measured = [entry for entry in entries if any(row.holds is not None for row in entry.record)]
    held = sum(all(row.holds is not False for row in entry.record) for entry in measured)
    if not measured:
        return ""
    return (
        f"- **On real pretrained models (the record)**: {len(measured)} claims measured; the claim's own rule holds "
        f"for {held} of them and **fails for {len(measured) - held}**, whatever model the claim is about.\n"
    )

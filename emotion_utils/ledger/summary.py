"""Counts of verdicts: by part of the reports, by model, and in a list for readers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from emotion_utils.ledger.records import COUNTED, DECIDED, REPLICATIONS, Entry
from emotion_utils.scrutiny.rules import NOTHING, SCRUTINY

OPEN = (NOTHING, "undecided", "not identifiable")
"""Words of the scrutiny that leave a claim open; a headline counts the others."""
SMALL_MODELS = (
    "A small model can refute a method: what scores high on a model in which there is known to be nothing cannot show "
    "anything on another. It cannot refute what a report says of GPT-2 or Llama 3: there it agrees or contradicts by "
    "the claim's own rule, and decides nothing."
)
"""What a small model can and cannot refute."""


def decided(entry: Entry) -> bool:
    """Whether one of the two columns says something of a claim that stands."""
    return entry.verdict in DECIDED or entry.scrutiny not in OPEN


def sections(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """By report, the section of each of its claims."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        found.setdefault(entry.source, []).append(entry.section)
    return found


def by_part(entries: Sequence[Entry]) -> pd.DataFrame:
    """Claims of each part of the reports by verdict, and all of them.

    Returns
    -------
    Columns ``part, claims``, one per word of each column, and ``decided`` (in one of the two columns).
    """
    parts = list(dict.fromkeys(entry.part for entry in entries))
    rows = [_counts(part, [entry for entry in entries if entry.part == part]) for part in parts]
    return pd.DataFrame([*rows, _counts("all", entries)])


def _counts(name: str, entries: Sequence[Entry]) -> dict[str, object]:
    counts: dict[str, object] = {"part": name, "claims": len(entries)}
    counts |= replications(entries) | scrutinies(entries)
    return counts | {"decided": sum(map(decided, entries))}


def replications(entries: Sequence[Entry]) -> dict[str, int]:
    """Claims by the words of *Replication*, those without any too."""
    counts = Counter(entry.replication for entry in entries)
    return {word: counts[word] for word in REPLICATIONS}


def scrutinies(entries: Sequence[Entry]) -> dict[str, int]:
    """Claims by the words of *Scrutiny*, those without any too."""
    counts = Counter(entry.scrutiny for entry in entries)
    return {word: counts[word] for word in SCRUTINY}


def only_used(counts: pd.DataFrame, words: Sequence[str]) -> pd.DataFrame:
    """The first two columns of :func:`by_part` or :func:`by_model`, and those of these words that are not all 0."""
    used = [word for word in words if word in counts and counts[word].any()]
    return counts[[*counts.columns[:2], *used]]


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
    Columns ``model``, ``measured`` (rows), one per word of *Replication*, and one per word of *Scrutiny*, which counts
    the claims that were measured.
    """
    rows_of = {entry.id: entry.record if recorded else entry.rows for entry in entries}
    names = list(dict.fromkeys(row.model for rows in rows_of.values() for row in rows))
    found = []
    for name in names:
        own = [row for rows in rows_of.values() for row in rows if row.model == name]
        looked = Counter(e.scrutiny for e in entries if any(row.model == name for row in rows_of[e.id]))
        words = Counter(row.replication for row in own)
        counts: dict[str, object] = {"model": name or "no model", "measured": len(own)}
        counts |= {word: words[word] for word in REPLICATIONS}
        found.append(counts | {word: looked[word] for word in SCRUTINY})
    return pd.DataFrame(found, columns=["model", "measured", *REPLICATIONS, *SCRUTINY])


def points(entries: Sequence[Entry]) -> str:
    """What came out, as a list in Markdown, of verdicts that mean something; what is not counted is left out.

    Claims about the author's prompts or machine, about sizes that somebody chose, and those that nobody measured are in
    no count here.
    """
    said = replications(entries)
    looked = ", ".join(
        f"**{count}** {word}" for word, count in scrutinies(entries).items() if count and word not in OPEN
    )
    other = ", ".join(f"{said[word]} {word.partition(', ')[2]}" for word in COUNTED[len(DECIDED) :])
    return (
        f"{_real(entries)}- **Replication** (did we measure the same?): **{said['reproduced']} reproduced, "
        f"{said['not reproduced']} not reproduced**; on other models than the claim's: {other}, by the claim's own "
        f"rule.\n- **Scrutiny** (what the printed figures say without any model): {looked or 'nothing'}.\n"
        f"- **In Replication or Scrutiny {sum(map(decided, entries))} of {len(entries)} claims are decided.**\n\n"
        f"{SMALL_MODELS}\n"
    )


def _real(entries: Sequence[Entry]) -> str:
    """A line on the record of the real models; nothing without one."""
    rows = [[row.holds for row in entry.record if row.holds is not None] for entry in entries]
    measured = [own for own in rows if own]
    if not measured:
        return ""
    held, failed = (sum(all(one is word for one in own) for own in measured) for word in (True, False))
    return (
        f"- **Real pretrained models (the record)**: of {len(measured)} claims that were measured on them, **{held}** "
        f"*agree* and **{failed}** *contradict* by the claim's own rule; on {len(measured) - held - failed} the models "
        "differ. No claim is about these models, so that this decides none.\n"
    )

"""One claim as an entry: what a chapter shows of its own claims, and the ledger of all of them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from emotion_utils.ledger.records import Entry, Row, chapter_of, overall, part_of
from emotion_utils.ledger.reports import report_of
from emotion_utils.models.registry import reader_name, world_of
from emotion_utils.reports.claims import read_claims

NUMBERS = ("ours", "low", "high", "null")


def of_chapter(judged: pd.DataFrame) -> list[Entry]:
    """The claims of one chapter as it shows them itself: the same verdicts as in the ledger, before that is made.

    Parameters
    ----------
    judged
        From :func:`emotion_utils.reports.claims.judge`, with a scrutiny; several models of a claim stand together.
    """
    claims = read_claims().set_index("id", drop=False)
    entries = []
    for name in dict.fromkeys(judged["id"]):
        own = judged[judged["id"] == name].to_dict("records")
        rows, claim = tuple(row_of(row, "") for row in own), claims.loc[name]
        verdict = overall([row.verdict for row in rows])
        entries.append(
            as_entry(claim, chapter_of(name), verdict, rows, (own[0]["scrutiny"], own[0]["scrutiny_note"]))
        )
    return entries


def row_of(row: Mapping[str, object], decided: str) -> Row:
    """A row of the ledger from one of :func:`emotion_utils.reports.claims.judge`, and the page that decided it."""

    def given(name: str) -> float | None:
        value = row[name]
        return None if value is None or pd.isna(value) else float(value)  # type: ignore[arg-type]

    value, low, high, null = (given(name) for name in NUMBERS)
    n, holds = given("n"), row["holds"]
    return Row(
        _model(str(row["model"])), value, low, high, null, None if n is None else int(n),
        None if holds is None or pd.isna(holds) else bool(holds),
        str(row["verdict"]), str(row["note"]), decided,
    )  # fmt: skip


def _model(name: str) -> str:
    """A model as a row calls it: bundled ones by their name, others with where they come from."""
    parts = name.split("~") if name else []
    return name if all(world_of(part) == "small world" for part in parts) else reader_name(name)


def as_entry(
    claim: pd.Series, chapter: str, verdict: str, rows: tuple[Row, ...], said: tuple[str, str]
) -> Entry:
    """A claim of the table with its verdict, its rows and what the scrutiny says of it."""
    settled = f"{claim['settled']} ({claim['settled_source']})" if claim["settled"] else ""
    return Entry(
        str(claim["id"]), claim["claim"], claim["metric"], claim["value"], part_of(claim["phase"]), chapter,
        report_of(claim["seed"]).short, claim["section"], claim["conflicts_with"], verdict, _waits(verdict, rows),
        said[0], said[1], "", rows, (), settled,
    )  # fmt: skip


def _waits(verdict: str, rows: tuple[Row, ...]) -> str:
    """What a pending claim waits for."""
    if verdict != "pending":
        return ""
    notes = [row.note for row in rows if row.note]
    return notes[0] if notes else "no chapter of this book measures it"

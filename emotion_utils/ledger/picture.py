"""What the picture of the welcome page shows: of some claims the reports' value, ours, and what nothing gives."""

from __future__ import annotations

import pandas as pd

from emotion_utils.calibration import ledger as calibration
from emotion_utils.ledger.headlines import AFTER
from emotion_utils.ledger.records import Entry
from emotion_utils.ledger.sources import Sources

CLAIMS = {
    AFTER: "Two models share their emotions",
    "P3.cos.end.ga": "Gratitude points where anger points",
    "P6.top.gratitude": "One head looks at words of thanks",
    "P75.gratitude.d": "A head that is patched brings thanks",
}
"""The claims that stand in the picture, as a friend would say them; all on one scale from -1 to 1."""
KINDS = ("nothing there", "ours", "reported")
COLUMNS = ["claim", "label", "kind", "model", "value", "low", "high"]


def picture(sources: Sources) -> pd.DataFrame:
    """Rows of the picture.

    Returns
    -------
    Columns ``claim, label, kind`` (of :data:`KINDS`), ``model`` (as a reader calls it; of a null where it comes from),
    ``value, low, high``. Ours is of the real models where the record has them, else of the run. The null of every
    model that was measured stands there, of the reports' best-known number also that of models which share nothing.
    """
    by_id = {entry.id: entry for entry in sources.entries}
    rows = [
        row
        for claim, label in CLAIMS.items()
        if claim in by_id
        for row in _rows(sources, by_id[claim], label)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(sources: Sources, entry: Entry, label: str) -> list[tuple[object, ...]]:
    ours = sources.claim(entry.id)
    if not ours:
        return []
    rows: list[tuple[object, ...]] = [
        (entry.id, label, "nothing there", row.model, row.null, row.null, row.null)
        for row in entry.record + entry.rows
        if row.null is not None
    ]
    if entry.id == AFTER:
        rows += [(entry.id, label, "nothing there", *one) for one in _unrelated()]
    rows += [(entry.id, label, "ours", one.model, one.value, one.low, one.high) for one in ours]
    printed = float(entry.report)
    return [*rows, (entry.id, label, "reported", "the reports", printed, printed, printed)]


def _unrelated() -> list[tuple[str, float, float, float]]:
    """Scores of made-up models that share nothing, at three scales of the second, from the table of the calibration."""
    facts = calibration.read("published").tables["facts"]
    own = facts[
        (facts["formula"] == "published_phase35") & facts["setting"].str.startswith("as published, scale")
    ]
    numbers = own[["value", "q_low", "q_high"]].astype(float).itertuples(index=False, name=None)
    return [("models that share nothing", *one) for one in numbers]

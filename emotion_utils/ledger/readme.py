"""What the README says of the real models: the findings of the record, between two marks, and never typed."""

from __future__ import annotations

from pathlib import Path

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import write_atomically
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.ledger.assembly import assemble
from emotion_utils.ledger.headlines import headlines, in_markdown, recorded
from emotion_utils.ledger.sources import Sources
from emotion_utils.record.record_file import PATH, read_record
from emotion_utils.reports.claims import read_claims
from emotion_utils.runtime.runs import Run
from emotion_utils.scrutiny.rules import NOTHING

README = PROJECT_ROOT / "README.md"
BEGIN, END = "<!-- from data/real.json -->\n", "<!-- end -->"
NONE = "What they show is recorded when `runs/real.yaml` has run.\n"
"""Where there is no record."""


def sources_of(path: Path = PATH) -> Sources | None:
    """The record alone as a source of findings; None where there is none."""
    record = read_record(path)
    if record is None:
        return None
    nothing = dict.fromkeys(read_claims()["id"], (NOTHING, ""))
    entries = assemble(Run(record.run, record.profile, 0, "cpu", "float32", []), nothing, path)
    return Sources(entries, record.parts)


def said(path: Path = PATH) -> str:
    """The findings of the record in Markdown, and where they come from."""
    sources = sources_of(path)
    return NONE if sources is None else f"{in_markdown(headlines(sources))}\n{recorded(sources)}\n"


def block(text: str) -> str:
    """What stands between the marks.

    Raises
    ------
    UserError
        Where one of them is missing.
    """
    _, begin, after = text.partition(BEGIN)
    inside, end, _ = after.partition(END)
    if not (begin and end):
        raise UserError(f"README.md has no {BEGIN.strip()} with an {END} after it: put them back.")
    return inside


def update(path: Path = PATH, readme: Path = README) -> Path:
    """Write the findings of the record between the marks, whole or not at all."""
    text = readme.read_text(encoding="utf-8")
    return write_atomically(readme, text.replace(f"{BEGIN}{block(text)}{END}", f"{BEGIN}{said(path)}{END}"))

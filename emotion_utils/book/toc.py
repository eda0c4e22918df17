"""The table of contents of one run, derived from the plan in the root `_toc.yml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from emotion_utils.core.errors import UserError

CHAPTERS, PROSE = "notebooks/", "book/"


def read_plan(path: Path) -> dict[str, Any]:
    """The plan as a mapping; a `UserError` names what is wrong with it."""
    try:
        plan = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"There is no table of contents {path}: it holds the plan of the book.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {error}.") from error
    if not isinstance(plan, dict) or not isinstance(plan.get("parts"), list):
        raise UserError(f"{path} must have `format`, `root` and a list of `parts`.")
    return plan


def derive_toc(
    plan: Mapping[str, Any],
    pages: Mapping[str, Sequence[tuple[str, str]]],
    ledgers: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Keep the prose and the chapters that ran; further models of a chapter become its sub-pages.

    Parameters
    ----------
    plan
        The root table of contents.
    pages
        For each chapter that ran, its pages as (file stem, model as a reader calls it), the main page first.
    ledgers
        Pages of the claims ledger as (file stem, run), that of this run first; the others become its sub-pages.
    """
    planned = {entry["file"].removeprefix(CHAPTERS) for part in plan["parts"] for entry in part["chapters"]}
    missing = sorted(set(pages) - planned)
    if missing:
        raise UserError(
            f"The chapter {missing[0]} ran but is not in _toc.yml: add `- file: {CHAPTERS}{missing[0]}`."
        )
    sections = [{"file": f"{PROSE}{stem}", "title": f"… of {run}"} for stem, run in ledgers[1:]]
    parts = [{**part, "chapters": _entries(part["chapters"], pages)} for part in plan["parts"]]
    for entry in (entry for part in parts for entry in part["chapters"]):
        if sections and entry["file"] == f"{PROSE}{ledgers[0][0]}":
            entry["sections"] = sections
    return {**plan, "parts": [part for part in parts if part["chapters"]]}


def _entries(
    entries: Sequence[dict[str, Any]], pages: Mapping[str, Sequence[tuple[str, str]]]
) -> list[dict[str, Any]]:
    kept = []
    for entry in entries:
        chapter = entry["file"].removeprefix(CHAPTERS)
        if not entry["file"].startswith(CHAPTERS):
            kept.append(dict(entry))
        elif chapter in pages:
            kept.append(_chapter(entry, pages[chapter]))
    return kept


def _chapter(entry: dict[str, Any], pages: Sequence[tuple[str, str]]) -> dict[str, Any]:
    others = [{"file": f"{CHAPTERS}{stem}", "title": f"… on {model}"} for stem, model in pages[1:]]
    return {**entry, "sections": others} if others else dict(entry)

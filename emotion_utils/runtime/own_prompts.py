"""A reader's own texts in a chapter: read and checked before anything else, what cannot be asked of them left out.

A cell whose first line is a comment such as ``# needs: pairs`` runs where the texts have pairs. Otherwise a sentence
stands in its place: in a notebook that papermill executes, in a run, and in JupyterLab alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_utils.core.emotions import REFERENCE, has_reference, labels_of
from emotion_utils.core.errors import UserError, listing, suggestion
from emotion_utils.core.paths import PROJECT_ROOT, expanded

if TYPE_CHECKING:
    import pandas as pd

NEEDS = {
    "small world": "this is about the book's own prompts, and the models and reports beside them",
    "neutral": "this needs texts of a reference label, and there are none",
    "pairs": "this needs pairs of texts, one of them neutral, with a common `pair_id`, and there are none",
    "words": "this needs words that are marked (`emotion_start`, `emotion_end`) and their match in a neutral text",
}
"""What a cell may need of the texts, and what is said where they lack it."""
_NEED = re.compile(r"# needs: (.+)")
_COLUMNS = {"text_column": "text", "label_column": "emotion"}
_GIVEN = ("prompts", *_COLUMNS, "label_map")


@dataclass(frozen=True, eq=False)
class OwnPrompts:
    """The texts of a reader's file.

    Attributes
    ----------
    name
        Of the file, without its ending.
    table
        One row per text, columns as in ``prompts.schema.SCHEMA``.
    reference
        What the file calls the reference label, or nothing where there is none.
    """

    name: str
    table: pd.DataFrame = field(repr=False)
    reference: str = ""

    @property
    def lacking(self) -> set[str]:
        """The keys of :data:`NEEDS` that these texts do not fulfil."""
        from emotion_utils.prompts.partners import has_pairs

        has = {
            "neutral": has_reference(self.table),
            "pairs": has_pairs(self.table),
            "words": bool(self.table["match_start"].notna().any()),
        }
        return {need for need in NEEDS if not has.get(need, False)}

    def note(self) -> str:
        """Say in Markdown what this page is about."""
        labels, table = labels_of(self.table), self.table
        counts = table["emotion"].value_counts()
        own = {REFERENCE: self.reference or REFERENCE}
        listed = listing(f"{own.get(label, label)} ({counts[label]})" for label in labels)
        beside = (
            f"*{self.reference}* is what the others are compared with"
            + ("" if self.reference == REFERENCE else f" and is called *{REFERENCE}* in tables")
            if self.reference
            else "there is no reference label, so that each stands against all others"
        )
        return (
            f"**This page is about {len(table)} texts of {self.name}**, labelled {listed}; {beside}. What the book "
            "says of its own prompts and of its small world does not hold for them; what needs those is left out."
        )


def read_own(values: Mapping[str, Any]) -> OwnPrompts | None:
    """Read the file that a chapter's parameters name, and check that its labels can be compared.

    Parameters
    ----------
    values
        With ``prompts, text_column, label_column, label_map, reference``; what is missing or blank is as usual.

    Returns
    -------
    None where no file is named.

    Raises
    ------
    UserError
        What `load_prompts` refuses, and labels that are too few or have no text in a split.
    """
    given = {name: str(values.get(name, "")).strip() or _COLUMNS.get(name, "") for name in _GIVEN}
    if not given["prompts"]:
        changed = [name for name, usual in _COLUMNS.items() if given[name] != usual]
        if changed or given["label_map"]:
            name = (changed or ["label_map"])[0]
            raise UserError(
                f'Parameter "{name}" is about a file of your own: name it as the parameter "prompts".'
            )
        return None
    path = PROJECT_ROOT / expanded(given["prompts"])
    if not path.is_file():
        raise UserError(
            f'Parameter "prompts" names {path}, where there is no file: write the path of a CSV, TSV or JSON Lines '
            "file, in full or from the project's folder."
        )
    changed_at = path.stat().st_mtime_ns
    reference = str(values.get("reference", "auto"))
    return _read(path, given["text_column"], given["label_column"], given["label_map"], reference, changed_at)


@lru_cache(maxsize=4)
def _read(path: Path, text: str, label: str, renamed: str, reference: str, changed_at: int) -> OwnPrompts:
    from emotion_utils.prompts.labels import AUTO, NONE, check_labels, fold
    from emotion_utils.prompts.loading import load_prompts

    table = load_prompts(path, text, label, label_map_of(renamed), reference=reference)
    check_labels(table, path.name)
    named = REFERENCE if fold(reference) in (AUTO, NONE) else reference
    name = re.sub(r"[^\w .-]+", "-", path.stem).strip(" -") or "own"
    return OwnPrompts(name, table, named if has_reference(table) else "")


def label_map_of(text: str) -> dict[str, str | None]:
    """Read other names for labels, ``glad: joy, sad: grief, odd:``; the rows of a label without a name are left out.

    Raises
    ------
    UserError
        For a part without a colon (or ``=``), and a label that is renamed twice.
    """
    found: dict[str, str | None] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        old, *rest = (side.strip() for side in re.split("[:=]", part, maxsplit=1))
        if not rest or not old:
            raise UserError(
                f'Parameter "label_map" has the part {part!r}: write label: name, with commas between, or label: to '
                "leave its rows out."
            )
        new = rest[0]
        if old in found:
            raise UserError(f'Parameter "label_map" renames "{old}" twice: keep one.')
        found[old] = new or None
    return found


def needs_of(source: str) -> list[str]:
    """What a cell needs, by its first line.

    Raises
    ------
    UserError
        For a need that is not known.
    """
    first = source.strip().splitlines()[:1]
    match = _NEED.fullmatch(first[0].strip()) if first else None
    wanted = [need.strip() for need in match[1].split(",")] if match else []
    unknown = next((need for need in wanted if need not in NEEDS), None)
    if unknown is not None:
        raise UserError(f'A cell needs "{unknown}", which nothing fulfils: {suggestion(unknown, NEEDS)}')
    return wanted


class _LeaveOut:
    """Puts a sentence in the place of cells that need what the texts do not have."""

    def __init__(self, own: OwnPrompts) -> None:
        self.lacking = own.lacking

    def __call__(self, lines: list[str]) -> list[str]:
        missing = next((need for need in needs_of("".join(lines)) if need in self.lacking), None)
        if missing is None:
            return lines
        shown = f"__import__({__name__!r}, fromlist=['left_out']).left_out({missing!r})\n"
        return [shown]


def left_out(need: str) -> Any:
    """What stands in the place of a cell."""
    from IPython.display import Markdown

    return Markdown(f"*Left out: {NEEDS[need]}.*", metadata={"left_out": need})


def install(own: OwnPrompts | None) -> None:
    """Leave cells out of the notebook that runs this, from the next one on; outside of a notebook nothing happens."""
    from IPython import get_ipython
    from IPython.display import Markdown, display

    shell = get_ipython()
    if shell is None:
        return
    kept = [t for t in shell.input_transformers_cleanup if not isinstance(t, _LeaveOut)]
    shell.input_transformers_cleanup[:] = kept
    if own is not None:
        shell.input_transformers_cleanup.append(_LeaveOut(own))
        display(Markdown(own.note()))

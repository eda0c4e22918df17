"""A chapter has one name everywhere: "Chapter 5", in its title, in the menu and wherever it is mentioned."""

from __future__ import annotations

import re

import nbformat
import pytest

from emotion_utils.core.paths import NOTEBOOKS, PROJECT_ROOT

OTHER_NAME = re.compile(r"\bchapters? \d+|\bChapters? 0\d|\bch\. ?\d", re.MULTILINE)
CHAPTERS = sorted(NOTEBOOKS.glob("*.ipynb"))
PAGES = sorted((PROJECT_ROOT / "book").glob("*.md"))


def other_names(text: str) -> list[str]:
    """Names of chapters that are not the one."""
    return OTHER_NAME.findall(text)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_title_carries_its_number(path) -> None:
    title = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0]
    assert re.fullmatch(rf"# Chapter {int(path.stem[:2])}\. \S.*", title)


@pytest.mark.parametrize("path", [*CHAPTERS, *PAGES], ids=lambda path: path.stem)
def test_chapters_are_called_by_their_name(path) -> None:
    if path.suffix == ".md":
        text = path.read_text(encoding="utf-8")
    else:
        text = "\n".join(
            cell.source
            for cell in nbformat.read(path, as_version=4).cells
            if "parameters" not in cell.metadata.get("tags", [])
        )
    assert other_names(text) == []


def test_another_name_is_found() -> None:
    assert other_names("as chapter 5 does; see Chapter 04, ch. 3") == ["chapter 5", "Chapter 04", "ch. 3"]
    assert other_names("as Chapter 5 does; chapters on scaling") == []

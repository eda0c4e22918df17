"""A run whose chapters have "measured" something, without a notebook being executed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emotion_utils.ledger.records import chapter_of
from emotion_utils.reports.claims import Measurement, measurement_file, read_claims, write_measurements
from emotion_utils.runtime import runs
from emotion_utils.runtime.runs import Job, Run
from emotion_utils.runtime.schema import chapter_schema

CLAIMS = read_claims()


@pytest.fixture
def scrutiny() -> dict[str, tuple[str, str]]:
    """The same word for every claim, but for one."""
    words = dict.fromkeys(CLAIMS["id"], ("no null applies", "a count"))
    return words | {"P35.align.after": ("at chance", "unrelated <models> reach it")}


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """A run of some jobs, each (chapter, model), with a measurement for every claim of its chapter."""
    monkeypatch.setattr(runs, "BUILD", tmp_path / "build")

    def made(*jobs: tuple[str, str | None], name: str = "tried") -> Run:
        run = Run(name, "smoke", 0, "cpu", "float32", [Job(name, *job, {}) for job in jobs], site=tmp_path)
        for chapter, model in jobs:
            measure(run, chapter, model)
        return run

    return made


def measure(run: Run, chapter: str, model: str | None, **numbers: float | None) -> Path:
    """Write a chapter's measurements: 1.0 for each of its claims, but for those given by id with `_` for `.`."""
    given = {name.replace("_", "."): value for name, value in numbers.items()}
    own = model or (
        str(chapter_schema(chapter)["model"].default) if "model" in chapter_schema(chapter) else ""
    )
    rows = [
        Measurement(
            claim,
            own,
            given.get(claim, 1.0),
            note="too few" if claim in given and given[claim] is None else "",
        )
        for claim in CLAIMS["id"]
        if chapter_of(claim) == chapter
    ]
    return write_measurements(run.directory, chapter, rows, model=own or None)


def without(run: Run, chapter: str, model: str | None, claim: str) -> None:
    """Take one claim out of a chapter's measurements."""
    from emotion_utils.reports.claims import read_measurements

    path = measurement_file(run.directory, chapter, model)
    kept = [row for row in read_measurements(path) if row.claim != claim]
    write_measurements(run.directory, chapter, kept, model=model)

"""The committed record of all siblings and of a real model in Japanese, ``data/siblings/siblings.json``.

Whether siblings differ by more than trainings do takes many trainings, and a real model takes long, so that what was
found is kept: tables, with a hash of the code that made them. ``python -m emotion_utils.siblings.record`` makes it
anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm.auto import tqdm

from emotion_utils.core.paths import BUILD, DATA, PROJECT_ROOT
from emotion_utils.core.store import Store
from emotion_utils.core.versions import commit
from emotion_utils.japanese.reading import read_japanese
from emotion_utils.models.model import load
from emotion_utils.models.registry import SIBLINGS, short_name
from emotion_utils.record.kept_tables import code_behind, command, read_tables, write_tables
from emotion_utils.siblings.post_sets import COMMUNITIES, read_posts
from emotion_utils.siblings.retrained import beside_continuations, between_siblings, told_apart
from emotion_utils.siblings.sizes import RECORDED, Sizes
from emotion_utils.siblings.study import study
from emotion_utils.siblings.tables import RUN_MEASURES, run_of

PATH = DATA / "siblings" / "siblings.json"
REAL, PROFILE, SCHEMA = "gemma3-270m", "baseline", 1
MEASURED_BY = ("siblings.study", "siblings.tables", "japanese.reading")
"""Modules that compute what is recorded."""
_MEND = "restore it from git, or make it again with `python -m emotion_utils.siblings.record`"
_ABOUT = ("siblings", "real", "date", "commit", "code", "sizes", "seeds")


@dataclass(frozen=True, eq=False)
class SiblingsRecord:
    """What was found.

    Attributes
    ----------
    siblings
        Registry names: the base, and its continuations.
    real
        Registry name of the real model, empty without one.
    date, commit, code
        Of the record; ``code`` as :func:`code` gives it.
    sizes
        As :class:`emotion_utils.siblings.sizes.Sizes` has them.
    seeds
        Trainings of the base and of its first continuation; further ones have a third as many.
    tables
        ``runs`` (a row for each training: ``sibling, seed`` and
        :data:`emotion_utils.siblings.tables.RUN_MEASURES`), and those of
        :func:`emotion_utils.japanese.reading.read_japanese` of the real model.
    """

    siblings: Sequence[str]
    real: str
    date: str
    commit: str
    code: str
    sizes: Mapping[str, Any]
    seeds: int
    tables: Mapping[str, pd.DataFrame] = field(repr=False)

    @property
    def changed(self) -> bool:
        """Whether the code has changed since."""
        return self.code != code()

    @property
    def told(self) -> pd.DataFrame:
        """Which measures differ between base and Japanese sibling, by both nulls."""
        runs, (base, japanese, *_) = self.tables["runs"], self.siblings
        between = between_siblings(runs[runs["sibling"].isin([base, japanese])], RUN_MEASURES)
        return told_apart(between, beside_continuations(runs, RUN_MEASURES, base))

    @property
    def note(self) -> str:
        """A sentence on what it is, in Markdown."""
        told = "; the code has changed since then" if self.changed else ""
        real = f", and {short_name(self.real)} in Japanese" if self.real else ""
        return (
            f"{len(self.siblings)} siblings, trained {len(self.tables['runs'])} times to tell communities apart{real}; "
            f"recorded {self.date} at {self.commit[:7]}{told}."
        )


def make_record(
    sizes: Sizes = RECORDED,
    store: Store | None = None,
    *,
    siblings: Sequence[str] = tuple(SIBLINGS),
    real: str = REAL,
    profile: str = PROFILE,
    progress: bool = True,
) -> SiblingsRecord:
    """Train every sibling from every seed, and read Japanese with the real model.

    Parameters
    ----------
    sizes
    store
        Keeps trained weights and activations, so that a run that was killed goes on.
    siblings, real
        Registry names of models on this machine; ``real`` may be empty.
    profile
        Of the prompts that the real model reads.
    progress
    """
    tables = {"runs": trainings(siblings, sizes, store, progress=progress)}
    if real:
        tables |= read_japanese(load(real, separator="auto"), profile, store, steered=False)
    return SiblingsRecord(
        siblings,
        real,
        datetime.now(UTC).date().isoformat(),
        commit(),
        code(),
        asdict(sizes),
        sizes.seeds,
        tables,
    )


def trainings(
    siblings: Sequence[str], sizes: Sizes, store: Store | None = None, *, progress: bool = True
) -> pd.DataFrame:
    """A row for each training of each sibling: the posts are the same, the seed of the training is not.

    Further continuations count by their mean alone, and are trained a third as often. Nulls of single trainings are
    left out: trainings are compared with each other.
    """
    lean = replace(sizes, sets=0, orders=1)
    posts, rows = read_posts(COMMUNITIES, sizes), []
    often = [sizes.seeds if place < 2 else max(2, sizes.seeds // 3) for place in range(len(siblings))]
    asked = [(name, seed) for name, n in zip(siblings, often, strict=True) for seed in range(n)]
    for name, seed in tqdm(asked, desc="trainings", disable=not progress):
        one = study(load(name, separator="auto"), posts, lean, store=store, seed=seed, progress=False)
        rows.append({"sibling": name, "seed": seed, **run_of(one)})
    return pd.DataFrame(rows)


def code(root: Path = PROJECT_ROOT) -> str:
    """Hash of the code that the record is computed by: :func:`emotion_utils.record.kept_tables.code_behind`."""
    return code_behind([f"emotion_utils.{name}" for name in MEASURED_BY], root)


def write_record(record: SiblingsRecord, path: Path = PATH) -> Path:
    """Write the record with its hash, whole or not at all."""
    return write_tables(path, {name: getattr(record, name) for name in _ABOUT}, record.tables, SCHEMA)


def read_record(path: Path = PATH) -> SiblingsRecord | None:
    """The record, or None where there is none; a user error where it is damaged."""
    found = read_tables(path, SCHEMA, _MEND)
    return (
        None
        if found is None
        else SiblingsRecord(**{name: found.about[name] for name in _ABOUT}, tables=found.tables)
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Make the record; bad input ends in one sentence and status 2."""
    parser = argparse.ArgumentParser(prog="python -m emotion_utils.siblings.record", description=__doc__)
    parser.add_argument(
        "--real", default=REAL, help="a real model that this machine has (default: %(default)s)"
    )

    def make(options: argparse.Namespace) -> Path:
        return write_record(make_record(store=Store(BUILD / "siblings"), real=options.real))

    return command(parser, make, argv)


if __name__ == "__main__":
    sys.exit(main())

"""The committed record of a real model on real text, ``data/predictability/<model>.json``.

Reading and training take an hour or more, so what was found is kept: tables of a study, with hashes of the texts and of
the code that made them. ``python -m emotion_utils.predictability.record smollm2-135m`` makes it anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from emotion_utils.core.paths import BUILD, DATA, PROJECT_ROOT
from emotion_utils.core.store import Store
from emotion_utils.core.versions import commit
from emotion_utils.corpora.reading import read
from emotion_utils.models.model import load
from emotion_utils.predictability import tables
from emotion_utils.predictability.claims import measured
from emotion_utils.predictability.emotions import emotions_in_parts
from emotion_utils.predictability.predictors import ARCHITECTURES, HERE, SEEDS, sweep
from emotion_utils.predictability.probing import DOMAIN, TYPE, probe_task
from emotion_utils.predictability.sizes import RECORD, Sizes
from emotion_utils.predictability.study import Study, study, windows_of
from emotion_utils.prompts.loading import load_profile
from emotion_utils.record.kept_tables import code_behind, command, read_tables, write_tables
from emotion_utils.reports.claims import Measurement
from emotion_utils.reports.predictability import chapter_measurements, claim_numbers

FOLDER = DATA / "predictability"
ROOM = "emotion_utils.predictability"
MEASURED_BY = ("study", "tables", "probing", "emotions", "predictors", "claims")
"""Modules of this room that compute what is recorded."""
LOSSES = {
    "pooled": "on squared errors as they are, as published",
    "per_dimension": "on errors in standard deviations of each dimension, so that massive ones do not decide alone",
}
MODEL, CORPUS, SCHEMA = "smollm2-135m", "packages", 1
SWEPT = {
    name: ARCHITECTURES[name]
    for name in (HERE, "attention alone, as published", "a gated MLP of 512 neurons")
}
_MEND = f"restore it from git, or make it again with `python -m emotion_utils.predictability.record {MODEL}`"
_ABOUT = (
    "model",
    "layers",
    "blocks",
    "date",
    "commit",
    "code",
    "corpus",
    "windows",
    "counts",
    "sizes",
    "domains",
)


@dataclass(frozen=True, eq=False)
class PartsRecord:
    """What was found of one model.

    Attributes
    ----------
    model
        Registry name.
    layers, blocks
        Those that were read, of so many.
    date, commit, code
        Of the record; ``code`` as :func:`code` gives it.
    corpus, windows
        What was read, and the hash of the windows.
    counts
        Windows of each use.
    sizes
        As :class:`emotion_utils.predictability.sizes.Sizes` has them.
    domains
        Of the texts.
    tables
        By the names of the functions of `tables`, `probing` and `emotions`, as the page shows them.
    """

    model: str
    layers: Sequence[int]
    blocks: int
    date: str
    commit: str
    code: str
    corpus: str
    windows: str
    counts: Mapping[str, int]
    sizes: Mapping[str, Any]
    domains: Sequence[str]
    tables: Mapping[str, pd.DataFrame] = field(repr=False)

    @property
    def changed(self) -> bool:
        """Whether the code has changed since."""
        return self.code != code()

    @property
    def measurements(self) -> list[Measurement]:
        """What it says of the report's claims."""
        return chapter_measurements(
            self.model,
            self.tables["claim_numbers"],
            layers=self.layers,
            n_layers=self.blocks,
            documents=int(self.tables["explained"]["documents"].iloc[0]),
        )

    @property
    def note(self) -> str:
        """A sentence on what it is, in Markdown."""
        length = self.sizes["length"]
        told = "; the code has changed since then" if self.changed else ""
        return (
            f"{self.model}, {self.counts['training'] * length:,} tokens of training and "
            f"{self.counts['test']} windows of {length} tokens of test, {self.corpus} "
            f"({len(self.domains)} domains), trained {LOSSES[self.sizes['fitting']['loss']]}; recorded {self.date} at "
            f"{self.commit[:7]}{told}."
        )


def make_record(
    name: str,
    corpus: str,
    store: Store | None,
    sizes: Sizes = RECORD,
    *,
    seed: int = 0,
    progress: bool = True,
) -> PartsRecord:
    """Read a corpus with a model, train, and make all tables.

    Parameters
    ----------
    name
        Registry name of a model on this machine.
    corpus
        A source of :func:`emotion_utils.corpora.reading.read`.
    store
        Keeps states and checkpoints, so that a run that was killed goes on.
    sizes, seed, progress

    Raises
    ------
    UserError
        As of :func:`emotion_utils.predictability.study.study`.
    """
    model, texts = load(name, separator="auto"), read(corpus)
    windows = windows_of(model, texts, sizes, seed)
    layers = (0, model.n_layers // 2, model.n_layers - 1)
    one = study(model, windows, layers, sizes, store=store, seed=seed, dtype="float16", progress=progress)
    return PartsRecord(
        name,
        layers,
        model.n_layers,
        datetime.now(UTC).date().isoformat(),
        commit(),
        code(),
        texts.source,
        one.windows.hash(),
        {use: len(rows) for use, rows in one.rows.items()},
        asdict(sizes),
        sorted(set(map(str, one.windows.domain))),
        tables_of(one, store, progress=progress),
    )


def tables_of(one: Study, store: Store | None = None, *, progress: bool = True) -> dict[str, pd.DataFrame]:
    """All tables of a study; what is asked of one layer is asked of the middle one."""
    middle = one.layers[len(one.layers) // 2]
    correlations, curves = tables.correlations(one)
    domain, kind = (probe_task(one, name) for name in (DOMAIN, TYPE))
    found = {
        "explained": tables.explained(one),
        "shares": tables.shares(one),
        "positions": tables.positions(one),
        "curve": tables.curve(one),
        "correlations": correlations,
        "rho_by_position": tables.rho_by_position(curves),
        "domain": domain.table,
        "domain_gaps": domain.gaps,
        "type": kind.table,
        "type_gaps": kind.gaps,
        "tokens": tables.tokens(one, middle),
        "by_type": tables.by_type(one, middle),
        "by_frequency": tables.by_frequency(one, middle),
        "written": tables.by_layer({layer: tables.written(one, layer) for layer in one.layers}),
        **emotions_in_parts(one, middle, load_profile("implicit"), store=store),
        "sweep": sweep(one, middle, SWEPT, seeds=SEEDS, progress=progress),
        "claim_numbers": claim_numbers(measured(one, curves, domain, kind)),
    }
    return found


def code(root: Path = PROJECT_ROOT) -> str:
    """Hash of the code that a record is computed by: :func:`emotion_utils.record.kept_tables.code_behind`."""
    return code_behind([f"{ROOM}.{name}" for name in MEASURED_BY], root)


def path_of(model: str, folder: Path = FOLDER) -> Path:
    """Where the record of a model lies."""
    return folder / f"{model}.json"


def write_record(record: PartsRecord, folder: Path = FOLDER) -> Path:
    """Write a record with its hash, whole or not at all."""
    about = {name: getattr(record, name) for name in _ABOUT}
    return write_tables(path_of(record.model, folder), about, record.tables, SCHEMA)


def read_record(model: str = MODEL, folder: Path = FOLDER) -> PartsRecord | None:
    """The record of a model, or None where there is none.

    Raises
    ------
    UserError
        Where it is damaged, was edited, or has another format.
    """
    found = read_tables(path_of(model, folder), SCHEMA, _MEND)
    return None if found is None else PartsRecord(**{n: found.about[n] for n in _ABOUT}, tables=found.tables)


def main(argv: Sequence[str] | None = None) -> int:
    """Make a record; bad input ends in one sentence and status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m emotion_utils.predictability.record", description=__doc__
    )
    parser.add_argument("model", nargs="?", default=MODEL, help="a model that this machine has")
    parser.add_argument("--corpus", default=CORPUS, help="a source of texts (default: %(default)s)")

    def make(options: argparse.Namespace) -> Path:
        return write_record(make_record(options.model, options.corpus, Store(BUILD / "predictability")))

    return command(parser, make, argv)


if __name__ == "__main__":
    sys.exit(main())

"""The models of a run and the recorded one side by side, table by table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from emotion_utils.models.registry import reader_name
from emotion_utils.predictability import tables

if TYPE_CHECKING:
    from emotion_utils.predictability.record import PartsRecord
    from emotion_utils.predictability.study import Study


LIVE_ALONE = ("positions", "rho_by_position", "domain", "type", "tokens", "by_type", "by_frequency")
"""Tables that are large in a record: a page has room for those of its own models."""


@dataclass(frozen=True, eq=False)
class SideBySide:
    """What a page shows of several models.

    Attributes
    ----------
    studies
        Model to its study.
    kept
        The record, or None where there is none.
    tables
        All that was asked for, by name, each with a column ``model`` of names for readers; the recorded one comes last
        (but not in those of :data:`LIVE_ALONE`).
    """

    studies: Mapping[str, Study] = field(repr=False)
    kept: PartsRecord | None
    tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    def each(self, name: str, make: Callable[[Study], pd.DataFrame]) -> pd.DataFrame:
        """Make a table of every model, and put that of the record under them.

        Parameters
        ----------
        name
            Of the table in the record.
        make
            From a study to the table.
        """
        return self.add(name, {model: make(one) for model, one in self.studies.items()})

    def add(self, name: str, live: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """The same for tables that are made already, by model; without rows and columns where there is none."""
        every = {reader_name(model): table for model, table in live.items()}
        if self.kept is not None and name in self.kept.tables and name not in LIVE_ALONE:
            every[f"{reader_name(self.kept.model)} (record)"] = self.kept.tables[name]
        self.tables[name] = tables.beside(every) if every else pd.DataFrame()
        return self.tables[name]

    def add_all(self, live: Mapping[str, Mapping[str, pd.DataFrame]], names: Iterable[str]) -> None:
        """Several tables that were made together, by model and name."""
        for name in names:
            self.add(name, {model: own[name] for model, own in live.items()})

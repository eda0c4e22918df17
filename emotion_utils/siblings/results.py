"""What Chapter 11 computed, gathered from its tables for its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from emotion_utils.japanese.spellings import CHARACTERS, EMBEDDING
from emotion_utils.reports.replication import any_holds, lies_above
from emotion_utils.siblings.depth import SIZE
from emotion_utils.siblings.study import BEST_HALF, PUBLISHED
from emotion_utils.siblings.tables import WORDS
from emotion_utils.statistics.nulls import are_means

WORDED = {"F1, first test": "F1, seen spellings", "F1, last test": "F1, unseen spellings"}
"""Measures of trainings on posts of the communities, as a reader calls them."""


@dataclass(frozen=True)
class Results:
    """What the chapter has of every model that it shows.

    Attributes
    ----------
    tables
        By name, with a column ``model`` of names for readers: ``scores, between_tests, circuits, numbers, ablations,
        integrals, agreement`` (:mod:`emotion_utils.siblings.tables`), and ``probed, transferred, spellings``
        (:func:`emotion_utils.japanese.reading.read_japanese`).
    told
        From :func:`emotion_utils.siblings.retrained.told_apart`; None without a record.
    labels
        How many there are.
    """

    tables: Mapping[str, pd.DataFrame]
    told: pd.DataFrame | None
    labels: int

    def hardest(self) -> pd.DataFrame:
        """Scores of siblings on the last test."""
        table = self.tables["scores"]
        return table[(table["test"] == table["test"].iloc[-1]) & (table["model"] != WORDS)]

    def words(self) -> float:
        """Macro F1 of words alone on the last test."""
        table = self.tables["scores"]
        return float(table.loc[table["model"] == WORDS, "value"].iloc[-1])

    def sizes(self) -> pd.DataFrame:
        """Of the published circuits, with the number of all components."""
        table = self.tables["numbers"]
        every = self.tables["circuits"].groupby("model")["component"].size()
        rows = table[table["quantity"] == SIZE]
        return rows.assign(every=rows["model"].map(every))

    def ablated(self, circuit: str = BEST_HALF) -> pd.DataFrame:
        """Sufficiency and necessity of a circuit, where there is a random one of its size."""
        table = self.tables["ablations"]
        return table[(table["circuit"] == circuit) & table["null"].notna()]

    def published(self) -> pd.DataFrame:
        """The same of the published circuit, whether or not there is a rival."""
        table = self.tables["ablations"]
        return table[table["circuit"] == PUBLISHED]

    def read(self, *, across: bool) -> pd.DataFrame:
        """AUROC averaged over emotions, of vectors made in the language that they read or in the other one."""
        table = self.tables["probed"]
        rows = table[are_means(table)]
        return rows[(rows["made"] != rows["scored"]) == across]

    def beyond_words(self) -> pd.DataFrame:
        """Rows of Japanese vectors on Japanese texts; ``beyond`` says whether they surely beat the words there."""
        rows = self.read(across=False).query("scored == 'Japanese'")
        told = [lies_above(row.rival_gain_low, row.rival_gain_high) for row in rows.itertuples()]
        return rows.assign(beyond=pd.Series(told, index=rows.index, dtype=object))

    def moved(self, *, across: bool) -> pd.DataFrame:
        """What vectors do to replies in their own language or in the other one."""
        table = self.tables["transferred"]
        return table[(table["made"] != table["scenes"]) == across]

    def spellings(self) -> pd.DataFrame:
        """Cosine gaps of spellings without a common character, in states of blocks."""
        table = self.tables["spellings"]
        rows = table[(table["measure"] == "cosine") & (table["pairs"] == "no shared character")]
        return rows[~rows["layer"].isin([CHARACTERS, EMBEDDING])]

    def knows_spellings(self) -> dict[str, bool | None]:
        """Whether some block of a model surely has spellings of one concept nearer than exchanged concepts reach."""
        found = {}
        for model, rows in self.spellings().groupby("model", sort=False):
            told = [lies_above(row.low, row.high, row.null_high) for row in rows.itertuples()]
            found[str(model)] = any_holds(told)
        return found

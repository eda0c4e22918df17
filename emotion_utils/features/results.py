"""What Chapter 12 computed, gathered from its tables for its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from emotion_utils.features.label_effects import MEASURES
from emotion_utils.features.study import FROZEN, SOUND
from emotion_utils.japanese.survival import TOP
from emotion_utils.reports.features import FeatureClaims
from emotion_utils.reports.replication import Number


@dataclass(frozen=True)
class Results:
    """What the chapter has of both siblings.

    Attributes
    ----------
    tables
        By the name of the function of :mod:`emotion_utils.features.tables` that makes them: ``judged, effects,
        sparsity, knockouts, knockout_means, label_cues, cue_means, survival, differences``; ``reported``: from
        :func:`emotion_utils.features.over_labels.published_knockouts`.
    k
        Active features of a state.
    """

    tables: Mapping[str, pd.DataFrame]
    k: int

    def recovered(self, method: str = SOUND) -> pd.DataFrame:
        """Rows of one dictionary, all layers."""
        table = self.tables["judged"]
        return table[table["method"] == method]

    def components(self) -> pd.DataFrame:
        """Rows of as many principal components."""
        return self.recovered(f"{self.k} components")

    def random_directions(self) -> pd.DataFrame:
        """Rows of the dictionary whose directions were never trained."""
        return self.recovered(FROZEN)

    def effect(self, measure: str) -> pd.DataFrame:
        """Rows of one measure of features that tell labels, all layers."""
        table = self.tables["effects"]
        return table[table["measure"] == measure]

    def high(self) -> pd.DataFrame:
        """How many features have a high d, all layers."""
        return self.effect(MEASURES[1])

    def specific(self) -> pd.DataFrame:
        """Which share of them has it for one label alone."""
        return self.effect(MEASURES[2])

    def mean(self, measure: str, table: str = "knockout_means") -> pd.DataFrame:
        """A mean over labels, of both siblings."""
        found = self.tables[table]
        return found[found["measure"] == measure]

    def difference(self, what: str, measure: str) -> pd.Series:
        """The Japanese sibling minus the base."""
        table = self.tables["differences"]
        return table[(table["what"] == what) & (table["measure"] == measure)].iloc[0]

    def claims(self, base: str, japanese: str) -> FeatureClaims:
        """What the report's claims ask of two siblings, by their registry names."""
        measured = set(self.tables["differences"]["measure"])
        taken = [k for k in TOP if f"survival {k}" in measured]  # a small dictionary has not so many features
        differences = {
            "C.sae.variety": self._gap(self.effect(MEASURES[0]).groupby("model", sort=False)["value"].mean()),
            "C.sae.highd": self._gap(self.high().groupby("model", sort=False)["value"].sum()),
            "C.sae.specific": self._gap(100 * self.specific().groupby("model", sort=False)["value"].mean()),
            "C.knockout.mean": _negative(self._number("knockout", "drop")),
            "C.sparsity.active": self._gap(self._sparse("active features of a text")),
            "C.sparsity.top20": self._gap(100 * self._sparse("top-20 share of a text")),
            **{f"C.variants.k{k}": self._number("spellings", f"survival {k}") for k in taken},
        }
        labels = int(self.difference("knockout", "drop")["labels"])
        texts = int(self.high()["texts"].iloc[0])
        n = {claim: texts if claim.startswith(("C.sae.", "C.sparsity.")) else labels for claim in differences}
        n |= {f"C.variants.k{k}": int(self.difference("spellings", f"survival {k}")["labels"]) for k in taken}
        own = self.recovered()
        explained = Number(float(own["explained"].mean()))
        diverse = self._number("cues", "rarefied_tokens_beyond")
        n |= {"C.sae.ev": len(own), "C.cue.overall": labels}
        return FeatureClaims(base, japanese, explained, differences, diverse, n)

    def _number(self, what: str, measure: str) -> Number:
        row = self.difference(what, measure)
        return Number(float(row["mean"]), float(row["low"]), float(row["high"]))

    def _sparse(self, measure: str) -> pd.Series:
        table = self.tables["sparsity"]
        return table[table["measure"] == measure].set_index("model")["value"]

    @staticmethod
    def _gap(values: pd.Series) -> Number:
        """The second sibling minus the first, without an interval: one training of each."""
        return Number(float(values.iloc[1] - values.iloc[0]))


def _negative(number: Number) -> Number:
    """Recall changes are reported as negative numbers."""
    return Number(-number.value, -number.high, -number.low)

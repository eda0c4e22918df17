"""What Chapter 10 computed, gathered from its tables for its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from emotion_utils.novelty.resampled import PARTS
from emotion_utils.predictability import summaries
from emotion_utils.predictability.predictors import HERE
from emotion_utils.predictability.study import PREDICTOR
from emotion_utils.predictability.summaries import POOLED
from emotion_utils.reports.replication import lies_above


class Planted(NamedTuple):
    """A process whose R² is known: the truth, what a predictor finds, and the interval where time is shuffled."""

    truth: float
    r2: float
    low: float
    high: float


def planted_of(table: pd.DataFrame) -> Planted:
    """From :func:`emotion_utils.predictability.predictors.planted`: the process as it is, then shuffled in time."""
    (_, own), (_, shuffled) = table.iterrows()
    return Planted(own["truth"], own["r2"], shuffled["low"], shuffled["high"])


class Apart(NamedTuple):
    """What one task's probes find in the past part and not in the new one (or the other way round), in one model.

    Attributes
    ----------
    gap, trivial
        By the predictor, and by a linear autoregression, which needs none: macro F1, mean over the layers.
    holds, beyond
        Whether the gap is surely above 0, and surely above the trivial one; None where it cannot be told.
    """

    task: str
    model: str
    gap: float
    trivial: float
    holds: bool | None
    beyond: bool | None


@dataclass(frozen=True)
class Results:
    """What the chapter has, of every model that it shows.

    Attributes
    ----------
    tables
        By name, as in :mod:`emotion_utils.predictability.tables`, with a column ``model`` of names for readers:
        ``explained, shares, correlations, claim_numbers, written, geometry, effects, gaps, sweep``.
    planted
        None where it was not tried.
    """

    tables: Mapping[str, pd.DataFrame]
    planted: Planted | None = None

    def predicted(self, prediction: str = PREDICTOR) -> pd.DataFrame:
        """Rows of one prediction, in every measure of R²."""
        table = self.tables["explained"]
        return table[table["prediction"] == prediction]

    def pooled(self, prediction: str = PREDICTOR) -> pd.DataFrame:
        """The same in the measure of the report."""
        return self.predicted(prediction).loc[lambda rows: rows["measure"] == POOLED]

    def best(self) -> pd.DataFrame:
        """Rows of the best baseline of each layer, in the measure of the report."""
        table = self.tables["explained"]
        return table[(table["measure"] == POOLED) & (table["prediction"] == table["baseline"])]

    def correlations(self) -> pd.DataFrame:
        """Of whole windows."""
        table = self.tables["correlations"]
        return table[table["part"] == PARTS[0]]

    def seeds(self) -> pd.DataFrame:
        """Rows of the predictor of this chapter, from each seed it was trained from."""
        table = self.tables["sweep"]
        return table[table["architecture"].str.startswith(HERE)] if len(table) else table

    def apart(self) -> list[Apart]:
        """What the parts tell, task by task and model by model."""
        found = []
        for model, own in self.tables["claim_numbers"].groupby("model", sort=False):
            rows = own.set_index("quantity")
            for task in summaries.TASKS:
                if task not in rows.index:
                    continue
                gap, trivial, beyond = (
                    rows.loc[f"{task}{w}"] for w in ("", ", trivial split", ", beyond it")
                )
                holds, more = (lies_above(one["low"], one["high"], ended=True) for one in (gap, beyond))
                found.append(Apart(task, str(model), gap["value"], trivial["value"], holds, more))
        return found

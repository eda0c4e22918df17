"""What is left of a vector's effect, as tables: for the page, and for the record of real models."""

from __future__ import annotations

import pandas as pd

from emotion_utils.baselines.arms import RANDOM
from emotion_utils.baselines.logit_bias import KIND as BIAS
from emotion_utils.baselines.remainder import NATS, TEXTS, apart
from emotion_utils.statistics.in_words import between


def cells(found: pd.DataFrame) -> pd.DataFrame:
    """One row per model and emotion with words as heads, from :func:`emotion_utils.baselines.remainder.of_models`."""
    wide = found.set_index(["model", "emotion", "outcome", "against"])

    def column(outcome: str, against: str, name: str) -> pd.Series:
        return wide.xs((outcome, against), level=("outcome", "against"))[name]

    gap = wide.xs((NATS, BIAS), level=("outcome", "against"))
    table = pd.DataFrame(
        {
            "vector (nats)": column(NATS, BIAS, "vector"), "random (nats)": column(NATS, RANDOM, "rival"),
            "q": column(NATS, RANDOM, "q"), "bias (nats)": gap["rival"],
            "left over the bias": [apart(row, "+.1f", "") for _, row in gap.iterrows()],
            "texts: vector": column(TEXTS, BIAS, "vector"), "random": column(TEXTS, RANDOM, "rival"),
            "bias": column(TEXTS, BIAS, "rival"),
        }
    )  # fmt: skip
    return table.reset_index()


def arm_cells(table: pd.DataFrame) -> pd.DataFrame:
    """One row per emotion and arm, intervals in brackets, and what the texts cost.

    Parameters
    ----------
    table
        From :func:`emotion_utils.baselines.remainder.by_arm`.
    """
    rows = []
    for (emotion, arm), part in table.groupby(["emotion", "arm"], sort=False):
        own = part.set_index("outcome")
        cells = [_with_ends(own.loc[outcome], spec) for outcome, spec in ((NATS, "+.1f"), (TEXTS, ".0%"))]
        rows.append((emotion, arm, *cells, own["cost"].iloc[0]))
    return pd.DataFrame(rows, columns=["emotion", "under", "log-odds (nats)", "texts that say it", "cost"])


def _with_ends(row: pd.Series, spec: str) -> str:
    return f"{row['value']:{spec}}{between(row['low'], row['high'], spec)}"


def main_findings(found: pd.DataFrame) -> pd.DataFrame:
    """What the vector adds to the bias in nats, as `record.findings` keeps it; the null is random vectors.

    Parameters
    ----------
    found
        From :func:`emotion_utils.baselines.remainder.remaining`, of one model.
    """
    nats = found[found["outcome"] == NATS]
    bias = nats[nats["against"] == BIAS]
    random = nats[nats["against"] == RANDOM].set_index("emotion")
    rows = [
        (
            f"{row.emotion}: log-odds under the vector minus a bias on first words (nats)",
            row.difference, row.low, row.high, float(random.loc[row.emotion, "rival"] - row.rival), row.n_units,
        )
        for row in bias.itertuples()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["finding", "value", "low", "high", "null", "n"])

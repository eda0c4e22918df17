"""The reports' three sanity checks as code, each run on true pairs and on wrong ones.

A check that wrong pairs pass as often says nothing of the models. The first is made before any map, where the pairing
of the rows plays no part: all wrong pairs pass it or none.
"""

from __future__ import annotations

import pandas as pd

from emotion_utils.core.errors import UserError
from emotion_utils.reports.replication import lies_below
from emotion_utils.reports.scaling import CHECKS, answers
from emotion_utils.scaling.layers import LayerScores
from emotion_utils.statistics.permutations import LEVEL, binomial_bounds

ASKED = {
    "before": "mean before a map is close to 0",
    "after": "mean after it is at least 0.1",
    "delta": "all layers rise, and some stand out",
}
"""What each check of :data:`emotion_utils.reports.scaling.CHECKS` asks."""


def sanity_checks(scores: LayerScores) -> pd.DataFrame:
    """Answer the three checks, and say how many wrong pairings answer as well or better.

    Parameters
    ----------
    scores
        From :func:`emotion_utils.scaling.layers.compare_layers`.

    Returns
    -------
    Columns ``check, asked, answer, wrong`` (share of wrong pairings whose answer is as good), ``low, high`` (its exact
    95 % bounds), ``n`` (wrong pairings) and ``tells``: whether so good an answer sets true pairs apart, since fewer
    than 5 % of wrong ones have it. None where the bounds leave that open; False for a "no".
    """
    wrong = scores.after[1:]
    if not len(wrong):
        raise UserError("A check says nothing without wrong pairs: ask for at least one other pairing.")
    rows = []
    for check in CHECKS:
        answer, as_good = answers(check, scores)
        low, high = binomial_bounds(as_good, len(wrong))
        # a "no" sets nothing apart
        tells = False if answer == "no" else lies_below(low, high, LEVEL)
        rows.append((check, ASKED[check], answer, as_good / len(wrong), low, high, len(wrong), tells))
    columns = ["check", "asked", "answer", "wrong", "low", "high", "n", "tells"]
    return pd.DataFrame(rows, columns=columns).astype({"tells": object})


def summarise_checks(table: pd.DataFrame) -> str:
    """The three answers as one sentence each, for a page.

    Parameters
    ----------
    table
        From :func:`sanity_checks`.
    """
    said = {
        True: "wrong pairs seldom do as well",
        False: "**wrong pairs do as well**, so that it says nothing of the models",
        None: "whether wrong pairs do as well too often cannot be told",
    }
    return "\n".join(
        f"- {row.asked}: **{row.answer}**; {row.wrong:.0%} of {row.n} wrong pairings ({row.low:.0%} to {row.high:.0%}) "
        f"answer so or better: {'there is nothing to explain' if row.answer == 'no' else said[row.tells]}."
        for row in table.itertuples(index=False)
    )

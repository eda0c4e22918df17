"""The reports' three checks of a comparison with a wider model, and how often wrong pairs pass them.

A check that wrong pairs pass as often says nothing of the models. The first is made before any map, where the pairing
of the rows plays no part: all wrong pairs pass it or none.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.core.errors import UserError
from emotion_utils.reports.replication import lies_below
from emotion_utils.statistics.permutations import LEVEL, binomial_bounds
from emotion_utils.wider.layers import LayerScores

CHECKS = ("before", "after", "delta")
ASKED = {
    "before": "mean before a map is close to 0",
    "after": "mean after it is at least 0.1",
    "delta": "all layers rise, and some stand out",
}
"""What each check of :data:`CHECKS` asks."""
ANSWERS = ("no", "partly", "yes")
"""Of a check, from the worst."""
ENOUGH, RISEN, STANDS_OUT = 0.1, 10.0, 0.01
"""The reports' bound of a check passed; times before, from which on a check is passed in part; a layer's gain."""


def passed(check: str, before: float, after: Float[np.ndarray, " layer"]) -> str:
    """What the reports' own check says of a profile.

    Parameters
    ----------
    check
        One of :data:`CHECKS`: that the mean before a map is near 0, that the mean after it is at least 0.1, that all
        layers rise and some stand out.
    before
        Mean over the layers.
    after
        Of each layer.

    Returns
    -------
    One of :data:`ANSWERS`.
    """
    if check == "before":
        return "yes" if before < STANDS_OUT else "no"
    if check == "after":
        mean = float(after.mean())
        return "yes" if mean >= ENOUGH else "partly" if mean > RISEN * before else "no"
    rises = after - before
    return "yes" if rises.min() > 0 and rises.max() > STANDS_OUT else "no"


def answers(check: str, profile: LayerScores) -> tuple[str, int]:
    """The answer of a check on true pairs, and how many wrong pairings get one that is as good."""
    before = float(profile.before.mean())
    ours, *wrong = (ANSWERS.index(passed(check, before, after)) for after in profile.after)
    return ANSWERS[ours], sum(answer >= ours for answer in wrong)


def sanity_checks(scores: LayerScores) -> pd.DataFrame:
    """Answer the three checks, and say how many wrong pairings answer as well or better.

    Parameters
    ----------
    scores
        From :func:`emotion_utils.wider.layers.compare_layers`.

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
    lines = []
    for row in table.itertuples(index=False):
        share = (
            f"{row.wrong:.0%} of {row.n} wrong pairings ({row.low:.0%} to {row.high:.0%}) answer so or better"
        )
        about = f"{share}: {'there is nothing to explain' if row.answer == 'no' else said[row.tells]}"
        if row.check == "before":
            about = "it is made before any map, where the pairing of sentences does not enter"
        lines.append(f"- {row.asked}: **{row.answer}**; {about}.")
    return "\n".join(lines)

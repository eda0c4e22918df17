"""Records on planted tables of attention, at both ends."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.heads import findings
from emotion_utils.heads.carried import Carried


@pytest.mark.parametrize(
    ("found", "untrained", "p", "shares"),
    [((4, 4), (4.0, 4.0), (0.01, 0.049), (1.0, 1.0, 1.0)), ((0, 0), (0.0, 0.0), (0.05, 1.0), (0.0, 0.0, 0.0)),
     ((1, 0), (0.0, 2.0), (0.5, 0.01), (0.125, 0.25, 0.5))],
)  # fmt: skip
def test_scores_stand_out_as_shares_of_heads_and_emotions(found, untrained, p, shares):
    control = pd.DataFrame({"found": found, "untrained_found": untrained, "heads": [4, 4]})
    of_blind = pd.DataFrame({"p": p, "delta": [-0.5, 0.25]})
    delta = pd.DataFrame({"delta": [0.75, 0.1]})
    record = findings.standing_out(control, delta, of_blind)
    assert (record.trained, record.untrained, record.blind) == shares
    assert (record.largest, record.largest_blind) == (0.75, 0.25)


def test_scores_without_a_p_do_not_stand_out():
    control = pd.DataFrame({"found": [0], "untrained_found": [0.0], "heads": [4]})
    nan = pd.DataFrame({"p": [float("nan")] * 2, "delta": [0.1, 0.2]})
    assert findings.standing_out(control, nan, nan).blind == 0.0


def test_main_numbers_hold_the_correlation_with_its_interval_and_the_share_of_large_effects():
    out = findings.StandingOut(0.1, 0.05, 0.2, 0.5, 0.4)
    together = pd.Series({"spearman": 0.25, "low": -0.1, "high": 0.5})
    table = findings.main_numbers(out, together, Carried(96, 24, 4, 36, 49, 17, 83, 3, 96)).set_index(
        "finding"
    )
    row = table.loc["sizes of delta attention and of exact effects (Spearman, mean)"]
    assert row.tolist() == [0.25, -0.1, 0.5, 0.0, 96.0]
    assert table.loc["effects of heads of a tenth of the difference or more, share", "value"] == 0.25
    assert table.iloc[0]["null"] == 0.05

"""Claims about one head on planted tables: "no change" and "the same" need intervals that show it."""

from __future__ import annotations

import pandas as pd
import pytest
from scipy.stats import binomtest

from emotion_utils.reports.claims import judge, read_claims
from emotion_utils.reports.heads import AsPublished, patching_measurements, screening_measurements

MARGIN = float(read_claims().set_index("id").loc["P6.ablate.sent.none", "margin"])


def moved(difference, low, high, n=16, groups=12):
    """As `circuits.texts.paired` gives it; keywords stay as they are."""
    rows = [("keywords", 8.0, 8.0, 0.0, 0.0, 0.0, n, groups)]
    rows += [("vader", 0.1 + difference, 0.1, difference, low, high, n, groups)]
    names = ["score", "one", "other", "difference", "low", "high", "n", "n_groups"]
    return pd.DataFrame(rows, columns=names)


def delta(n_layers=2):
    """Four heads a layer, for three emotions."""
    rows = [
        (emotion, layer, head, f"L{layer}H{head}", 0.1 * layer + 0.01 * head, 0.0, 0.5, 0.02, 40, 12)
        for emotion in ("gratitude", "anger", "apology")
        for layer in range(n_layers)
        for head in range(4)
    ]
    names = ["emotion", "layer", "head", "name", "delta", "low", "high", "even", "n", "n_groups"]
    return pd.DataFrame(rows, columns=names)


def experiment(patched, gap, ablated=None):
    return AsPublished((1, 3), moved(0, -0.1, 0.1) if ablated is None else ablated, patched, patched, gap)


def of(rows):
    return judge(rows).astype(object).set_index("id")


def held_by(rows, claim):
    """What the rule of a claim says, as Python's own True, False or None."""
    return {row["id"]: row["holds"] for row in judge(rows).to_dict("records")}[claim]


@pytest.mark.parametrize(
    ("difference", "low", "high", "held"),
    [
        (-0.054, -0.16, 0.05, None),  # what was once called "holds"
        (0.001, -0.02, 0.02, True),
        (-0.2, -0.3, -0.1, False),
    ],
)
def test_taking_a_head_out_changes_nothing(difference, low, high, held):
    assert -MARGIN < -0.02 < 0.02 < MARGIN
    same = experiment(moved(0.1, 0.05, 0.15), moved(0, -0.1, 0.1), moved(difference, low, high))
    rows = screening_measurements("small-gpt2", delta(), same, same, 2)
    assert held_by(rows, "P6.ablate.sent.none") is held
    assert of(rows).loc["P6.ablate.sent.none", "verdict"] == "other model"


@pytest.mark.parametrize(
    ("own", "gap", "held"),
    [
        ((0.20, 0.10, 0.30), (0.01, -0.03, 0.05), True),
        ((0.20, 0.10, 0.30), (0.00, -0.20, 0.20), None),  # 0 is in it, and so is the whole effect
        ((0.20, 0.10, 0.30), (-0.18, -0.25, -0.11), False),
        ((0.20, -0.10, 0.50), (0.00, -0.01, 0.01), None),  # nothing to be the same as
    ],
)
def test_values_alone_do_about_the_same(own, gap, held):
    rows = patching_measurements("small-gpt2", *[experiment(moved(*own), moved(*gap))] * 2)
    assert held_by(rows, "P7.patch.vonly") is held


def counted(one, other, low, high, n=20):
    """Keywords in sums, and the interval of their difference per text."""
    table = moved(0.1, 0.05, 0.15, n=n)
    table.loc[0, ["one", "other", "difference", "low", "high"]] = one, other, (one - other) / n, low, high
    return table


@pytest.mark.parametrize(
    ("one", "other", "low", "high", "held"),
    [
        (8, 4, 0.05, 0.35, True),
        (30, 0, 1.0, 2.0, True),  # from none to many
        (0, 0, 0.0, 0.0, None),  # nothing happened
        (1, 1, 0.0, 0.0, None),  # nor here, and the bootstrap says nothing of its error
        (3, 0, -0.05, 0.40, None),
        (8, 4, -0.10, 0.50, None),  # twice as many, which may be luck
        (30, 20, 0.2, 1.5, None),  # more, and perhaps twice as many
        (22, 20, 0.02, 0.5, False),  # more, and surely not twice as many
        (21, 20, -0.2, 0.3, False),
        (2, 8, -0.5, -0.1, False),
    ],
)
def test_keywords_are_doubled_where_their_interval_says_so(one, other, low, high, held):
    table = counted(one, other, low, high)
    rows = patching_measurements("small-gpt2", *[experiment(table, moved(0, -0.1, 0.1))] * 2)
    assert held_by(rows, "P7.patch.kw") is held


@pytest.mark.parametrize(
    ("one", "other", "low", "high", "held"),
    [(4, 12, -0.6, -0.2, True), (12, 8, 0.1, 0.3, False), (12, 8, -0.1, 0.5, None), (8, 8, 0.0, 0.0, None)],
)
def test_fewer_keywords_need_an_interval_on_one_side(one, other, low, high, held):
    found = experiment(moved(0, -0.1, 0.1), moved(0, -0.1, 0.1), counted(one, other, low, high))
    rows = screening_measurements("small-gpt2", delta(), found, found, 2)
    assert held_by(rows, "P6.ablate.kw") is held


def test_where_nothing_happened_the_exact_bound_is_said_and_no_interval_given():
    still = experiment(
        moved(0.0, 0.0, 0.0, 20, 20), moved(0.0, 0.0, 0.0, 20, 20), moved(0.0, 0.0, 0.0, 20, 20)
    )
    rows = [*patching_measurements("small-gpt2", still, still)]
    rows += screening_measurements("small-gpt2", delta(), still, still, 2)
    found = of(rows)
    bound = f"{binomtest(0, 20).proportion_ci(method='exact').high:.0%}"
    for claim in (
        "P7.patch.sent",
        "P7.patch.vonly",
        "P7.patch.l0h0",
        "P6.ablate.sent",
        "P6.ablate.sent.none",
    ):
        assert pd.isna(found.loc[claim, "low"])
        assert pd.isna(found.loc[claim, "high"])
        assert f"no change in 20 units, so in at most {bound} of all" in found.loc[claim, "note"]
    assert held_by(rows, "P6.ablate.sent.none") is None
    assert found.loc["P6.scores", "verdict"] == "by design"

"""Texts of another world: continued everywhere, paired with untouched and random ones."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.prompts.loading import load_profile
from emotion_utils.steering import real_world
from emotion_utils.steering.trials import WHERE


@pytest.fixture(scope="module")
def texts(steered_model):
    posts = load_profile("real_world")
    posts = posts[posts["pair_id"].isin(posts["pair_id"].unique()[:3])].reset_index(drop=True)
    chosen = {"anger": pd.Series({"layer": 1, "alpha": 1.0, "made": "centred", "where": WHERE})}
    return posts, real_world.steered_texts(steered_model, posts, chosen, 3)


def test_every_neutral_text_is_continued_steered_untouched_and_under_each_control(texts):
    posts, table = texts
    assert set(table["context"]) == set(posts[posts["emotion"] == "neutral"]["text"])
    assert (table["where"] == "everywhere").all()
    counts = table.groupby(["kind", "alpha"]).size().to_dict()
    own = {("emotion vector", 0.0): 3, ("emotion vector", 1.0): 3}
    assert counts == own | {(kind, 1.0): 3 for kind in ("isotropic", "covariance-matched", "label-shuffled")}


def test_differences_are_to_the_untouched_text_and_to_the_mean_of_the_controls(texts):
    _, table = texts
    found = real_world.compared(table).set_index(["against", "score"])
    own = table[table["kind"] == "emotion vector"]
    steered, untouched = own[own["alpha"] == 1.0], own[own["alpha"] == 0.0]
    controls = table[table["kind"] != "emotion vector"]
    for against, other in (("untouched", untouched), ("random vectors", controls)):
        row = found.loc[(against, "keywords")]
        assert row["steered"] == pytest.approx(steered["keywords"].mean())
        assert row["reference"] == pytest.approx(other["keywords"].mean())
        assert row["difference"] == pytest.approx(row["steered"] - row["reference"])
        assert row["n"] == 3
    assert {score for _, score in found.index} == set(real_world.SCORES)


def test_both_references_stand_in_one_row():
    rows = [
        ("untouched", "anger", "vader", 0.5, 0.2, 0.3, 0.1, 0.5, 7),
        ("random vectors", "anger", "vader", 0.6, 0.7, -0.1, -0.2, 0.0, 9),
    ]
    columns = ["against", "emotion", "score", "steered", "reference", "difference", "low", "high", "n"]
    found = real_world.side_by_side(pd.DataFrame(rows, columns=columns))
    assert found.iloc[0].to_dict() == {
        "score": "vader",
        "emotion": "anger",
        "steered": 0.5,
        "minus untouched": "+0.30 (+0.10 to +0.50)",
        "minus random": "-0.10 (-0.20 to +0.00)",
        "n": "7, 9",
    }

"""Held-out scores: what was planted is found beyond the words, and what was not planted is not."""

from __future__ import annotations

import numpy as np
import planted
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from emotion_utils.activations.prompt_sets import PromptSetActivations
from emotion_utils.models.hooks import HookPoint
from emotion_utils.vectors.held_out import COLUMNS, Probes, held_out, word_log_odds
from emotion_utils.vectors.probing import METHODS, fit
from emotion_utils.vectors.projections import curves


@pytest.fixture(scope="module")
def found():
    return held_out(Probes(planted.set_activations(size="baseline"), "keyword"), ["other"])


def test_there_is_a_row_for_every_method_set_and_emotion(found):
    assert list(found.columns) == COLUMNS
    assert len(found) == len(METHODS) * 2 * (len(planted.EMOTIONS) + 1)
    assert (found.loc[found["set"] == "other", "note"] == "").all()


def test_the_planted_emotion_is_found_where_the_words_are_the_same(found):
    rows = found[(found["set"] == "other") & (found["method"] == "sentence end")]
    assert (rows["value"] > 0.95).all()
    assert (rows["words"] == 0.5).all()  # both sides of a pair have the same words
    assert (rows["gain_low"] > 0.3).all()
    assert set(rows["layer"].dropna()) <= {1, 2}  # nothing was planted at layer 0
    assert (rows["p"] <= 0.02).all()
    assert rows["null"].between(0.3, 0.7).all()


def test_where_nothing_was_planted_nothing_is_found():
    probes = Probes(planted.set_activations(other=0.0, size="baseline"), "keyword")
    rows = held_out(probes, ["other"], methods=["sentence end"])
    other = rows[(rows["set"] == "other") & (rows["emotion"] == "mean")].iloc[0]
    assert other["low"] < 0.5 < other["high"]
    assert other["p"] > 0.05


def test_the_null_is_calibrated_where_families_differ():
    """Nothing to find, families with a deviation of their own: p below 0.1 in about a tenth of the draws."""
    low = []
    for seed in range(40):
        table = planted.shared(families=40, each=2)
        found = planted.activations(table, 0.0, seed=seed, spread=0.5)
        activations = PromptSetActivations("null", "smoke", {"keyword": table}, {"keyword": found})
        rows = held_out(Probes(activations, "keyword", seed), [], methods=["sentence end"])
        low += (rows.loc[rows["emotion"] != "mean", "p"] <= 0.1).tolist()
    assert 0.02 <= np.mean(low) <= 0.2  # 120 tests, three of each draw on shared neutral prompts


def test_the_layer_is_chosen_on_select_and_not_where_it_is_scored():
    activations = planted.set_activations()
    found, table = activations.found["other"], activations.prompts["other"]
    split = table.set_index("id").loc[found.reads["id"], "split"].to_numpy()
    truth = planted.directions()
    emotional = found.reads["id"].str.contains("-anger-.*anger$").to_numpy()
    # in the select split layer 0 tells anger best; elsewhere it tells nothing
    built = Probes(activations, "keyword").vector("sentence end", "anger").at(0)
    found.values[HookPoint(0, "resid_post")][torch.from_numpy(emotional & (split == "select"))] += 50 * built
    found.values[HookPoint(1, "resid_post")][torch.from_numpy(emotional & (split == "select"))] -= (
        3 * truth[1, 1]
    )
    found.values[HookPoint(2, "resid_post")][torch.from_numpy(emotional & (split == "select"))] -= (
        3 * truth[1, 2]
    )
    row = held_out(Probes(activations, "keyword"), ["other"], methods=["sentence end"])
    row = row[(row["set"] == "other") & (row["emotion"] == "anger")].iloc[0]
    assert row["layer"] == 0
    assert row["value"] < 0.9


def test_sets_without_an_emotion_are_scored_on_the_others():
    activations = planted.set_activations()
    activations.prompts["other"] = (
        activations.prompts["other"].query("not pair_id.str.contains('anger')").reset_index(drop=True)
    )
    rows = held_out(Probes(activations, "keyword"), ["other"], methods=["sentence end"])
    assert rows[rows["set"] == "other"]["emotion"].tolist() == ["gratitude", "apology", "mean"]


def test_few_units_have_no_interval():
    rows = held_out(Probes(planted.set_activations(), "keyword"), [], methods=["sentence end"])
    single = rows[rows["emotion"] == "anger"].iloc[0]
    assert np.isnan(single["low"])
    assert "2 units are too few" in single["note"]


def test_a_row_can_be_repeated_by_hand():
    probes = Probes(planted.set_activations(), "keyword")
    row = held_out(probes, [], methods=["sentence end"]).set_index("emotion").loc["anger"]
    built, (chosen, scored) = (
        probes.built("sentence end", "anger"),
        probes.parts("keyword", "sentence end", "anger"),
    )
    vector = fit(built, "sentence end").values
    values = [
        roc_auc_score(chosen.positive, (chosen.values[:, i] @ vector[i]).numpy())
        for i in range(planted.LAYERS)
    ]
    assert values[int(row["layer"])] == max(values)
    ours = (scored.values[:, int(row["layer"])] @ vector[int(row["layer"])]).numpy()
    assert row["value"] == pytest.approx(roc_auc_score(scored.positive, ours))
    assert row["n"] == len(scored.positive) == 12
    assert row["n_units"] == 2
    middle = (built.values[:, int(row["layer"])] @ vector[int(row["layer"])]).numpy()
    threshold = (middle[built.positive].mean() + middle[~built.positive].mean()) / 2
    assert row["accuracy"] == pytest.approx(balanced_accuracy_score(scored.positive, ours > threshold))
    assert not set(built.prompts["id"]) & (set(chosen.prompts["id"]) | set(scored.prompts["id"]))


def test_the_mean_is_that_of_the_emotions(found):
    for _, rows in found.groupby(["method", "set"]):
        single = rows[rows["emotion"] != "mean"]
        mean = rows[rows["emotion"] == "mean"].iloc[0]
        assert mean["value"] == pytest.approx(single["value"].mean())
        assert mean["gain"] == pytest.approx((single["value"] - single["words"]).mean())


def test_too_few_prompts_are_not_scored():
    activations = planted.set_activations()
    table = activations.prompts["keyword"]
    activations.prompts["keyword"] = table[table["pair_id"].str.contains("-[034]-0$")].reset_index(drop=True)
    rows = held_out(Probes(activations, "keyword"), [], methods=["sentence end"])
    assert rows["value"].isna().all()
    assert (rows["note"] != "").all()


def test_curves_agree_with_the_table():
    probes = Probes(planted.set_activations(), "keyword")
    table, drawn = held_out(probes, ["other"]), curves(probes, ["other"])
    assert len(drawn) == len(METHODS) * 2 * 3 * planted.LAYERS
    for row in table[table["emotion"] != "mean"].itertuples():
        same = drawn[(drawn[["method", "set", "emotion"]] == [row.method, row.set, row.emotion]).all(axis=1)]
        assert same.set_index("layer").loc[row.layer, "value"] == pytest.approx(row.value)


def test_the_bag_of_words_learns_words():
    table = planted.prompts("keyword")
    odds = word_log_odds(table[table["split"] == "build"], table[table["split"] == "test"])
    labels = table.set_index("id").loc[odds.index, "emotion"]
    for emotion in planted.EMOTIONS:
        rows = labels.isin([emotion, "neutral"]) & odds.index.str.contains(f"-{emotion}-")
        assert roc_auc_score(labels[rows] == emotion, odds.loc[rows, emotion]) == 1
    assert np.isfinite(odds.to_numpy()).all()

"""Angles, places and tokens of vectors that stand for labels of anybody's, each against all others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import planted
import pytest
import torch
from own_texts import own_prompts, own_states

from emotion_utils.activations.prompt_sets import PromptSetActivations
from emotion_utils.core.errors import UserError
from emotion_utils.figures import vectors as figures
from emotion_utils.statistics.corrections import significant
from emotion_utils.vectors import findings
from emotion_utils.vectors.contrasts import Contrasts, by_place, contrasts
from emotion_utils.vectors.geometry import (
    COSINES,
    cosines,
    halves,
    lengths,
    of_pairs,
    pairs,
    residual_scale,
    strongest,
)
from emotion_utils.vectors.held_out import Probes
from emotion_utils.vectors.logit_lens import named_emotions, own_names
from emotion_utils.vectors.neurons import few
from emotion_utils.vectors.projections import projections, specificity

FOUR = {"value": 18, "n": 21, "set": 24, "怒り": 27}


def made(sizes, strength=0.0, seed=0) -> Contrasts:
    table = own_prompts(sizes)
    axes = {label: i for i, label in enumerate(sizes) if label != "neutral"}
    return contrasts(table, own_states(table, axes, strength, seed))


def test_a_vector_without_a_reference_is_a_mean_minus_that_of_all_other_rows():
    given = made(FOUR, 1.0)
    assert given.emotions == ("n", "set", "value", "怒り")
    assert not given.has_reference
    vectors, rows = given.vectors(given.observed())[0], given.values.double().numpy()
    for vector, emotion in zip(vectors, given.emotions, strict=True):
        own = given.labels == emotion
        assert np.allclose(vector, rows[own].mean(0) - rows[~own].mean(0), atol=1e-10)
    counts = np.random.default_rng(0).integers(1, 4, len(given.labels)).astype(float)
    first = given.weights(given.labels, counts)[0]
    assert first[given.labels == "n"].sum() == pytest.approx(1)
    assert first[given.labels != "n"].sum() == pytest.approx(-1)


def test_vectors_of_nothing_that_stand_against_each_other_push_apart():
    """Of K classes of one size the vectors add up to zero: their mean cosine is -1 / (K - 1), whatever the texts."""
    found = [cosines(made(dict.fromkeys("abcde", 30), seed=seed), 30, 2, seed) for seed in range(4)]
    table = pd.concat(found)
    assert table["no_emotion"].mean() == pytest.approx(-1 / 4, abs=0.02)
    assert table["value"].mean() == pytest.approx(-1 / 4, abs=0.05)
    assert "one_emotion" not in table
    assert "p_one" not in table
    assert list(table) == [name for name in COSINES if "one" not in name]
    with pytest.raises(UserError, match="to permute the others is to permute all"):
        made({"a": 9, "b": 9}).one_emotion(3, 0)


def test_two_labels_have_one_vector_and_one_label_has_no_angle():
    two = cosines(made({"joy": 20, "worry": 25}, 2.0), 9, 9)
    assert two["value"].tolist() == pytest.approx([-1.0] * 3)
    assert (two["p_no"] == 1).all()
    one = made({"joy": 20, "neutral": 25}, 2.0)
    assert list(cosines(one, 9, 9)) == COSINES
    assert not len(cosines(one, 9, 9))
    alone = halves(one, 10)
    assert (alone["value"] > 0.5).sum() == 2
    assert alone["other"].isna().all()
    assert len(lengths(one, residual_scale(one.values), 9, 9)) == 3


def test_labels_that_share_a_direction_are_found_beyond_the_null():
    table = own_prompts(dict.fromkeys("abcdefgh", 20))
    given = contrasts(table, own_states(table, {"a": 3, "b": 3}, 3.0))
    mean = cosines(given, 39, 19, mean=True)
    assert len(of_pairs(mean)) == len(pairs(given.emotions)) == 28
    top = strongest(mean, 3)
    assert top["pair"].iloc[0] == "a – b"
    assert top["p_no"].iloc[0] == 1 / 40
    assert len(strongest(mean, 28)) == 28
    (one,) = findings.mean_angles(mean, mean.head(0))
    assert (one.n, one.below, one.control_below) == (28, 0, 0)
    assert one.apart == significant(of_pairs(mean)["p_no"].to_numpy())
    assert one.p_no == mean["p_no"].iloc[-1]
    assert np.isnan(one.one_emotion)
    drawn = figures.cosines(of_pairs(mean), "Cosines")
    (heat,) = drawn.figure["data"]
    assert heat["type"] == "heatmap"
    assert heat["z"][0][1] == pytest.approx(mean["value"].iloc[0], abs=1e-4)
    assert heat["text"][0][1] == ("•" if one.apart else "")
    assert f"{one.apart} differ from that" in drawn.alt


def test_figures_draw_six_of_many_labels_and_say_which():
    given = made({f"label {i}": 12 for i in range(9)}, 2.0)
    long, half = lengths(given, residual_scale(given.values), 9, 9), halves(given, 8)
    for shown, table, column in (
        (figures.lengths(long, "L"), long, "relative"),
        (figures.reliability(half, "H"), half, "value"),
    ):
        order = table.groupby("emotion")[column].mean().sort_values().index
        names = {trace["name"].split(",")[0] for trace in shown.figure["data"]} - {"permuted labels"}
        assert names == {*order[:3], *order[-3:]}
        assert "of 9 labels" in shown.markup
        assert all(name in shown.markup for name in order)  # the data of all lie below
    few_labels = made(FOUR, 2.0)
    table = lengths(few_labels, residual_scale(few_labels.values), 9, 9)
    colours = [trace["line"]["color"] for trace in figures.lengths(table, "L").figure["data"]]
    assert len(set(colours)) == len(colours)


def test_places_of_any_labels_are_in_columns_of_safe_names():
    table = own_prompts({label: 2 * n for label, n in FOUR.items()})
    found = own_states(table, {"value": 0, "n": 1}, 4.0)
    probes = Probes(PromptSetActivations("made", "smoke", {"own": table}, {"own": found}), "own")
    placed = projections(probes, ["own"])
    assert set(placed["made"]) == {"minus the others"}
    for vector, part in placed.groupby("vector"):
        assert part.loc[part["emotion"] != vector, "value"].mean() == pytest.approx(0, abs=1e-5)
    rows = specificity(placed).set_index("vector")
    assert list(rows) == [
        "set",
        "made",
        "own",
        "nearest",
        "next",
        "against",
        "value",
        "low",
        "high",
        "holds",
        "n",
        "n_units",
    ]
    assert (rows["against"] == "other emotions").all()
    means = placed[placed["vector"] == "n"].groupby("emotion")["value"].mean()
    assert rows.loc["n", "own"] == means["n"] == means.max()
    assert rows.loc["n", "next"] == means.drop("n").max()
    assert rows.loc["n", "nearest"] == means.drop("n").idxmax()
    (held,) = findings.names_held(rows.reset_index(), "own")
    assert {"n", "value"} <= set(held.held)
    assert "place (0 others, 1 own label)" in str(
        figures.projections(placed, "own", "minus the others").figure
    )


def test_the_tables_of_the_books_emotions_keep_their_columns():
    rows = specificity(projections(Probes(planted.set_activations(), "keyword"), ["other"]))
    assert list(rows)[:7] == ["set", "made", "vector", "gratitude", "anger", "apology", "neutral"]
    assert set(
        by_place(planted.prompts("keyword"), planted.activations(planted.prompts("keyword"), 1.0))
    ) == {"end", "word"}
    with pytest.raises(UserError, match="No emotion word is marked"):
        contrasts(own_prompts(FOUR), own_states(own_prompts(FOUR)), "word")


def test_many_places_are_a_matrix():
    table = own_prompts({f"label {i}": 15 for i in range(8)})
    found = own_states(table, {f"label {i}": i for i in range(8)}, 4.0)
    probes = Probes(PromptSetActivations("made", "smoke", {"own": table}, {"own": found}), "own")
    placed = projections(probes, ["own"])
    drawn = figures.projections(placed, "own", "minus the others")
    means = placed.groupby(["vector", "emotion"])["value"].mean().unstack()
    first = (means.idxmax(axis=1) == means.index).sum()
    assert f"along {first} of 8 vectors" in drawn.alt
    assert np.array(drawn.figure["data"][0]["z"]) == pytest.approx(means.to_numpy(), abs=1e-4)


def test_vectors_made_of_their_names_name_their_labels_and_others_do_not(untrained):
    names = {"joy": 15, "worry": 15, "calm": 15, "pride": 15, "shame": 15}
    table = own_prompts(names)
    states, head = own_states(table), untrained.network.get_output_embeddings().weight.detach().float()
    width = untrained.d_model
    values = torch.zeros(len(table), 1, width)
    values[..., :16] = 0.01 * torch.stack([*states.values.values()], dim=1)[:, :1]
    for label in names:
        token = untrained.tokenizer(f" {label}", add_special_tokens=False)["input_ids"][0]
        values[torch.tensor((table["emotion"] == label).to_numpy())] += 20 * head[token]
    labels, units = table["emotion"].to_numpy(dtype=object), np.arange(len(table))
    given = Contrasts("end", (0,), values, labels, units, units)
    layers = dict.fromkeys(given.emotions, 0)
    found = own_names(untrained, given, given, layers, 99)
    assert found.value == 1
    assert found.above
    turned = dict(zip(names, [*list(names)[1:], "joy"], strict=True))
    other = Contrasts("end", (0,), values, np.array([turned[e] for e in labels], dtype=object), units, units)
    lost = own_names(untrained, other, other, dict.fromkeys(other.emotions, 0), 99)
    assert lost.value < 1
    assert not lost.above
    told = named_emotions(untrained, given, given, layers, keywords=False)
    assert list(told) == ["emotion", "layer", "promotes"]


def test_neurons_are_read_of_the_labels_that_are_told_apart_best():
    about = {"set": "own", "method": "sentence end"}
    values = {"a": 0.6, "b": 0.9, "c": 0.5, "d": 0.8, "e": 0.7, "mean": 0.7}
    scores = pd.DataFrame([{**about, "emotion": name, "value": value} for name, value in values.items()])
    assert few(scores, "own") == ["b", "d", "e"]
    assert few(scores[scores["emotion"].isin(["a", "b", "c", "mean"])], "own") == ["a", "b", "c"]


def test_an_unknown_label_of_contrasts_is_named():
    given = made(FOUR)
    with pytest.raises(UserError, match='No row has the label "values": did you mean "value"'):
        Contrasts("end", given.layers, given.values, given.labels, given.units, given.blocks, ("values",))

"""What is planted is there, where it was said to be and as large; and chapter 03 finds it, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted import EMOTIONS, unit
from scipy.stats import binomtest

from emotion_utils.activations.extraction import Activations
from emotion_utils.calibration import ledger
from emotion_utils.core.errors import UserError
from emotion_utils.models.hooks import HookPoint
from emotion_utils.planted.directions import (
    KINDS,
    SCORES,
    Planting,
    expected_cosine,
    false_positives,
    measured,
    p_values,
    plant,
    power,
    recovered,
    recovery,
    trials,
)
from emotion_utils.planted.generators import families
from emotion_utils.subspaces.readings import PairedStates
from emotion_utils.vectors.contrasts import contrasts
from emotion_utils.vectors.probing import contrast

PLAIN = Planting(width=24, exponent=0.0, mean=0.0)


def by_label(made, label):
    return made.states.values.double().numpy()[made.states.labels == label]


def test_a_shift_has_the_stated_length_and_direction():
    made = plant(replace(PLAIN, pairs=2000, noise=0.1), 0)
    assert np.linalg.norm(made.directions, axis=2) == pytest.approx(np.ones((3, 2)))
    for truth, emotion in zip(made.directions, EMOTIONS, strict=True):
        moved = (by_label(made, emotion) - by_label(made, "neutral")).mean(axis=0)
        assert np.linalg.norm(moved, axis=1) == pytest.approx([3, 3], rel=0.02)
        assert (unit(moved) * truth).sum(axis=1) == pytest.approx([1, 1], abs=1e-3)


@pytest.mark.parametrize("alike", [True, False])
def test_pairs_differ_by_the_stated_noise_whoever_brings_it(alike):
    made = plant(replace(PLAIN, pairs=3000, noise=0.8, strength=0.0, alike=alike), 1)
    one, other = by_label(made, "anger"), by_label(made, "neutral")
    assert (one - other).std() == pytest.approx(0.8, rel=0.02)
    assert one.std() == pytest.approx(np.sqrt(1 + (0.32 if alike else 0.64)), rel=0.02)
    assert other.std() == pytest.approx(np.sqrt(1.32) if alike else 1, rel=0.02)


def test_families_share_the_stated_part_of_the_noise():
    made = plant(replace(PLAIN, pairs=6000, noise=1.0, strength=0.0), 2)
    moved = by_label(made, "anger") - by_label(made, "neutral")
    first = np.flatnonzero(np.diff(families(6000), prepend=-1))[:-1]
    assert (moved[first] * moved[first + 1]).mean() == pytest.approx(0.5, abs=0.03)


def test_the_contrasts_are_those_that_chapter_03_makes_of_the_same_prompts():
    made = plant(Planting(width=8), 0)
    rows = [(label, i, family) for label in (*EMOTIONS, "neutral") for i, family in enumerate(families(70))]
    table = pd.DataFrame(rows, columns=["emotion", "i", "family"])
    table["id"] = table["emotion"] + "-" + table["i"].astype(str)
    table = table.assign(
        pair_id="p" + table["i"].astype(str), group=table["emotion"] + table["family"].astype(str)
    )
    table["split"] = made.contrasts["anger"].prompts["split"].iloc[70:].tolist() * 4
    read = {HookPoint(layer, "resid_post"): made.states.values[:, layer] for layer in (0, 1)}
    reads = pd.DataFrame({"id": table["id"], "position": "end", "row": table.index, "first": 1, "last": 1})
    found = Activations(read, reads.assign(sink=False))
    for emotion, own in made.contrasts.items():
        other = contrast(table, found, emotion)
        assert np.array_equal(own.values, other.values)
        assert own.positive.tolist() == other.positive.tolist()
        assert own.prompts["unit"].tolist() == other.prompts["unit"].tolist()
        assert own.prompts["id"].tolist() == other.prompts["id"].tolist()
    whole = contrasts(table, found)
    assert np.array_equal(whole.units, made.states.units)
    assert np.array_equal(pd.factorize(whole.blocks)[0], made.states.blocks)


def test_the_expected_cosine_is_the_mean_of_many_draws():
    planting = replace(PLAIN, width=64, pairs=70, noise=1.0)
    found = pd.concat([recovered(plant(planting, seed)) for seed in range(20)])
    own = found[found["method"] == "difference of means"]["cosine"]
    assert own.mean() == pytest.approx(expected_cosine(planting), abs=0.005)
    # families of one: the textbook's signal and noise
    assert expected_cosine(replace(planting, family=0.0)) == pytest.approx(1 / np.sqrt(1 + 64 / 70 / 9))


def test_means_recover_a_clear_direction_and_a_regression_only_nearly():
    found = (
        recovered(plant(replace(PLAIN, pairs=225, noise=0.1), 0))
        .groupby("method")[["cosine", "planted"]]
        .min()
    )
    assert (found.loc[["difference of means", "centred class means"], "cosine"] > 0.99).all()
    assert found.loc["logistic", "cosine"] > 0.9
    assert found.loc["difference of means"].nunique() == 1
    # three orthogonal shifts and a class without one: 0.75 / sqrt(0.75² + 2 x 0.25²)
    mean = (
        recovered(plant(replace(PLAIN, width=400, pairs=225, noise=0.0), 1))
        .groupby("method")["planted"]
        .mean()
    )
    assert mean["centred class means"] == pytest.approx(0.905, abs=0.01)


def test_recovery_grows_with_pairs_and_falls_with_noise():
    table = (
        recovery(replace(PLAIN), (24, 225), (0.3, 2.0), range(3))
        .set_index(["method", "pairs", "noise"])
        .sort_index()
    )
    means = table["cosine"].loc["difference of means"]
    assert means[225, 0.3] > means[24, 0.3] > means[24, 2.0]
    assert means[225, 0.3] > 0.99
    assert (table["low"] <= table["cosine"]).all()


def test_nothing_is_found_where_nothing_is_and_much_where_much_is():
    nothing = trials(replace(PLAIN, strength=0.0), range(40), 39)
    # 40 trials at a rate of 0.2: more than 17 has a probability of 0.1 %
    assert ((nothing[["AUROC", "no emotion"]] <= 0.2).sum() <= 17).all()
    rates = false_positives(nothing, "alike")
    assert rates["score"].tolist() == list(SCORES)
    assert (rates["n"] == 40).all()
    assert false_positives(nothing, "one direction")["score"].tolist() == ["one emotion"]
    found = power(PLAIN, (10.0,), (225,), range(5), 39).set_index("score")
    assert (found.loc[["AUROC", "one emotion"], "rate"] == 1).all()


def test_one_direction_for_all_is_not_three():
    made = plant(replace(PLAIN, strength=10.0, noise=0.3, **KINDS["one direction"][0]), 0)
    assert np.array_equal(made.directions[0], made.directions[2])
    assert p_values(made, 39)["one emotion"] > 0.5
    assert p_values(made, 39)["AUROC"] <= 0.05


def test_strength_and_noise_of_a_model_are_measured_in_the_units_of_the_planting():
    made = plant(replace(PLAIN, pairs=2000, noise=0.5, strength=4.0), 3)
    neutral, moved = (by_label(made, label).transpose(1, 0, 2) for label in ("neutral", "anger"))
    side = PairedStates("x", (0, 1), neutral, families(2000), {"anger": moved}, {"anger": neutral})
    table = measured(side)
    unit_length = np.sqrt(1 + 0.5**2 / 2)
    assert table["strength"].to_numpy() * unit_length == pytest.approx([4, 4], rel=0.03)
    assert table["noise"].to_numpy() * unit_length == pytest.approx([0.5, 0.5], rel=0.03)


def test_one_seed_gives_one_draw_and_too_few_pairs_are_refused():
    a, b, c = (plant(PLAIN, seed).states.values for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    with pytest.raises(UserError, match="20 pairs"):
        Planting(pairs=5)


def test_the_committed_section_finds_the_direction_and_keeps_its_promise():
    section = ledger.read("planted")
    means = section.tables["recovery"].set_index(["method", "pairs", "noise"])["cosine"]
    assert min(means["difference of means", 225, noise] for noise in (0.1, 0.3)) > 0.99
    false = section.tables["false"].set_index(["null", "score"])
    assert (false["n"] >= 1000).all()
    for at in (("alike", "AUROC"), ("alike", "no emotion")):
        # two rates: Bonferroni for an exact test of five per cent each
        assert binomtest(int(false.loc[at, "hits"]), int(false.loc[at, "n"]), 0.05).pvalue > 0.025
    assert false.loc[("one direction", "one emotion"), "high"] < 0.05
    power = section.tables["power"].set_index(["score", "rows", "strength"])["rate"]
    assert power["AUROC", 225, 3.0] >= 0.9

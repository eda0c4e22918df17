"""Curves by parameters, maps by depth, ceilings, and intervals over stories that hold the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scaling_sets import EMOTIONS, geometry, rotated, unrelated

from emotion_utils.core.errors import UserError
from emotion_utils.scaling.curves import (
    across_halves,
    over_stories,
    scaling_curve,
    split_halves,
    story_interval,
    trend,
)
from emotion_utils.scaling.geometry import depth_map, similarity, verdict
from emotion_utils.scaling.stories import StoryStates


def states(seed, n=24, noise=3.0, topics=(), shared=0.0, name="small-gpt2"):
    """Stories around a planted geometry, each with noise of its own; topics may move all their stories."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(40, 40)))[0][:6]
    noises = noise * rng.normal(size=(1, len(EMOTIONS), n, 40))
    if topics:
        codes = pd.factorize(np.array(topics, dtype=object))[0]
        noises = noises + shared * rng.normal(size=(1, len(EMOTIONS), max(codes) + 1, 40))[:, :, codes]
    values = (geometry() @ turn)[None, :, None] + noises
    return StoryStates(name, EMOTIONS, (0,), values.astype(np.float32), topics=tuple(topics))


def test_a_curve_has_every_model_in_both_recipes_by_size():
    small = replace(rotated(1, noise=1.5), parameters=1e6)
    middle = replace(rotated(2, noise=0.3), parameters=1e8)
    large = replace(rotated(3), parameters=1e10)
    nothing = replace(unrelated(4), parameters=1e7)
    curve = scaling_curve([large, middle, nothing, small], large, n_permutations=99)
    raw = curve[curve["recipe"] == "raw"]
    assert raw["one"].tolist() == ["model 1", "unrelated 4", "model 2"]
    assert raw["other"].unique().tolist() == ["model 3"]
    assert len(curve) == 6
    assert raw["shared"].tolist()[1] != "yes"
    assert raw["shared"].tolist()[2] == "yes"
    assert (raw["unit"] == "").all()
    assert (raw["beyond_words"] == "cannot be told").all()  # there are no words
    assert raw["low_stories"].isna().all()


def test_a_verdict_has_three_outcomes():
    assert [verdict(*ends, 0.3) for ends in ((0.4, 0.6), (0.1, 0.2), (0.2, 0.5), (np.nan, np.nan))] == [
        "yes", "no", "cannot be told", "cannot be told",
    ]  # fmt: skip


def test_a_trend_over_few_models_says_what_it_could_reach_at_best():
    curve = pd.DataFrame({"recipe": "raw", "parameters": [1e6, 1e7, 1e8, 1e9], "value": [0.1, 0.2, 0.3, 0.4]})
    assert trend(curve) == pytest.approx({"rho": 1.0, "p": 1 / 24, "least_p": 1 / 24, "n": 4})
    falling = trend(curve.assign(value=curve["value"].to_numpy()[::-1]))
    assert (falling["rho"], falling["p"]) == (pytest.approx(-1.0), 1.0)
    many = pd.DataFrame({"recipe": "raw", "parameters": np.arange(1.0, 11), "value": np.arange(10.0)})
    assert trend(many, n_permutations=999)["p"] == pytest.approx(0.001)
    assert np.isnan(trend(curve[:2])["p"])
    with pytest.raises(UserError, match="choose the rows of one"):
        trend(pd.concat([curve, curve.assign(recipe="other")]))


def test_a_map_of_layers_finds_the_layer_that_shares_its_geometry():
    points = [np.random.default_rng(i).normal(size=(20, 6)) for i in range(3)]
    one = [rotated(i, layers=1, points=own).values[0] for i, own in enumerate(points)]
    other = [rotated(i + 9, width=50, layers=1, points=points[i]).values[0] for i in (2, 0)]
    both = [replace(rotated(1), name=name, layers=layers, values=np.stack(values), blocks=blocks)
            for name, layers, values, blocks in (("A", (0, 1, 2), one, 3), ("B", (4, 9), other, 10))]  # fmt: skip
    table = depth_map(*both)
    assert len(table) == 6
    alike = table[table["value"] > 0.999]
    assert sorted(zip(alike["layer_one"], alike["layer_other"], strict=True)) == [(0, 9), (2, 4)]
    assert alike["depth_other"].tolist() == [1.0, 0.5]
    assert table["depth_one"].unique() == pytest.approx([1 / 3, 2 / 3, 1.0])


def test_halves_are_as_alike_as_their_noise_lets_them_be():
    """With more stories they come nearer to 1; without a geometry they are as unlike as two models."""
    few, many = (split_halves(states(1, n=n, noise=1.0), n_halves=20) for n in (8, 200))
    assert few["value"].item() < many["value"].item() < 1
    assert many["value"].item() > 0.9
    assert (few["n"].item(), few["n_halves"].item()) == (4, 20)
    assert few["low"].item() < few["value"].item() < few["high"].item()
    own = states(2)
    nothing = replace(own, values=np.random.default_rng(0).normal(size=own.values.shape).astype(np.float32))
    assert abs(split_halves(nothing, n_halves=20)["value"].item()) < 0.25
    with pytest.raises(UserError, match="read one story of each emotion"):
        split_halves(replace(own, values=own.values[:, :, :1]))


def test_models_that_share_the_accidents_of_stories_are_more_alike_on_the_same_half():
    """What both take from a story itself is no geometry of emotions: on other stories it is gone."""
    one, other = states(1, noise=1.0), states(2, noise=1.0)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(40, 40)))[0].astype(np.float32)
    copy = replace(one, values=one.values @ turn, model="small-llama3")
    shared = across_halves(one, copy, (0, 0), n_halves=20)
    assert shared["same"] == pytest.approx(1.0, abs=1e-6)
    assert shared["value"] == pytest.approx(shared["within_one"], abs=1e-6)  # the ceiling
    assert shared["value"] < 0.97
    apart = across_halves(one, other, (0, 0), n_halves=20)
    assert apart["same"] == pytest.approx(apart["value"], abs=0.05)
    assert (apart["one"], apart["other"], apart["n"]) == ("small-gpt2", "small-gpt2", 12)
    with pytest.raises(UserError, match="let both read the same stories"):
        across_halves(one, states(2, n=12), (0, 0))


def test_stories_are_resampled_in_step_within_emotions_and_whole_topics_where_there_are_many():
    one, other = states(1), states(2)
    low, high, unit = over_stories(one, other, (0, 0), n_resamples=200)
    means = [own.values[0].mean(axis=1, dtype=float) for own in (one, other)]
    assert unit == "stories within emotions"
    assert low < similarity(*means) < high
    topics = [f"topic {i // 3}" for i in range(24)]
    moved = [states(seed, topics=topics, shared=4.0) for seed in (1, 2)]
    clustered = over_stories(*moved, (0, 0), n_resamples=200)
    alone = over_stories(*(replace(own, topics=()) for own in moved), (0, 0), n_resamples=200)
    assert clustered[2] == "topics"
    assert clustered[1] - clustered[0] > alone[1] - alone[0]
    five = over_stories(
        *(replace(own, topics=tuple("abcde" * 5)[:24]) for own in moved), (0, 0), n_resamples=9
    )
    assert five[2] == "stories within emotions"  # five topics are too few


def test_an_interval_over_stories_narrows_with_their_number_and_takes_a_published_set_as_it_is():
    fixed = rotated(9).values[0]
    few, many = (over_stories(states(1, n=n), fixed, (0, 0), n_resamples=100) for n in (12, 300))
    assert few[1] - few[0] > 2 * (many[1] - many[0])
    with pytest.raises(UserError, match="Neither set has its stories one by one"):
        over_stories(fixed, fixed, (0, 0))
    with pytest.raises(UserError, match="read 12 stories of each emotion and the other model 24"):
        over_stories(states(1), states(2, n=12), (0, 0), n_resamples=3)


def test_a_set_is_resampled_where_its_states_are_known_by_its_name():
    own, other = states(1), rotated(9)
    means = own.means()
    found = story_interval(means, other, {means.name: own}, (0, 1), n_resamples=50)
    assert found["unit"] == "stories within emotions"
    direct = over_stories(own, other.values[1], (0, 0), n_resamples=50)
    assert (found["low_stories"], found["high_stories"]) == direct[:2]
    assert np.isnan(story_interval(rotated(8), other, {means.name: own}, (0, 0))["low_stories"])
    part = replace(other, emotions=EMOTIONS[:9], values=other.values[:, :9])
    with pytest.raises(UserError, match="have other emotions"):
        story_interval(means, part, {means.name: own}, (0, 0))

"""Angles and lengths: planted vectors, the analytic chance of one half, and what halves of pure noise share."""

from __future__ import annotations

import numpy as np
import planted
import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.vectors.contrasts import contrasts
from emotion_utils.vectors.geometry import (
    ALL_PAIRS,
    _least_found,
    cosines,
    halves,
    lengths,
    mean_cosine_draws,
    of_all_pairs,
    of_pairs,
    residual_scale,
)


def made(strength: float, place: str = "end", noise: float = 0.1, families: int = 10):
    table = planted.prompts("keyword", families=families)
    return contrasts(table, planted.activations(table, strength, noise), place)


@pytest.mark.parametrize("place", ["end", "word"])
def test_vectors_are_differences_of_means(place):
    given = made(1.0, place)
    vectors = given.vectors(given.observed())[0]
    for i, emotion in enumerate(planted.EMOTIONS):
        rows = given.values[given.labels == emotion].double().numpy().mean(0)
        neutral = given.values[given.labels == "neutral"].double().numpy().mean(0) if place == "end" else 0
        assert np.allclose(vectors[i], rows - neutral, atol=1e-10)
        assert (vectors[i, 1:] * planted.directions()[i, 1:].numpy()).sum(-1) == pytest.approx(
            [1, 1], abs=0.1
        )


def test_cosines_are_those_of_the_planted_directions():
    table, truth = cosines(made(2.0, families=20), 19, 50), planted.directions().numpy()
    at = {emotion: i for i, emotion in enumerate(planted.EMOTIONS)}
    for row in table[table["layer"] > 0].itertuples():
        a, b = (truth[at[name], row.layer] for name in row.pair.split(" – "))
        assert row.value == pytest.approx(a @ b, abs=0.05)
        assert row.low <= row.value <= row.high


def test_vectors_of_nothing_that_share_a_neutral_mean_have_a_cosine():
    """Cov(a - c, b - c) = Var(c), Var(a - c) = Var(a) + Var(c): 1/2 for equal sizes, 1/4 with thrice the neutrals."""
    table, found = planted.prompts("keyword", families=30), []
    for seed in range(8):
        given = contrasts(table, planted.activations(table, 0.0, seed=seed), "end")
        rows = cosines(given, 40, 2, seed)
        found.append((rows["value"].mean(), rows["no_emotion"].mean()))
    assert np.mean(found, axis=0) == pytest.approx([0.25, 0.25], abs=0.05)


def test_differences_without_emotion_have_none():
    table = cosines(made(0.0, "word", families=30), 60, 2)
    assert abs(table["no_emotion"].mean()) < 0.05


def test_one_emotion_for_all_is_recognised():
    """The same direction for all three: the cosine is high, and not below that of permuted labels."""
    table = planted.prompts("keyword", families=12)
    found = planted.activations(table, 0.0, noise=0.2)
    emotional = found.reads["id"].isin(table.loc[table["emotion"] != "neutral", "id"]) & (
        found.reads["position"] == "end"
    )
    for values in found.values.values():
        values[torch.tensor(emotional.to_numpy())] += 0.5
    rows = cosines(contrasts(table, found, "end"), 99, 20)
    assert (rows["value"] > 0.9).all()
    assert (rows["p_one"] > 0.01).all()


def test_distinct_emotions_lie_below_one_emotion():
    rows = cosines(made(1.0), 99, 20)
    assert (rows.loc[rows["layer"] > 0, "p_one"] <= 0.02).all()
    # where nothing is planted the interval still covers the permuted labels
    assert (rows.loc[rows["layer"] == 0, "p_one"] > 0.02).any()


def test_lengths_are_relative_to_the_residual_norm():
    given = made(1.0)
    scale = residual_scale(given.values)
    assert scale == pytest.approx(np.linalg.norm(given.values.numpy(), axis=-1).mean(0), rel=1e-6)
    table = lengths(given, scale, 19, 50)
    vectors = given.vectors(given.observed())[0]
    for row in table.itertuples():
        vector = vectors[planted.EMOTIONS.index(row.emotion), row.layer]
        assert row.l1 == pytest.approx(np.abs(vector).sum())
        assert row.l2 == pytest.approx(np.linalg.norm(vector))
        assert row.relative == pytest.approx(row.l2 / scale[row.layer])
    assert (table.loc[table["layer"] > 0, "relative"] > table.loc[table["layer"] > 0, "null_high"]).all()


def test_halves_agree_where_something_was_planted_and_not_elsewhere():
    table = halves(made(1.0), 40).set_index(["emotion", "layer"])
    assert (table.loc[(slice(None), [1, 2]), "value"] > 0.9).all()
    assert table.loc[(slice(None), 0), "value"].abs().max() < 0.6
    assert (table.loc[(slice(None), [1, 2]), "other"] < 0.7).all()


def test_units_are_resampled_whole():
    """Copies of every row in its unit change nothing of the interval."""
    table = planted.shared(families=20, each=1)
    found = planted.activations(table, 0.3, spread=0.2)
    given = contrasts(table, found, "end")
    twice = type(given)(
        "end",
        given.layers,
        given.values.repeat(2, 1, 1),
        np.tile(given.labels, 2),
        np.tile(given.units, 2),
        np.tile(given.blocks, 2),
    )
    one, two = (cosines(s, 5, 200)[["low", "high"]].to_numpy() for s in (given, twice))
    assert one == pytest.approx(two)


def test_shared_neutral_partners_give_differences_a_cosine():
    """Differences of three emotions to one neutral word share its noise: 1/2 for equal variances."""
    table, found = planted.shared(families=60, each=1), []
    for seed in range(6):
        rows = cosines(contrasts(table, planted.activations(table, 0.0, seed=seed), "word"), 60, 2, seed)
        found.append((rows["value"].mean(), rows["no_emotion"].mean()))
    assert np.mean(found, axis=0) == pytest.approx([0.5, 0.5], abs=0.06)


def test_inner_products_are_those_of_the_vectors():
    given = made(1.0)
    one, two = given.split(3, 0)
    a, b = given.vectors(one), given.vectors(two)
    assert given.products(one, two) == pytest.approx(np.einsum("beld,bfld->blef", a, b), abs=1e-9)


def test_the_mean_over_layers_is_taken_draw_by_draw():
    given = made(0.5)
    whole, mean = cosines(given, 20, 50), cosines(given, 20, 50, mean=True)
    mean = of_pairs(mean)
    averages = whole.groupby("pair", sort=False)[["value", "no_emotion", "one_emotion"]].mean()
    assert mean[["value", "no_emotion", "one_emotion"]].to_numpy() == pytest.approx(averages.to_numpy())
    assert (mean["layer"] == "mean").all()


def test_halves_have_no_unit_in_common():
    given = made(1.0)
    for one, two in zip(*given.split(20, 0), strict=True):
        sides = [set(given.units[(side != 0).any(axis=0)]) for side in (one, two)]
        assert not sides[0] & sides[1]


def test_the_bootstrap_of_two_places_is_paired():
    end, word = made(1.0), made(1.0, "word")
    value, draws = mean_cosine_draws(end, 30, 5)
    assert value == pytest.approx(cosines(end, 1, 2)["value"].mean())
    # rows of the other place come in another order; units drawn alike still give the same draws
    order = np.random.default_rng(1).permutation(len(end.labels))
    turned = type(end)(
        "end",
        end.layers,
        end.values[torch.from_numpy(order)],
        end.labels[order],
        end.units[order],
        end.blocks[order],
    )
    assert draws == pytest.approx(mean_cosine_draws(turned, 30, 5)[1])
    assert not np.allclose(draws, mean_cosine_draws(word, 30, 5)[1])


def test_an_unknown_reading_is_named():
    with pytest.raises(UserError, match='not at "mean"'):
        made(1.0, "mean")


def test_all_pairs_are_tested_at_once_by_the_mean_of_every_draw():
    given = made(1.0)
    whole = cosines(given, 39, 20, mean=True)
    single, (row,) = of_pairs(whole), of_all_pairs(whole).itertuples()
    assert row.pair == ALL_PAIRS
    assert len(single) == 3
    for name in ("value", "no_emotion", "one_emotion"):
        assert getattr(row, name) == pytest.approx(single[name].mean())
    assert single["no_emotion_low"].mean() < row.no_emotion_low  # a mean of draws spreads less than they do
    assert row.least < single["least"].min()
    assert ALL_PAIRS not in set(cosines(given, 9, 9)["pair"])  # by layer nothing is pooled


def test_the_least_distance_is_found_in_four_of_five_cases():
    """Estimates that lie so far from the null on average pass its 95th percentile four times of five."""
    rng = np.random.default_rng(0)
    null, errors = np.abs(rng.normal(0, 0.1, 4000)), rng.normal(0, 0.05, 4000)
    least = _least_found(null, 0.3 + errors)
    assert np.mean(least + rng.normal(0, 0.05, 40_000) > np.quantile(null, 0.95)) == pytest.approx(
        0.8, abs=0.02
    )

"""Several layers and several models at once: what is planted into all is found, what is planted into none is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sided
from scipy.linalg import subspace_angles

from emotion_utils.alignment.align import align
from emotion_utils.alignment.joint import (
    BEST,
    GAIN,
    JOINED,
    joined,
    several_layers,
    several_models,
    shared_space,
)
from emotion_utils.alignment.ridge import Ridge
from emotion_utils.core.errors import UserError
from emotion_utils.planted.generators import rescaled
from emotion_utils.subspaces.readings import paired_states

WIDTHS = (20, 24, 30)


def states(models):
    halves = sided.rows().halves(0)
    return {one.model: tuple(joined(paired_states(one, half)) for half in halves) for one in models}


def of_one_world(seed=0, n=3):
    table = sided.prompts()
    latent = sided.world(table, seed)
    return [
        sided.model_states(f"m{i}", table, latent, 10 * seed + i + 1, width)
        for i, width in enumerate(WIDTHS[:n])
    ]


def of_many_worlds(seed=0):
    table = sided.prompts()
    return [
        sided.model_states(f"m{i}", table, sided.world(table, 99 * seed + i), 10 * seed + i + 1, width)
        for i, width in enumerate(WIDTHS)
    ]


@pytest.fixture(scope="module")
def shared():
    return several_models(states(of_one_world()), k=sided.LATENT, n_permutations=39).set_index("score")


def test_joined_layers_weigh_the_same_whatever_their_length():
    one = paired_states(of_one_world()[0], sided.rows())
    longer = replace(
        one,
        neutral=one.neutral * np.array([1.0, 1000.0])[:, None, None],
        emotional={e: v * np.array([1.0, 1000.0])[:, None, None] for e, v in one.emotional.items()},
        partners={e: v * np.array([1.0, 1000.0])[:, None, None] for e, v in one.partners.items()},
    )
    whole, other = joined(one), joined(longer)
    assert whole.neutral.shape == (1, len(one.groups), 2 * WIDTHS[0])
    assert other.neutral == pytest.approx(whole.neutral)
    assert other.emotional["anger"] == pytest.approx(whole.emotional["anger"])
    centred = whole.neutral[0] - whole.neutral[0].mean(axis=0)
    for block in np.split(centred, 2, axis=1):
        assert (block**2).sum() / len(block) == pytest.approx(1 / 2)


def test_what_is_split_over_layers_is_found_only_jointly():
    """Each layer of the target holds one half of what the source knows: together they hold all."""
    one, other = (
        paired_states(m, half) for m, half in zip(of_one_world(n=2), sided.rows().halves(0), strict=True)
    )

    def halved(values):
        values = values.copy()
        values[0, :, 12:], values[1, :, :12] = 0, 0
        return values

    split = replace(
        other,
        neutral=halved(other.neutral) + 0.01 * np.random.default_rng(0).normal(size=other.neutral.shape),
        emotional={e: halved(v) for e, v in other.emotional.items()},
        partners={e: halved(v) for e, v in other.partners.items()},
    )
    table = several_layers(split, one, 3, 39).set_index(["score", "arrangement"])
    gain = table.loc[("r2", GAIN)]
    assert gain["value"] == pytest.approx(
        table.loc[("r2", JOINED), "value"] - table.loc[("r2", BEST), "value"]
    )
    assert gain["value"] > 0.05
    assert (table.loc["r2", "p"].iloc[:2] == 1 / 40).all()


def test_joint_scores_are_those_of_one_wide_layer():
    one, other = (
        paired_states(m, half) for m, half in zip(of_one_world(n=2), sided.rows().halves(0), strict=True)
    )
    table = several_layers(one, other, 3, 9).set_index(["score", "arrangement"])
    wide = align(joined(one), joined(other), 3, 1).scores
    assert table.loc[("overlap", JOINED), "value"] == pytest.approx(wide["overlap"][0, 0, 0])
    best = align(one, other, 3, 1).scores
    assert table.loc[("probe", BEST), "value"] == pytest.approx(best["probe"][0].max())


def test_of_two_models_it_is_canonical_correlation():
    """Without a penalty the eigenvalues are (1 + cosine of a canonical angle) / 2."""
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(60, 5)), rng.normal(size=(60, 7))]
    rows[1][:, :2] = rows[0][:, :2] + 0.5 * rows[1][:, :2]
    hats = np.stack([Ridge.fit(own, 1e-9).dual(own) for own in rows])
    centred = [own - own.mean(axis=0) for own in rows]
    cosines = np.cos(subspace_angles(*centred))
    assert shared_space(hats, 5).agreement == pytest.approx((1 + np.sort(cosines)[::-1]) / 2, abs=1e-6)


def test_the_space_is_what_all_models_were_made_from():
    """The latent states of the rows lie in it; those of another world do not."""
    rows, table = sided.rows(), sided.prompts()
    hats = np.stack(
        [Ridge.fit(joined(paired_states(one, rows)).neutral[0], 0.1).dual(joined(paired_states(one, rows)).neutral[0])
         for one in of_one_world()]
    )  # fmt: skip
    space = shared_space(hats, sided.LATENT)
    assert space.rows.T @ space.rows == pytest.approx(np.eye(sided.LATENT), abs=1e-10)
    at = table["id"].isin(rows.neutral["id"]).to_numpy()

    def explained(latent):
        centred = latent[at] - latent[at].mean(axis=0)
        return ((space.rows.T @ centred) ** 2).sum() / (centred**2).sum()

    assert explained(sided.world(table, 0)) > 0.95
    assert explained(sided.world(table, 5)) < 0.6


def test_models_of_one_world_share_emotions_that_the_space_never_saw(shared):
    assert (shared["p"].loc[["cosine", "identified", "probe"]] == 1 / 40).all()
    assert shared.loc["probe", "value"] > 0.9
    assert shared.loc["identified", "value"] > 0.8
    assert shared.loc["identified", "chance"] == 1 / 3
    assert (shared["models"] == 3).all()


def test_models_of_many_worlds_do_not():
    tables = [
        several_models(states(of_many_worlds(seed)), k=sided.LATENT, n_permutations=19)
        for seed in range(1, 9)
    ]
    p = np.array([table.set_index("score").loc["cosine", "p"] for table in tables])
    assert (p <= 0.05).sum() <= 2
    assert p.max() > 0.4
    values = [table.set_index("score").loc["identified", "value"] for table in tables]
    assert np.mean(values) == pytest.approx(1 / 3, abs=0.2)
    # on the rows that it is fitted to, a space of models that share nothing agrees as well as one of wrong pairs
    fits = np.array([table.set_index("score").loc["fit", ["value", "null"]].tolist() for table in tables])
    assert fits[:, 0] == pytest.approx(fits[:, 1], abs=0.05)


def test_no_score_depends_on_the_unit_of_a_model(shared):
    given = states(of_one_world())
    given["m1"] = tuple(rescaled(half, 1000.0) for half in given["m1"])
    table = several_models(given, k=sided.LATENT, n_permutations=39).set_index("score")
    assert table[["value", "p"]].to_numpy() == pytest.approx(shared[["value", "p"]].to_numpy(), abs=1e-9)


def test_what_cannot_be_joined_is_said():
    given = states(of_one_world())
    with pytest.raises(UserError, match="at least 2 models: there are 1"):
        several_models({"m0": given["m0"]})
    halves = sided.rows().halves(0)
    layered = tuple(paired_states(of_one_world()[0], half) for half in halves)
    with pytest.raises(UserError, match="m0 has 2 layers: take one, or join them"):
        several_models({**given, "m0": layered})
    other = tuple(replace(half, groups=half.groups + 1) for half in given["m1"])
    with pytest.raises(UserError, match="m1 was not read on the rows"):
        several_models({**given, "m1": other})
    flat = replace(layered[0], neutral=np.ones_like(layered[0].neutral))
    with pytest.raises(UserError, match="m0, layer 0: All rows to fit a map on are equal"):
        joined(flat)
    with pytest.raises(UserError, match=r"take a k from 1 to 3"):
        shared_space(np.stack([np.eye(4)] * 2), 4)

"""Alignment: a refit gives the same numbers, a common structure is found, independent models are not called alike."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.metrics import roc_auc_score

from emotion_utils.alignment import PENALTY, Side, align
from emotion_utils.errors import UserError
from emotion_utils.pairings import permute_pairing
from emotion_utils.subspaces import emotion_subspace, overlap

EMOTIONS = ("gratitude", "anger", "apology")
FAMILIES, EACH, LATENT = 20, 3, 30


class World:
    """What prompts are about: a latent state per prompt, with a deviation common to each family."""

    def __init__(self, seed: int, n_emotional: int = 25) -> None:
        rng = np.random.default_rng(seed)
        self.groups = np.repeat(np.arange(FAMILIES), EACH)
        self.neutral = self.draw(rng, self.groups)
        self.partners = {e: rng.normal(size=(n_emotional, LATENT)) for e in EMOTIONS}
        self.shifts = {e: 3 * rng.normal(size=LATENT) / np.sqrt(LATENT) for e in EMOTIONS}
        self.emotional = {
            e: self.partners[e] + self.shifts[e] + 0.3 * rng.normal(size=(n_emotional, LATENT))
            for e in EMOTIONS
        }

    @staticmethod
    def draw(rng, groups):
        return (
            0.7 * rng.normal(size=(len(groups), LATENT)) + 0.7 * rng.normal(size=(FAMILIES, LATENT))[groups]
        )

    def seen_by(self, name: str, width: int, seed: int, layers: int = 2, noise: float = 0.1) -> Side:
        """A model that writes the latent state in its own coordinates, with a power-law spectrum."""
        rng = np.random.default_rng(seed)
        basis = np.linalg.qr(rng.normal(size=(width, LATENT)))[0] * np.arange(1, LATENT + 1) ** -0.5

        def read(states):
            return np.stack(
                [states @ basis.T + noise * rng.normal(size=(len(states), width)) for _ in range(layers)]
            )

        emotional, partners = (
            {e: read(part[e]) for e in EMOTIONS} for part in (self.emotional, self.partners)
        )
        return Side(name, tuple(range(layers)), read(self.neutral), self.groups, emotional, partners)


def times(side: Side, factor: float) -> Side:
    parts = ({e: factor * v for e, v in part.items()} for part in (side.emotional, side.partners))
    return Side(side.model, side.layers, factor * side.neutral, side.groups, *parts)


def test_scores_under_any_pairing_are_those_of_a_refit():
    world = World(0)
    a, b = world.seen_by("a", 40, 1), world.seen_by("b", 52, 2)
    found = align(a, b, k=3, n_permutations=3, seed=5)
    orders = [np.arange(60), *permute_pairing(world.groups, 3, 5)]
    for draw, order in enumerate(orders):
        x, y = a.neutral[1], b.neutral[0][order]
        centred = x - x.mean(0)
        scale = np.sqrt((centred**2).mean())
        rows = centred / scale
        ridge = SklearnRidge(alpha=PENALTY * np.trace(rows @ rows.T) / 60).fit(rows, y)
        overlaps, probes = [], []
        for emotion in EMOTIONS:
            own = emotion_subspace(a.emotional[emotion][1], a.partners[emotion][1], 3)
            goal = emotion_subspace(b.emotional[emotion][0], b.partners[emotion][0], 3)
            overlaps.append(overlap(own / scale @ ridge.coef_.T, goal))
            vector = (a.emotional[emotion][1] - a.partners[emotion][1]).mean(0) / scale @ ridge.coef_.T
            states = np.concatenate([b.emotional[emotion][0], b.partners[emotion][0]])
            probes.append(roc_auc_score(np.arange(50) < 25, states @ vector))
        assert found.scores["overlap"][draw, 1, 0] == pytest.approx(np.mean(overlaps), abs=1e-8)
        assert found.scores["probe"][draw, 1, 0] == pytest.approx(np.mean(probes), abs=1e-8)


def test_models_of_one_world_are_found_alike_whatever_their_widths():
    world = World(1)
    best = align(world.seen_by("a", 40, 1), world.seen_by("b", 90, 2), n_permutations=199).best()
    assert (best["p"] <= 0.01).all()
    assert (best["calibrated"] > 0.1).all()


def test_models_of_different_worlds_are_not():
    """Rows share their families in both models, as prompts of one template do; p is uniform, not small."""
    small = []
    for seed in range(30):
        a = World(100 + seed).seen_by("a", 40, 1000 + seed)
        b = World(200 + seed).seen_by("b", 40, 2000 + seed)
        small.append(align(a, b, n_permutations=39, seed=seed).best().set_index("score")["p"] <= 0.1)
    rates = np.mean(small, axis=0)
    assert (rates <= 0.27).all()  # 8 of 30 has a probability below 1 % at a rate of 0.1


def test_a_copy_in_other_coordinates_is_found_whole():
    world = World(2)
    a = world.seen_by("a", 40, 1, layers=1, noise=0.0)
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(40, 40)))[0]
    turn = {
        name: {e: v @ rotation for e, v in getattr(a, name).items()} for name in ("emotional", "partners")
    }
    b = Side("b", a.layers, a.neutral @ rotation, a.groups, turn["emotional"], turn["partners"])
    best = align(a, b, k=2, n_permutations=99, penalty=1e-6).best().set_index("score")
    assert best.loc["overlap", "value"] > 0.999
    assert best.loc["r2", "value"] > 0.999
    assert (best["p"] == 0.01).all()


def test_the_scale_of_a_model_changes_no_score():
    world = World(3)
    a, b = world.seen_by("a", 40, 1), world.seen_by("b", 30, 2)
    base = align(a, b, n_permutations=5)
    for factor in (1 / 128, 128):
        scaled = [times(side, factor) for side in (a, b)]
        for one, other in ((scaled[0], b), (a, scaled[1])):
            found = align(one, other, n_permutations=5)
            for name, values in base.scores.items():
                assert found.scores[name] == pytest.approx(values, rel=1e-6), name


def test_the_best_pair_is_compared_with_the_best_of_every_other_pairing():
    world = World(4)
    found = align(world.seen_by("a", 40, 1), world.seen_by("b", 40, 2), n_permutations=20)
    best = found.best({"overlap": 0.9}).set_index("score")
    for name, values in found.scores.items():
        assert best.loc[name, "value"] == values[0].max()
        assert best.loc[name, "null"] == pytest.approx(values[1:].max(axis=(1, 2)).mean())
    row = best.loc["overlap"]
    assert row["calibrated"] == pytest.approx((row["value"] - row["null"]) / (0.9 - row["null"]))
    table = found.table()
    assert len(table) == 3 * 2 * 2
    assert table.groupby("score")["value"].max().to_dict() == best["value"].to_dict()


def test_models_read_on_other_prompts_are_refused():
    world = World(5)
    a, b = world.seen_by("a", 40, 1), world.seen_by("b", 40, 2)
    turned = Side(b.model, b.layers, b.neutral, b.groups[::-1].copy(), b.emotional, b.partners)
    with pytest.raises(UserError, match="a and b were not read on the same prompts"):
        align(a, turned)

"""Alignment: a refit gives the same numbers, a common structure is found, independent models are not called alike."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from emotion_utils.alignment.align import PENALTY, align
from emotion_utils.alignment.ridge import permute_pairing
from emotion_utils.core.errors import UserError
from emotion_utils.subspaces.measures import emotion_subspace, overlap
from emotion_utils.subspaces.readings import PairedStates

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

    def seen_by(self, name: str, width: int, seed: int, layers: int = 2, noise: float = 0.1) -> PairedStates:
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
        return PairedStates(name, tuple(range(layers)), read(self.neutral), self.groups, emotional, partners)


def shaped(side: PairedStates, change) -> PairedStates:
    parts = ({e: change(v) for e, v in part.items()} for part in (side.emotional, side.partners))
    return PairedStates(side.model, side.layers, change(side.neutral), side.groups, *parts)


def ill_conditioned(side: PairedStates) -> PairedStates:
    """Spread over eight decades, and one dimension whose mean dwarfs all else, as massive activations do."""
    width = side.neutral.shape[2]
    return shaped(side, lambda v: v * np.logspace(0, -8, width) + 1e3 * (np.arange(width) == 1))


def rank_deficient(side: PairedStates) -> PairedStates:
    low = np.random.default_rng(6).normal(size=(side.neutral.shape[2], 8))
    return shaped(side, lambda v: v @ low @ low.T)


def repeated(side: PairedStates) -> PairedStates:
    """Every family consists of one row, several times over."""
    return replace(side, neutral=side.neutral[:, np.arange(FAMILIES * EACH) // EACH * EACH])


def refit(
    a: PairedStates, b: PairedStates, layers: tuple[int, int], order: np.ndarray, k: int
) -> dict[str, float]:
    """The three scores of one pairing, by scikit-learn."""
    x, y = a.neutral[layers[0]], b.neutral[layers[1]][order]
    scale = np.sqrt(((x - x.mean(0)) ** 2).mean())

    def fitted(train):
        rows = (x[train] - x[train].mean(0)) / scale
        return SklearnRidge(alpha=PENALTY * (rows**2).sum() / len(rows), solver="svd").fit(rows, y[train])

    everything, predicted = fitted(np.arange(len(x))), np.empty_like(y)
    for train, test in GroupKFold(5).split(x, groups=a.groups):
        predicted[test] = fitted(train).predict((x[test] - x[train].mean(0)) / scale)
    overlaps, probes = [], []
    for emotion in EMOTIONS:
        own, goal = (
            emotion_subspace(side.emotional[emotion][i], side.partners[emotion][i], k)
            for side, i in zip((a, b), layers, strict=True)
        )
        overlaps.append(overlap(own / scale @ everything.coef_.T, goal))
        vector = (a.emotional[emotion][layers[0]] - a.partners[emotion][layers[0]]).mean(0) / scale
        states = np.concatenate([part[emotion][layers[1]] for part in (b.emotional, b.partners)])
        positive = np.arange(len(states)) < len(states) // 2
        probes.append(roc_auc_score(positive, states @ (vector @ everything.coef_.T)))
    rest = ((y - predicted) ** 2).sum() / ((y - y.mean(0)) ** 2).sum()
    return {"r2": 1 - rest, "overlap": float(np.mean(overlaps)), "probe": float(np.mean(probes))}


SHAPES = {
    "as it is": lambda side: side,
    "ill-conditioned": ill_conditioned,
    "rank-deficient": rank_deficient,
    "equal rows": repeated,
}


@pytest.mark.parametrize("width", [40, 90], ids=["more rows than dimensions", "fewer"])
@pytest.mark.parametrize("shape", SHAPES)
def test_scores_under_any_pairing_are_those_of_a_refit(shape, width):
    world = World(0)
    a, b = (SHAPES[shape](world.seen_by(*made)) for made in (("a", width, 1), ("b", width + 12, 2)))
    found = align(a, b, k=3, n_permutations=3, seed=5)
    for draw, order in enumerate([np.arange(60), *permute_pairing(world.groups, 3, 5)]):
        for name, value in refit(a, b, (1, 0), order, 3).items():
            assert found.scores[name][draw, 1, 0] == pytest.approx(value, abs=1e-8), name


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
    b = PairedStates("b", a.layers, a.neutral @ rotation, a.groups, turn["emotional"], turn["partners"])
    best = align(a, b, k=2, n_permutations=99, penalty=1e-6).best().set_index("score")
    assert best.loc["overlap", "value"] > 0.999
    assert best.loc["r2", "value"] > 0.999
    assert (best["p"] == 0.01).all()


def test_the_scale_of_a_model_changes_no_score():
    world = World(3)
    a, b = world.seen_by("a", 40, 1), world.seen_by("b", 30, 2)
    base = align(a, b, n_permutations=5)
    for factor in (1 / 128, 128):
        scaled = [shaped(side, partial(np.multiply, factor)) for side in (a, b)]
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
    turned = PairedStates(b.model, b.layers, b.neutral, b.groups[::-1].copy(), b.emotional, b.partners)
    with pytest.raises(UserError, match="a and b were not read on the same prompts"):
        align(a, turned)


def test_models_need_not_have_read_as_many_emotional_prompts_nor_tokens():
    """Only neutral rows are paired: what a tokenizer makes of them, and other emotional prompts, change nothing."""
    world, more = World(6), World(6, n_emotional=35)
    a, b = (
        world.seen_by("a", 40, 1),
        replace(more.seen_by("b", 55, 2), neutral=world.seen_by("b", 55, 2).neutral),
    )
    found = align(a, b, n_permutations=5)
    assert all(np.isfinite(values).all() for values in found.scores.values())
    assert found.scores["overlap"].max() <= 1


def poisoned(values: np.ndarray, layer: int, row: int) -> np.ndarray:
    values = values.copy()
    values[layer, row, 2] = np.nan
    return values


def test_what_cannot_be_aligned_is_named():
    world = World(7)
    a, b = world.seen_by("a", 40, 1), world.seen_by("b", 50, 2)
    few = np.arange(4)
    cases = {
        "b, layer 1: A map needs finite rows: row 7 is not": (
            a,
            replace(b, neutral=poisoned(b.neutral, 1, 7)),
        ),
        "a, layer 0: A map needs finite rows: row 59 is not": (
            replace(a, neutral=poisoned(a.neutral, 0, 59)),
            b,
        ),
        "b, layer 1: .* not finite in row 3": (
            a,
            replace(b, emotional={**b.emotional, "anger": poisoned(b.emotional["anger"], 1, 3)}),
        ),
        "a, layer 0: .* not finite in row 3": (
            replace(a, partners={**a.partners, "anger": poisoned(a.partners["anger"], 0, 3)}),
            b,
        ),
        "b, layer 0: All rows to fit a map on are equal": (a, replace(b, neutral=np.full((2, 60, 50), 0.3))),
        "a, layer 0: All rows to fit a map on are equal": (replace(a, neutral=np.full((2, 60, 40), 0.3)), b),
        "b has neutral states of \\(2, 59\\) layers and rows for 2 layers and 60 families": (
            a,
            replace(b, neutral=b.neutral[:, 1:]),
        ),
        "not read on the same prompts": (a, replace(b, emotional={"joy": b.emotional["anger"]})),
        "a, layer 0: The neutral rows see 3 of the 5 dimensions of the subspace of anger": (
            replace(a, neutral=a.neutral * (np.arange(40) < 3)),
            b,
        ),
        "b, layer 0: The neutral rows see 3 of the 5 dimensions of a subspace": (
            replace(a, neutral=a.neutral[:, few], groups=few),
            replace(b, neutral=b.neutral[:, few], groups=few),
        ),
        "b, layer 0: The neutral rows see 1 of the 5 dimensions of a subspace": (
            a,
            replace(b, neutral=np.broadcast_to(np.arange(60.0)[None, :, None], (2, 60, 50))),
        ),
        "a, layer 0: .*of 5 dimensions was asked of 3 rows": (
            replace(
                a,
                emotional={e: v[:, :3] for e, v in a.emotional.items()},
                partners={e: v[:, :3] for e, v in a.partners.items()},
            ),
            b,
        ),
    }
    for message, pair in cases.items():
        with pytest.raises(UserError, match=message):
            align(*pair, n_permutations=2)


def test_a_subspace_that_neutral_rows_do_not_see_is_refused():
    """Nothing but rounding would be mapped, and scaled up to something."""
    world = World(8)
    a, b = world.seen_by("a", 40, 1), world.seen_by("b", 40, 2)
    hidden = {e: a.partners[e] + 7 * (np.arange(40) >= 35) for e in EMOTIONS}
    blind = replace(a, neutral=a.neutral * (np.arange(40) < 35), emotional=hidden)
    with pytest.raises(
        UserError, match=r"a, layer 0: The neutral rows see 0 of the 1 dim.* subspace of anger"
    ):
        align(blind, b, k=1, n_permutations=2)


@pytest.mark.parametrize(
    "outside", [0.0, 1.0], ids=["no mean difference", "one that neutral rows do not see"]
)
def test_a_vector_without_an_image_tells_nothing_apart(outside):
    """Differences that cancel: the mean is rounding, or lies where no neutral row does; an area of one half, p of 1."""
    world = World(8)
    a, b = world.seen_by("a", 40, 1), world.seen_by("b", 40, 2)
    signs = np.where(np.arange(25) % 2, 1, -1) * (np.arange(25) < 24)
    moved = 9 * signs[:, None] * (np.arange(40) == 0) + outside * (np.arange(40) >= 35)
    cancelled = {e: a.partners[e] + moved for e in EMOTIONS}
    blind = replace(a, neutral=a.neutral * (np.arange(40) < 35), emotional=cancelled)
    found = align(blind, b, k=1, n_permutations=4)
    assert (found.scores["probe"] == 0.5).all()
    assert (found.best().set_index("score").loc["probe", "p"]) == 1


def test_a_draw_that_repeats_the_true_pairing_counts_whatever_its_rounding():
    world = World(9)
    found = align(world.seen_by("a", 40, 1), world.seen_by("b", 40, 2), n_permutations=4)
    for sign in (1, -1):
        tied = {
            name: values[:1] * (1 + sign * 1e-14 * np.arange(5)[:, None, None])
            for name, values in found.scores.items()
        }
        one = replace(found, scores=tied)
        assert (one.table()["p"] == 1).all()
        assert (one.best()["p"] == 1).all()

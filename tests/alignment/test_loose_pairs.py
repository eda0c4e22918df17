"""Texts without pairs, or without a reference, show what made-up models share, and nothing where that is nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sided
from scipy.stats import binom

from emotion_utils.alignment.align import align
from emotion_utils.alignment.all_pairs import affordable, align_pairs, no_emotion
from emotion_utils.alignment.choice_of_k import choose_k, possible_ks
from emotion_utils.statistics.permutations import LEVEL, permutation_p
from emotion_utils.subspaces.pairing import with_pairs
from emotion_utils.subspaces.readings import paired_states, rows_of

LABELS = ("calm", "joy", "worry")
TRIALS = 200


def texts(reference: bool, each: int = 20) -> pd.DataFrame:
    rows = [
        (f"{label}-{i}", f"{label} {i} says so", "neutral" if reference and label == "calm" else label)
        for label in LABELS
        for i in range(each)
    ]
    table = pd.DataFrame(rows, columns=["id", "text", "emotion"])
    return table.assign(group=table["text"], pair_id=None)


def latent(table: pd.DataFrame, seed: int, strength: float) -> np.ndarray:
    """What a sentence is about, and its label with some strength; a reference has no direction."""
    rng = np.random.default_rng(seed)
    means = {label: strength * rng.normal(size=sided.LATENT) for label in LABELS} | {"neutral": 0.0}
    return rng.normal(size=(len(table), sided.LATENT)) + np.stack(
        [np.zeros(sided.LATENT) + means[e] for e in table["emotion"]]
    )


def two_models(table: pd.DataFrame, seed: int, strengths: tuple[float, float], shared: bool):
    worlds = [latent(table, 1000 * seed + (0 if shared else i), s) for i, s in enumerate(strengths)]
    return [sided.model_states(f"m{i}", table, w, 7 * seed + i, layers=1) for i, w in enumerate(worlds)]


def p_values(
    reference: bool, strengths: tuple[float, float], shared: bool, trials: int, k: int | None = None
) -> pd.DataFrame:
    table, found = texts(reference), []
    halves = rows_of(table).halves(0)
    k = k or affordable(halves)
    for seed in range(trials):
        one, other = two_models(table, seed, strengths, shared)
        scores = align(
            *(paired_states(*x) for x in zip((one, other), halves, strict=True)), k, 39, seed
        ).scores
        found.append({name: float(permutation_p(v[0, 0, 0], v[1:, 0, 0])) for name, v in scores.items()})
    return pd.DataFrame(found)


@pytest.mark.parametrize("reference", [True, False])
def test_what_two_models_share_is_found(reference):
    """Of an emotion subspace the models share its mean direction here, so that one dimension is asked for.

    Where labels are among the rows of the map, wrong pairs lead into the directions of labels too.
    """
    small = (p_values(reference, (2.0, 2.0), True, 20, k=1) <= LEVEL).mean()
    assert small["r2"] == 1
    assert small["overlap"] >= (0.9 if reference else 0.4)
    assert small["probe"] >= (0.9 if reference else 0.7)


@pytest.mark.parametrize(
    ("reference", "strengths"),
    [(True, (1.0, 1.0)), (True, (0.0, 0.0)), (False, (1.0, 0.0)), (False, (0.0, 0.0))],
    ids=["labels in both", "no labels", "labels in one", "no labels, no reference"],
)
def test_where_nothing_is_shared_one_pair_in_twenty_stands_out(reference, strengths):
    small = (p_values(reference, strengths, False, TRIALS) <= LEVEL).sum()
    low, high = binom.ppf([0.0005, 0.9995], TRIALS, LEVEL)
    assert small.between(low, high).all(), small.to_dict()


def test_without_a_reference_labels_alone_are_found_as_the_page_says():
    """Two models that share nothing but that both tell the labels apart: the map has read the labels."""
    small = (p_values(False, (2.0, 2.0), False, 40) <= LEVEL).mean()
    assert small["r2"] > 0.8
    assert small["probe"] > 0.5
    with_reference = (p_values(True, (2.0, 2.0), False, 40) <= LEVEL).mean()
    assert with_reference.max() < 0.25


@pytest.mark.parametrize("reference", [True, False])
def test_all_of_the_chapter_runs_on_loose_pairs(reference):
    table = texts(reference)
    rows = rows_of(table, 3)
    states = {m.model: m for m in two_models(table, 5, (1.0, 1.0), True)}
    halves = rows.halves(3)
    k = affordable(halves)
    pairs = align_pairs(states, list(states), halves, k, 9)
    assert set(pairs.best()["score"]) == {"r2", "overlap", "probe"}
    plain = no_emotion(pairs, rows, 9)
    assert len(plain) == 2
    choice = choose_k(*states.values(), halves, possible_ks(halves), 19, 5)
    assert choice.table["k"].tolist() == list(possible_ks(halves))


def test_dimensions_are_those_that_halves_and_neutral_rows_allow():
    """20 texts of each of three labels: with a reference 10 of each label in a half, without one 5."""
    for reference, k in ((True, 5), (False, 4)):
        assert affordable(rows_of(texts(reference)).halves(0)) == k
    table = with_pairs(texts(True))
    few = table[~((table["emotion"] == "neutral") & (table["unit"] > 3))]
    few = few[few["pair_id"].isin(few.loc[few["emotion"] == "neutral", "pair_id"])]
    assert affordable(rows_of(few).halves(0)) == 1  # halves of four texts leave two, and one of those may go

"""The figures of the chapter on alignment say in words what they show."""

from __future__ import annotations

import pandas as pd
import pytest
import sided

from emotion_utils.alignment.all_pairs import SCORES, align_pairs
from emotion_utils.alignment.choice_of_k import choose_k
from emotion_utils.alignment.controls import aligned
from emotion_utils.alignment.map_scores import compare_maps
from emotion_utils.alignment.rsa_cka import compare
from emotion_utils.figures import alignment as figures
from emotion_utils.reports.published_alignment import all_pairs
from emotion_utils.subspaces.neutral_variance import specificity
from emotion_utils.subspaces.overlaps import raw_overlaps


@pytest.fixture(scope="module")
def states_of():
    return dict(zip(("m0", "m1"), sided.two_of_one_world(), strict=True))


def test_overlaps(states_of):
    table = raw_overlaps(states_of, sided.rows(), (2, 5), 19)
    shown = figures.overlap_map(table, 5)
    ratio = table["overlap"].iloc[1] / 0.25
    assert f"{ratio:.2f} to {ratio:.2f} times chance, which is 0.250" in shown.alt
    neutral = sided.rows().neutral.groupby("unit").head(3)[:30].reset_index(drop=True)
    triple = {name: neutral["id"][i::3].to_numpy() for i, name in enumerate(("id", "partner", "other"))}
    triples = {"anger": pd.DataFrame({**triple, "unit": neutral["unit"][::3].to_numpy()})}
    own = specificity(states_of["m0"], triples, 2).layers
    drawn = figures.specificity(own)
    means = own.groupby("layer")["value"].mean()
    assert f"{means.min():.2f} to {means.max():.2f}" in drawn.alt


def test_alignments(states_of):
    table = sided.prompts()
    noise = sided.model_states("noise", table, sided.world(table, 7, 0.0), 5)
    pairs = align_pairs({**states_of, "noise": noise}, list(states_of), sided.rows().halves(0), 3, 9)
    best = pairs.best()
    found = figures.layers(pairs.alignments["m0", "m1"].table(), "r2", "held-out R²")
    assert found.title == "Held-out R², layer by layer: m0 to m1"
    published = all_pairs(states_of, sided.rows(), 4, 3)
    shown = figures.message(published, best, "probe", "transferred probe", list(states_of))
    probe = best[best["score"] == "probe"]["calibrated"].mean()
    assert f"calibrated transferred probe averages {probe:.2f}" in shown.alt
    table = aligned(states_of, {"noise": {"noise": noise}}, sided.rows().halves(0), 3, 9)
    drawn = figures.against_controls(table, SCORES)
    assert f"held-out R² {table['difference'].iloc[0]:+.2f} beside noise" in drawn.alt


def test_similarities_and_k(states_of):
    table = compare(states_of, states_of["m1"], sided.rows(), 9)
    assert f"RSA {table['value'].min():.2f}" in figures.similarity(table, "RSA").alt
    choice = choose_k(states_of["m0"], states_of["m1"], sided.rows().halves(0), (1, 2), 19, 5)
    assert f"z, wrong pairings: {choice.table['null_z'].iloc[0]:.0%}" in figures.k_choice(choice.table).alt


def test_maps(states_of):
    table = compare_maps(states_of, [("m0", "m1"), ("m1", "m0")], sided.rows().halves(0), 2, 9)
    shown = figures.maps(table, SCORES)
    ridge = table[(table["map"] == "ridge") & (table["score"] == "r2")]
    said = f"held-out R²: ridge {ridge['value'].mean():.2f} (wrong pairs {ridge['null_high'].mean():.2f})"
    assert said in shown.alt
    assert len(shown.figure["data"]) == 2 * 2 * 3

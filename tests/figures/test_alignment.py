"""The figures of the chapter on alignment say in words what they show."""

from __future__ import annotations

import pandas as pd
import pytest
import sided

from emotion_utils.alignment.all_pairs import SCORES, align_pairs
from emotion_utils.alignment.choice_of_k import choose_k
from emotion_utils.alignment.controls import aligned
from emotion_utils.alignment.map_scores import compare_maps
from emotion_utils.alignment.pooled import by_depth
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
    published = all_pairs(states_of, sided.rows(), 4, 3)
    shown = figures.message(published, best, "probe", "transferred probe")
    probe = best[best["score"] == "probe"]["value"].mean()
    assert f"transferred probe {probe:.2f} on average with true pairs" in shown.alt
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


@pytest.mark.parametrize(
    ("true", "says"), [(0.9, "True pairs of sentences score above"), (0.5, "Wrong pairs score")]
)
def test_the_title_of_the_message_follows_the_numbers(true, says):
    pair = {"source": ["m0", "m1"], "target": ["m1", "m0"]}
    published = pd.DataFrame({**pair, "after": true, "permuted": 0.6})
    best = pd.DataFrame({**pair, "score": "probe", "value": 0.8, "null": 0.5, "p": 0.01})
    shown = figures.message(published, best, "probe", "transferred probe")
    assert shown.title.startswith(says)
    assert f"{2 if true > 0.6 else 0} of 2 lie above the diagonal" in shown.alt


@pytest.mark.parametrize(
    ("highest", "inside", "says"), [(0.1, 4, "Every cell"), (0.5, 0, "No cell"), (0.25, 2, "The white line")]
)
def test_the_map_of_layers_draws_what_wrong_pairs_do_not_reach(highest, inside, says):
    depths = [(i, j) for i in (0.5, 1.0) for j in (0.5, 1.0)]
    table = pd.DataFrame(depths, columns=["source_depth", "target_depth"])
    table = table.assign(score="r2", value=[0.2, 0.3, 0.2, 0.4], null=0.1, null_high=highest)
    shown = figures.layers(table, "r2", "held-out R²", 3)
    assert shown.title == f"Held-out R²: {inside} of 4 pairs of depths beyond wrong pairs"
    assert "largest is at depth 1.00 of the source and 1.00 of the target" in shown.alt
    assert says in shown.markup
    assert shown.figure["data"][0]["zmin"] == 0  # one-sided


def test_layers_of_real_alignments_are_drawn(states_of):
    pairs = align_pairs(states_of, list(states_of), sided.rows().halves(0), 3, 19)
    table = by_depth(pairs.alignments)
    own = table[table["score"] == "r2"]
    assert f"{own['value'].sub(own['null']).max():.2f}" in figures.layers(table, "r2", "held-out R²", 2).alt

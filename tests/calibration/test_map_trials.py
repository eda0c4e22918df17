"""Trials of maps: one p per map and score, counted by the exact rule, and the committed table has what it should."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emotion_utils.alignment.map_scores import score_maps
from emotion_utils.alignment.maps import MAPS
from emotion_utils.calibration import ledger
from emotion_utils.calibration.trials import map_rates, map_trials
from emotion_utils.planted.generators import Recipe, pair
from emotion_utils.statistics.permutations import LEVEL

SMALL = Recipe(widths=(24, 20), layers=1, rows=32, prompts=10)


def test_a_trial_is_one_pair_with_the_p_of_every_map():
    trials = map_trials(SMALL, [3, 4], 9, 3)
    assert list(trials["map"]) == [words for words, _ in MAPS.values()] * 2
    table = score_maps(*pair(SMALL, 4), 3, 9, 4).table().set_index(["map", "score"])["p"]
    again = trials[trials["seed"] == 4].set_index("map")
    for name, score in table.index:
        assert again.loc[name, score] == table[name, score]


def test_rates_are_counted_by_map_and_what_is_shared_is_found():
    trials = map_trials(replace(SMALL, strength=0.95), range(4), 19, 3)
    found = map_rates(trials, strength=0.95).set_index(["map", "score"])
    assert len(found) == 3 * len(MAPS)
    assert (found["n"] == 4).all()
    own = trials[trials["map"] == "CCA"]
    assert found.loc[("CCA", "overlap"), "hits"] == (own["overlap"] <= LEVEL).sum()
    assert (found["rate"].xs("r2", level="score") == 1).all()


@pytest.mark.parametrize("name", [words for words, _ in MAPS.values()])
def test_no_map_of_the_committed_table_cries_wolf(name):
    """The rate of every score is compatible with the level, by the exact bounds over at least 200 unrelated pairs."""
    section = ledger.read("maps")
    own = section.tables["false"].query("map == @name")
    assert (own["n"] >= 200).all()
    assert len(own) == 3
    # 18 rates are looked at together: a level of 0.05 / 18 for each
    assert (own["rate"] - LEVEL).abs().max() < 3 * (LEVEL * (1 - LEVEL) / own["n"].min()) ** 0.5

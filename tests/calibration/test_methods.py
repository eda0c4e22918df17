"""One line per method, and the first trials of a table done again."""

from __future__ import annotations

from dataclasses import asdict, replace

import pandas as pd
import pytest

from emotion_utils.calibration.ledger import Section
from emotion_utils.calibration.methods import (
    NULLS,
    formula_aurocs,
    methods,
    recipe_of,
    repeat,
    repeat_dictionary,
    repeat_heads,
    repeat_planted,
    summary,
)
from emotion_utils.calibration.trials import (
    null_trials,
    power_trials,
    published_rates,
    published_trials,
    rates,
)
from emotion_utils.planted import dictionaries
from emotion_utils.planted import directions as planted_directions
from emotion_utils.planted import heads as planted_heads
from emotion_utils.planted.generators import Recipe

SMALL = Recipe(widths=(24, 20), layers=1, rows=40, prompts=12)


@pytest.fixture(scope="module")
def section():
    trials = null_trials(SMALL, "independent", range(6), 19)
    tables = {
        "false": rates(trials, null="independent"),
        "published": published_rates(published_trials(SMALL, range(4))),
        "power": power_trials(SMALL, (0.9,), (40,), 3, 0, 19),
        "sample": trials,
    }
    settings = {"recipe": asdict(SMALL) | {"widths": [24, 20]}, "permutations": 19, "k": 5, "seed": 0}
    return Section(tables, settings, {}, "2026-01-01")


@pytest.fixture(scope="module")
def directions():
    planting = planted_directions.Planting(width=16)
    sparse = dictionaries.Sparse(width=8, atoms=10, active=2, rows=200)
    none = planted_directions.trials(replace(planting, strength=0.0), range(4), 19)
    learned = dictionaries.trials(sparse, (0.1, 0.5), range(3))
    tables = {
        "false": pd.concat(
            [planted_directions.false_positives(none, kind) for kind in planted_directions.KINDS]
        ),
        "power": planted_directions.power(planting, (3.0, 9.0), (70, 90), range(3), 19),
        "dictionary": dictionaries.found_rates(learned),
        "dictionaries": learned[learned["noise"] == 0.1],
        "sample": none,
    }
    settings = {"permutations": 19, "shown": 9.0, "states": 200}
    return Section(
        tables, settings | {"planting": asdict(planting), "sparse": asdict(sparse)}, {}, "2026-01-01"
    )


@pytest.fixture(scope="module")
def heads():
    laboratory = planted_heads.Laboratory(units=8)
    noisy = replace(laboratory, noise=0.3)
    ranked = planted_heads.rankings(laboratory, range(2))
    nothing = planted_heads.null_trials(noisy, range(2), 19)
    tables = {
        "first": planted_heads.found(ranked),
        "false": planted_heads.false_positives(nothing),
        "ranked": ranked,
        "sample": nothing,
    }
    settings = {"laboratory": asdict(laboratory), "null": asdict(noisy), "permutations": 19}
    return Section(tables, settings, {}, "2026-01-01")


def test_a_repeated_trial_gives_the_same_p(section):
    assert recipe_of(section) == SMALL
    again = repeat(section, 4)
    assert len(again) == 4 * 3
    assert again["difference"].abs().max() == 0
    judged = summary(again, section)
    assert set(judged["score"]) == {"r2", "overlap", "probe"}
    assert (judged["n"] == 4).all()


def test_a_changed_method_shows_as_a_difference(section):
    sample = section.tables["sample"].assign(r2=section.tables["sample"]["r2"] + 0.25)
    changed = Section({**section.tables, "sample": sample}, section.settings, {}, "")
    found = repeat(changed, 3)
    assert found[found["score"] == "r2"]["difference"].tolist() == pytest.approx([-0.25] * 3)


def test_a_repeated_planting_gives_the_same_p_and_the_same_dictionary(directions):
    again = repeat_planted(directions, 3)
    assert len(again) == 3 * len(planted_directions.SCORES)
    assert again["difference"].abs().max() == 0
    learned = repeat_dictionary(directions, 2)
    assert learned["seed"].unique().tolist() == [0, 1]
    assert learned["difference"].abs().max() == 0
    assert (learned["committed"] > 0).all()


@pytest.mark.slow
def test_each_method_has_a_line(section, directions, heads):
    table = methods(section, directions, heads, strength=0.9).set_index("method")
    assert len(table) == 3 + 3 + len(NULLS) + 1 + len(planted_heads.TESTED)
    false = section.tables["false"].set_index("score")["rate"]
    assert table.loc["ridge map, held-out R²", "false"] == false["r2"]
    assert table.loc["published_phase8, float64", "finding"] == "≥ 10 x chance"
    power = section.tables["power"].set_index("score")["rate"]
    assert table.loc["ridge map, emotion probe", "power"] == power["probe"]
    assert pd.isna(table.loc["published_phase35, float32", "power"])


def test_lines_of_planted_methods_take_their_own_null_and_effect(section, directions, heads):
    table = methods(section, directions, heads, strength=0.9).set_index("method")
    power = directions.tables["power"].set_index(["score", "strength", "rows"])["rate"]
    line = table.loc[planted_directions.SCORES["AUROC"]]
    assert (line["rows"], line["effect"]) == ("70, 90", "directions of length 9")
    assert line["power"] == power["AUROC", 9.0, 70]
    assert line["power, more rows"] == power["AUROC", 9.0, 90]
    learned = directions.tables["dictionary"].set_index(["method", "noise"])["rate"]
    assert table.loc[dictionaries.LEARNER, "power"] == learned[dictionaries.LEARNER, 0.1]
    assert table.loc[dictionaries.LEARNER, "false"] == learned[f"{dictionaries.LEARNER}, no atoms", 0.1]


def test_lines_of_heads_have_their_null_and_the_share_ranked_first(section, directions, heads):
    table = methods(section, directions, heads, strength=0.9).set_index("method")
    line = table.loc["heads: mean ablation"]
    assert (line["n"], line["rows"], line["power"]) == (2, "24", 1.0)
    assert pd.isna(table.loc[f"heads: {planted_heads.BOTH}", "power"])


def test_repeated_heads_have_the_same_leads_and_p(heads):
    again = repeat_heads(heads, 1)
    assert len(again) == len(planted_heads.METHODS) + len(planted_heads.TESTED)
    assert again["seed"].unique().tolist() == [0]
    assert again["difference"].abs().max() < 1e-6
    ranked = heads.tables["ranked"]
    changed = Section(
        {**heads.tables, "ranked": ranked.assign(lead=ranked["lead"] * 2)}, heads.settings, {}, ""
    )
    moved = repeat_heads(changed, 1)
    assert moved[moved["what"] == "lead"]["difference"].tolist() == pytest.approx([-0.5] * 12)


def test_telling_apart_is_an_auroc_with_exact_bounds():
    found = formula_aurocs(range(8), 1.0, Recipe(widths=(40, 40), layers=1, rows=30, prompts=12))
    assert found["AUROC"].between(0, 1).all()
    assert (found["n"] == 8).all()
    assert ((found["low"] <= found["higher"]) & (found["higher"] <= found["high"])).all()

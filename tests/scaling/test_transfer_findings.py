"""What is carried over, of invented tables: all of it, some, nothing, and what cannot be told."""

from __future__ import annotations

import numpy as np
import pytest
from carried import EMOTIONS, invented
from statsmodels.stats.power import TTestPower

from emotion_utils.alignment.mapped_vectors import BLIND, MAPPED, OTHER, WRONG_PAIRS
from emotion_utils.baselines.remainder import NATS, TEXTS
from emotion_utils.scaling import transfer_findings as findings
from emotion_utils.scaling.transfer import NATIVE, UNTOUCHED
from emotion_utils.statistics.nulls import MEAN
from emotion_utils.steering.controls import ALL


def cell(found, **kept):
    for name, value in {"map": "ridge", "emotion": "anger", "outcome": findings.GAIN, **kept}.items():
        found = found[found[name] == value]
    assert len(found) == 1
    return found.iloc[0]


def test_shares_are_ratios_of_means_in_the_same_contexts():
    table = invented()
    found = findings.shares(table)
    own = table[(table["emotion"] == "anger") & table["map"].isin(["", "ridge"])]
    means = own.groupby(["arm", "prompt"])["gain"].mean().groupby("arm").mean()
    for arm in (MAPPED, WRONG_PAIRS, OTHER, BLIND, "isotropic"):
        row = cell(found, arm=arm)
        assert row["value"] == pytest.approx(means[arm])
        assert row["share"] == pytest.approx(means[arm] / means[NATIVE])
        assert row["low"] < row["share"] < row["high"]
    pooled = cell(found, arm=MAPPED, emotion=MEAN)
    values = [cell(found, arm=MAPPED, emotion=emotion) for emotion in EMOTIONS]
    assert pooled["share"] == pytest.approx(sum(v["value"] for v in values) / sum(v["own"] for v in values))
    assert cell(found, arm=MAPPED, outcome=TEXTS)["share"] == pytest.approx(0.5)
    assert (found["n_units"] == 12).all()


def test_untouched_texts_that_say_it_already_are_taken_off():
    found = findings.shares(invented(texts={UNTOUCHED: 0.25}))
    row = cell(found, arm=MAPPED, outcome=TEXTS)
    assert (row["value"], row["own"]) == pytest.approx((0.25, 0.75))
    assert row["share"] == pytest.approx(1 / 3)


def test_what_is_carried_over_is_said_and_corrected_for_emotions_and_maps():
    found = findings.beside_rivals(invented())
    told = findings.verdicts(found)
    assert told["verdict"].tolist() == ["yes"] * 6
    assert told[[ALL, OTHER, BLIND]].eq("yes").all(axis=None)
    row = cell(found, against=WRONG_PAIRS)
    assert (row["p"], row["p_holm"], row["least"]) == pytest.approx((0.01, 0.04, 0.04))
    assert cell(found, against=WRONG_PAIRS, emotion=MEAN)["p_holm"] == pytest.approx(0.02)
    assert cell(found, against=ALL)["vectors"] == 90
    assert np.isnan(cell(found, against=BLIND)["p"])
    by_odds = cell(found, against=WRONG_PAIRS, outcome=NATS)
    assert by_odds[["p", "left"]].tolist() == pytest.approx(
        row[["p", "left"]].tolist()
    )  # twice the gain, all of it
    assert findings.verdicts(found, TEXTS)["verdict"].tolist() == ["yes"] * 6


def test_a_vector_that_does_what_wrong_pairs_do_is_not_carried_over():
    told = findings.verdicts(findings.beside_rivals(invented(mapped=1.0, spread=0.1)))
    assert told["verdict"].tolist() == ["no"] * 6
    assert (told[OTHER] == "cannot be told").sum() + (told[OTHER] == "yes").sum() == 6


def test_wrong_pairs_that_push_the_wrong_way_make_nothing_a_success():
    told = findings.verdicts(findings.beside_rivals(invented(mapped=0.5, wrong=-5.0, spread=0.1)))
    assert told[WRONG_PAIRS].eq("yes").all()
    assert told[ALL].eq("no").all()
    assert told["verdict"].tolist() == ["no"] * 6


def test_too_few_maps_of_wrong_pairs_cannot_tell_however_large_the_effect():
    found = findings.beside_rivals(invented(maps=19))
    told = findings.verdicts(found).set_index(["map", "emotion"])
    assert (told["low"] > 0).all()
    assert told.loc[("ridge", "anger"), ["least", "verdict"]].tolist() == [
        pytest.approx(0.2),
        "cannot be told",
    ]


def test_a_rank_counts_the_maps_that_do_as_much_in_their_own_contexts():
    table = invented()
    better = (table["arm"] == WRONG_PAIRS) & table["number"].isin([4, 7, 11]) & (table["map"] == "ridge")
    table.loc[better, "gain"] = 20.0
    row = cell(findings.beside_rivals(table), against=WRONG_PAIRS)
    assert row["p"] == pytest.approx(4 / 100)
    assert row["beats"] is None
    assert cell(findings.beside_rivals(table), against=WRONG_PAIRS, map="Procrustes")["p"] == pytest.approx(
        0.01
    )


def test_nothing_can_be_told_where_the_own_vector_does_nothing():
    table = invented(own=0.0, spread=2.0)
    found = findings.shares(table)
    assert found.loc[found["outcome"] != TEXTS, ["share", "low", "high"]].isna().all(axis=None)
    told = findings.verdicts(findings.beside_rivals(table))
    assert told["verdict"].tolist() == ["cannot be told"] * 6


def test_nothing_can_be_told_from_few_kinds_of_events():
    told = findings.verdicts(findings.beside_rivals(invented(n=6)))
    assert told["verdict"].tolist() == ["cannot be told"] * 6
    assert told["n_units"].tolist() == [6] * 6
    assert findings.power(invented(n=6))["least_share"].isna().all()


def test_sizes_are_standardised_differences():
    table = invented()
    found = findings.effect_sizes(table)
    own = findings.effects(table[table["map"].isin(["", "ridge"])], findings.GAIN).loc["anger"]
    gap = own[MAPPED] - own[WRONG_PAIRS]
    row = cell(found, contrast=f"beyond {WRONG_PAIRS}")
    assert row["d_z"] == pytest.approx(gap.mean() / gap.std())
    assert row["mean"] == pytest.approx(gap.mean())
    assert set(found["contrast"]) == {NATIVE, MAPPED, *(f"beyond {rival}" for rival in findings.RIVALS)}


def test_power_is_that_of_a_paired_t_test_between_kinds_of_events():
    row = findings.power(invented()).set_index(["map", "emotion"]).loc[("ridge", "anger")]
    solver = TTestPower()
    assert solver.power(row["least_share"] / row["spread"], 12, 0.05) == pytest.approx(0.8, abs=1e-3)
    d = 0.1 / row["spread"]
    assert (
        solver.power(d, row["needed"], 0.05) >= 0.8 > solver.power(d, row["needed"] - 1, 0.05)
        or row["needed"] == 2
    )


def test_costs_and_main_numbers_are_one_row_each():
    table = invented()
    cost = findings.costs(table)
    assert len(cost) == 1
    assert cost.loc[0, ["contexts", "rows", "vectors_mib", "map_mib", "peak_gib"]].tolist() == [
        12,
        168,
        2,
        1,
        1,
    ]
    assert cost.loc[0, "vectors"] == 2 * (1 + 90 + 2 * (1 + 99 + 1 + 1))
    main = findings.main_findings(table)
    assert len(main) == 6
    assert main["finding"].is_unique
    ours = cell(findings.shares(table), arm=WRONG_PAIRS, emotion=MEAN)
    assert main.loc[0, "null"] == ours["share"]

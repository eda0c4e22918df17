"""Overlaps with larger models: one scale for all layers, or nothing can be said."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.calibration import ledger
from emotion_utils.calibration.scaling import MILLION
from emotion_utils.scrutiny import scaling


@pytest.fixture(scope="module")
def table():
    return ledger.read("phase8").tables["after"]


def layers(rows, model, values):
    claims = [c for c in rows if c.startswith(f"P8.{model}.L") and c.endswith(".after")]
    return {claim: (f"{value:.6f}", value) for claim, value in zip(claims, values, strict=True)}


def test_layers_that_one_scale_gives_are_at_chance(word_of, rows, table):
    own = table[(table["width"] == 4096) & (table["scale"].round(3) == 1.0)].iloc[0]
    printed = layers(rows, "llama3-8b", np.full(12, own["median"] / MILLION))
    found = word_of("P8.llama3-8b.L3.after", printed=printed)
    assert found.word == "at chance"
    assert "12 of 12 layers covered" in found.note


def test_layers_that_need_a_scale_each_say_nothing(word_of, rows):
    printed = layers(rows, "llama3-8b", np.geomspace(0.9, 0.00001, 12)[np.argsort(np.arange(12) % 3)])
    found = word_of("P8.llama3-8b.L3.after", printed=printed)
    assert found.word == "not identifiable"
    assert "this layer alone at" in found.note


def test_what_no_scale_reaches_is_above_chance(word_of, rows):
    printed = layers(rows, "llama3-8b", np.full(12, 0.999))
    assert word_of("P8.llama3-8b.L0.after", printed=printed).word == "above chance"


def test_scales_go_with_depth_as_measured_lengths_do():
    profiles = scaling.depth_profiles(12)
    assert (profiles[scaling.FLAT] == 1).all()
    lengths = ledger.read("lengths").tables["lengths"]
    own = lengths[lengths["model"] == "qwen3-8b"].set_index("layer")["length"]
    grown = profiles["growing as published vectors of qwen3-8b do"]
    steps = np.diff(np.log(own)) / np.diff(own.index)
    assert grown[5] == pytest.approx(np.exp(5 * steps.mean()), rel=1e-6)
    states = ledger.read("real states").tables["dimensions"]
    first = states[states["model"] == "smollm2-135m"]["length"].to_numpy()
    assert profiles["growing as the states of smollm2-135m do"] == pytest.approx(first[:12] / first[0])


def test_a_scale_that_grows_is_followed(table):
    nulls = scaling.Nulls(table[table["width"] == 4096])
    profile = 10.0 ** (np.arange(6) / 10)  # one step of the table for each layer
    start = 12
    own = [
        {
            "value": f"{nulls.median[start + i]:.6f}",
            "lo": nulls.median[start + i],
            "hi": nulls.median[start + i],
        }
        for i in range(6)
    ]
    covered, scale = scaling._best_scale(own, nulls, profile)
    assert covered == 6
    assert abs(np.log10(scale / nulls.scales[start])) < 0.25  # neighbouring scales cover them too
    assert scaling._best_scale(own, nulls, np.ones(6))[0] < 6


@pytest.mark.parametrize(
    ("claim", "printed", "word"),
    [
        ("P8.llama3-8b.L0.before", ("0.000215", 0.000215), "at chance"),
        ("P8.llama3-8b.L0.before", ("0.002150", 0.00215), "above chance"),
        ("P8.gemma3-12b.dmodel", ("3072", 3072.0), "arithmetic fails"),
        ("P8.gemma3-12b.dmodel", ("3840", 3840.0), "arithmetic holds"),
        ("P8.llama3-8b.mean.after", ("0.46081", 0.46081), "arithmetic holds"),
        ("P8.llama3-8b.mean.after", ("0.50000", 0.5), "arithmetic fails"),
        ("P8.gemma3-12b.mean.delta", ("5.2e-05", 5.2e-05), "arithmetic holds"),
        ("P8.gemma3-12b.mean.delta", ("9.2e-05", 9.2e-05), "arithmetic fails"),
        ("P8.llama3-8b.max.delta", ("0.900", 0.9), "arithmetic fails"),
    ],
)
def test_both_answers(word_of, claim, printed, word):
    assert word_of(claim, printed={claim: printed}).word == word


def test_a_check_that_unrelated_models_would_not_pass_is_above_chance(word_of):
    claim = "P8.gemma3-12b.check.after"
    assert word_of(claim).word == "at chance"
    assert word_of(claim, printed={claim: ("yes", float("nan"))}).word == "above chance"

"""The figures of the chapter on vectors say in words what they show."""

from __future__ import annotations

import pandas as pd
import planted
import pytest

from emotion_utils.figures import vectors as figures
from emotion_utils.vectors.contrasts import contrasts
from emotion_utils.vectors.geometry import cosines, halves, lengths, residual_scale
from emotion_utils.vectors.held_out import Probes, held_out
from emotion_utils.vectors.projections import curves, projections


@pytest.fixture(scope="module")
def probes():
    return Probes(planted.set_activations(), "keyword")


@pytest.fixture(scope="module")
def given():
    return contrasts(planted.prompts("keyword"), planted.activations(planted.prompts("keyword"), 1.0), "end")


def test_scores(probes):
    table = held_out(probes, ["other"], methods=["sentence end"])
    shown = figures.held_out(table, "other")
    value = table[(table["set"] == "other") & (table["emotion"] == "anger")]["value"].iloc[0]
    assert f"sentence end: anger: {value:.2f}" in shown.alt
    known = int(table[(table["set"] == "other") & (table["emotion"] != "mean")]["gain_low"].gt(0).sum())
    assert f"{known} of 3" in shown.title
    drawn = figures.aurocs_by_layer(curves(probes, ["other"]), "other")
    assert "the bag of words reaches 0.50" in drawn.alt
    assert len(drawn.figure["data"]) == 5
    beside = figures.models_beside_words(table, "blind", "other", "keyword")
    assert "planted 1.00" in beside.alt
    assert beside.title.startswith("Without emotion words 1 of 1 models read more")
    none = figures.models_beside_words(table.assign(gain_low=-0.1), "blind", "other", "keyword")
    assert none.title.startswith("Without emotion words 0 of 1 models read more")


def test_geometry(given):
    table = cosines(given, 19, 20)
    shown = figures.cosines(table, "Cosines")
    assert f"Cosines from {table['value'].min():.2f} to {table['value'].max():.2f}" in shown.alt
    assert [trace["name"] for trace in shown.figure["data"]][2:] == table["pair"].drop_duplicates().tolist()
    long = lengths(given, residual_scale(given.values), 19, 20)
    assert f"{long['relative'].max():.2f}" in figures.lengths(long, "Lengths").alt
    half = halves(given, 10)
    assert f"{half['value'].max():.2f}" in figures.reliability(half, "Halves").alt


def test_places_and_neurons(probes):
    placed = projections(probes, ["other"])
    shown = figures.projections(placed, "other")
    own = placed[
        (placed["vector"] == "anger") & (placed["emotion"] == "anger") & (placed["made"] == "minus neutral")
    ]
    mean = own["value"].mean()
    assert f"anger: anger {mean:.2f}" in shown.alt
    rows = placed.head(4).assign(layer=[0, 0, 1, 1], neuron=[1, 2, 3, 4], alignment=0.1, t=2.0)
    drawn = figures.neurons(rows[["layer", "neuron", "alignment", "t"]], 3.0, "Neurons")
    assert "first is neuron 1 of layer 0 with alignment 0.10 and t = 2.0; 0 exceed" in drawn.alt


@pytest.mark.parametrize(
    ("lows", "name", "bars"),
    [((0.5, 0.6), "vector, 95 % interval", True), ((0.5, None), "vector, some with interval", True),
     ((None, None), "vector", False)],
)  # fmt: skip
def test_intervals_are_promised_where_they_are_drawn(lows, name, bars):
    table = pd.DataFrame(
        {"set": "x", "method": "end", "emotion": ["anger", "apology"], "value": 0.7, "words": 0.6}
    )
    table = table.assign(null=0.5, null_high=0.6, low=lows, high=[low and 0.9 for low in lows], gain_low=lows)
    shown = figures.held_out(table.astype({"low": float, "high": float, "gain_low": float}), "x")
    (trace,) = [trace for trace in shown.figure["data"] if trace["name"].startswith("vector")]
    assert trace["name"] == name
    assert ("error_x" in trace) is bars
    assert shown.alt.startswith("Dots with intervals" if bars else "Dots: ")
    assert ("too few units" in shown.title) is not bars

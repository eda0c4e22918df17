"""Figures of the chapters on heads: what they draw, say and carry."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.figures import heads as figures

EMOTIONS = ["gratitude", "anger", "apology"]


@pytest.fixture
def effects():
    rows = [
        (e, layer, head, f"L{layer}H{head}", 1.0 - layer - 0.5 * head, 0.01 if head == 0 else 0.5)
        for e in EMOTIONS
        for layer in range(2)
        for head in range(3)
    ]
    table = pd.DataFrame(rows, columns=["emotion", "layer", "head", "name", "effect", "p"])
    return table.assign(share=table["effect"] / 4)


def traces(shown, kind):
    return [t for t in shown.figure["data"] if t["type"] == kind]


def test_the_map_has_a_panel_per_emotion_and_marks_what_stands_out(effects):
    shown = figures.effect_map(effects, "effect", "Effects", "nats")
    maps, dots = traces(shown, "heatmap"), traces(shown, "scatter")
    assert len(maps) == len(dots) == 3
    assert maps[0]["z"] == [[1, 0.5, 0], [0, -0.5, -1]]
    assert maps[0]["zmin"] == -1
    assert dots[0]["x"] == [0, 0]
    assert dots[0]["y"] == [0, 1]
    assert "gratitude L0H0 1.00, 2 heads with p <= 0.05" in shown.alt


def test_a_scatter_has_the_line_of_equality_and_says_the_correlation(effects):
    shown = figures.scatter(effects.assign(cheap=2 * effects["effect"]), "effect", "cheap", "Cheap")
    lines = traces(shown, "scatter")
    assert lines[0]["x"] == lines[0]["y"] == [-2, 2]
    assert [t["name"] for t in lines[1:]] == EMOTIONS
    assert "gratitude correlation 1.00" in shown.alt


def test_layers_add_up_what_helps_and_what_opposes(effects):
    shown = figures.depth(effects)
    bars = traces(shown, "bar")
    assert len(bars) == 6
    assert bars[0]["y"] == pytest.approx([0.375, 0])
    assert bars[1]["y"] == pytest.approx([0, -0.375])
    assert "gratitude most in layer 0 (38%)" in shown.alt


def test_curves_say_how_many_heads_are_enough():
    table = pd.DataFrame(
        [
            (o, s, s / 4 if o == "greedy" else 0.1, 0.0, 1.0)
            for o in ("greedy", "random order")
            for s in range(5)
        ],
        columns=["order", "size", "share", "low", "high"],
    )
    shown = figures.circuit_curves(table, 0.8, 2, "Curves")
    assert "greedy 4 heads; random order never" in shown.alt
    assert traces(shown, "scatter")[0]["error_y"]["array"] == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    falling = figures.circuit_curves(table.assign(share=1 - table["share"]), 0.5, 2, "Left", down=True)
    assert "greedy 2 heads; random order never" in falling.alt


def test_bars_and_random_sets_name_their_shares():
    table = pd.DataFrame(
        {"set": ["own", "neutral"], "share": [0.9, 0.1], "low": [0.8, 0.0], "high": [1.0, 0.2]}
    )
    assert "own 90%; neutral 10%" in figures.shares(table, "set", "Replies", "share").alt
    random = pd.DataFrame({"kind": ["a", "a", "b"], "share": [0.1, 0.3, 0.5]})
    shown = figures.sets(random, 0.9, "Sets")
    assert shown.alt == "The circuit keeps 90%; a: mean 20%, at most 30%; b: mean 50%, at most 50%."
    assert len(traces(shown, "histogram")) == 2


def test_the_flow_draws_each_link_and_escapes_nothing_into_markup():
    links = pd.DataFrame(
        [(1, 0, 2, 0, 0.9), (0, 1, 0, 0, 1.0)], columns=["layer", "head", "query", "key", "weight"]
    )
    shown = figures.flow(links, ["<b>", "said", '"'], "Way")
    drawn = traces(shown, "scatter")
    assert len(drawn) == 2
    assert {tuple(t["x"]) for t in drawn} == {(0, 2), (0, 0)}
    assert "L1H0 looks at '<b>' (90%)" in shown.alt
    assert "<b>" not in shown.markup


def test_models_have_a_point_per_emotion_with_its_interval():
    rows = [(m, e, 0.9, 0.8, 0.95) for m in ("small-gpt2", "small-neo") for e in EMOTIONS]
    table = pd.DataFrame(rows, columns=["model", "emotion", "kept", "kept_low", "kept_high"])
    shown = figures.models(table, "kept", "Kept", "share", 0.8)
    points = traces(shown, "scatter")
    assert points[0]["x"] == ["gpt2", "neo"]
    assert points[0]["error_y"]["arrayminus"] == pytest.approx([0.1, 0.1])
    assert "small-gpt2 0.90" in shown.alt

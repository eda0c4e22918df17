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
    assert "gratitude L0H0 1.00, 2 heads with a dot (p of 0.05 or less)" in shown.alt


def test_a_scatter_has_the_line_of_equality_and_says_the_correlation(effects):
    shown = figures.scatter(effects.assign(cheap=2 * effects["effect"]), "effect", "cheap", "Cheap")
    lines = traces(shown, "scatter")
    assert lines[0]["x"] == lines[0]["y"] == [-2, 2]
    assert [t["name"] for t in lines[1:]] == EMOTIONS
    assert "gratitude correlation 1.00" in shown.alt


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


def test_a_one_sided_quantity_has_a_scale_from_zero(effects):
    positive = figures.effect_map(effects.assign(effect=effects["effect"].abs()), "effect", "Effects", "nats")
    nearly = figures.effect_map(
        effects.assign(effect=effects["effect"].clip(lower=-0.1)), "effect", "Effects", "nats"
    )
    assert [traces(shown, "heatmap")[0]["zmin"] for shown in (positive, nearly)] == [0, 0]


def test_dots_ask_for_a_share_too_where_one_is_named(effects):
    shown = figures.effect_map(effects, "share", "Shares", "share", 0.2)
    dots = traces(shown, "scatter")
    assert dots[0]["y"] == [0]  # of the two heads with p of 0.01 the one of layer 1 carries nothing
    assert "1 heads with a dot (p of 0.05 or less, and 20% or more)" in shown.alt


def test_looking_names_who_looks_most_and_who_acts_most():
    table = pd.DataFrame(
        {"emotion": ["anger"] * 2, "name": ["L0H0", "L0H1"], "delta": [-0.5, 0.2], "share": [0.01, -0.3]}
    )
    shown = figures.looking(table, "Looking")
    points = traces(shown, "scatter")[0]
    assert (points["x"], points["y"]) == ([0.5, 0.2], [0.01, 0.3])
    assert "L0H0 looks most and carries 1%, L0H1 carries most, 30%" in shown.alt


def test_random_sets_are_dots_beside_the_circuit_in_a_panel_per_measure():
    random = pd.DataFrame(
        {"measure": ["odds", "odds", "texts"], "kind": ["size", "norm", "norm"], "share": [0.1, 0.3, 0.9]}
    )
    own = pd.DataFrame(
        {"measure": ["odds", "texts"], "share": [0.92, 0.9], "low": [0.9, 0.8], "high": [0.95, 1.0]}
    )
    shown = figures.beside_sets(random, own, "Sets")
    drawn = traces(shown, "scatter")
    assert [t["x"] for t in drawn] == [[0.1], [0.3], [0.92], [0.9], [0.9]]
    assert "texts, norm: 90% on average, 90% at most; the circuit 90%" in shown.alt
    assert len(drawn) == 5


def test_memberships_are_bars_of_which_the_circuit_is_filled():
    table = pd.DataFrame(
        {"name": ["a", "b", "c"], "frequency": [1.0, 0.5, 0.25], "member": [True, False, True]}
    )
    shown = figures.memberships(table, "Members")
    bars = traces(shown, "bar")
    assert (bars[0]["x"], bars[0]["y"]) == (["a", "c"], [1.0, 0.25])
    assert bars[1]["x"] == ["b"]
    assert shown.alt.startswith("Chosen most often: a 100%, b 50%")


def test_models_have_a_point_per_emotion_with_its_interval():
    rows = [(m, e, 0.9, 0.8, 0.95) for m in ("small-gpt2", "small-neo") for e in EMOTIONS]
    table = pd.DataFrame(rows, columns=["model", "emotion", "kept", "kept_low", "kept_high"])
    shown = figures.models(table, "kept", "Kept", "share", 0.8)
    points = traces(shown, "scatter")
    assert points[0]["x"] == ["gpt2", "neo"]
    assert points[0]["error_y"]["arrayminus"] == pytest.approx([0.1, 0.1])
    assert "small-gpt2 0.90" in shown.alt

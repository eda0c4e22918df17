"""Figures of predictable and novel parts: what is drawn for each model, and what titles say."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import predictable
import pytest
from predictable import LAYERS, REAL, SMALL

from emotion_utils.figures import predictability as figures
from emotion_utils.plots.panels import thinned


def traces(shown, name):
    return [trace for trace in shown.figure["data"] if trace["name"] == name]


def test_the_picture_has_the_predictor_beside_the_best_baseline_and_the_wrong_past():
    shown = figures.by_layer(predictable.explained())
    for name, value in (("predictor", 0.4), ("best baseline", 0.3), ("past of another text", -0.2)):
        assert [list(trace["x"]) for trace in traces(shown, name)] == [
            list(map(str, LAYERS[m])) for m in LAYERS
        ]
        assert all(trace["y"] == pytest.approx([value] * 3) for trace in traces(shown, name))
    small, real = traces(shown, "predictor")
    assert (small["marker"]["symbol"], real["marker"]["symbol"]) == ("circle-open", "circle")
    assert (
        shown.title == "From what came before R² is 0.40, by the best baseline 0.30, from another text -0.20"
    )
    assert f"{REAL}, layer 15 0.40" in shown.alt


def test_every_measure_has_its_row():
    shown = figures.by_measure(predictable.explained(without_massive=0.1))
    assert list(traces(shown, "first layer read: best baseline")[0]["y"]) == [
        "pooled",
        "no massive",
        "per dimension",
    ]
    (first, _) = traces(shown, "first layer read")
    assert dict(zip(first["y"], first["x"], strict=True)) == pytest.approx(
        {"pooled": 0.4, "no massive": 0.1, "per dimension": 0.4}
    )
    assert shown.title == "The measure decides: R² is 0.40 pooled, over all measures 0.10 to 0.40"


@pytest.mark.parametrize(("falls", "n"), [(True, 6), (False, 0)])
def test_the_error_falls_or_it_does_not(falls, n):
    shown = figures.by_position(predictable.positions(falls))
    assert f"falls at {n} of 6 layers" in shown.title
    (line, _) = traces(shown, "layer between")
    assert line["y"][0] == pytest.approx((3.95 if falls else 4.05) / 8)
    assert traces(shown, "layer between: mean of the position")[0]["y"] == pytest.approx([1] * 31)


def test_training_and_positions_are_lines_by_layer():
    places = predictable.positions().query("prediction == 'predictor'")
    curve = places.rename(columns={"position": "step", "r2": "validation_r2"})
    shown = figures.learning(curve)
    assert len(traces(shown, "last layer read")) == 2
    assert shown.title == "Training reaches a validation R² of 0.69"
    along = figures.surprise_by_position(places.assign(value=0.25))
    assert "correlation is +0.25, by model" in along.title
    assert f"{SMALL}, layer 5 +0.25" in along.alt


@pytest.mark.parametrize(("rho", "n"), [(0.4, 6), (0.1, 0)])
def test_the_whole_window_decides_where_surprise_shows(rho, n):
    shown = figures.surprise(predictable.correlations(rho))
    assert shown.title == f"The new part is longer where a token surprises at {n} of 6 layers"
    assert traces(shown, "at equal positions")[1]["y"] == pytest.approx([rho] * 3)
    assert traces(shown, "given frequency and position")[0]["y"] == pytest.approx([rho / 2] * 3)
    assert traces(shown, "texts exchanged, to 95 %")[0]["error_y"]["array"] == pytest.approx([0.05] * 3)


def test_a_heat_map_has_a_row_of_panels_and_brackets_what_is_not_above_chance():
    shown = figures.heat(predictable.probes(), "domain")
    heat = [trace for trace in shown.figure["data"] if trace["type"] == "heatmap"]
    assert [list(one["y"]) for one in heat] == [["0", "2", "5"], ["0", "15", "29"]]
    assert list(heat[0]["x"]) == ["h", "h_hat", "r", "tokens before"]
    assert list(heat[0]["text"][0]) == ["0.60", "0.50", "(0.15)", "0.50"]
    assert shown.title == "The domain is read best from h (0.60), least from r"


def test_probes_without_intervals_are_bracketed():
    table = predictable.probes().assign(macro_low=float("nan"))
    heat = figures.heat(table, "domain").figure["data"][0]
    assert list(heat["text"][0]) == ["(0.60)", "(0.50)", "(0.15)", "(0.50)"]


def test_splits_are_drawn_and_what_is_beyond_them_is_not():
    shown = figures.splits({"domain": predictable.splits(), "type": predictable.splits(-0.4, -0.6)})
    assert {trace["name"] for trace in shown.figure["data"]} == {
        "h_hat − r", "previous h − change of h", "linear h_hat − linear r"
    }  # fmt: skip
    assert len(traces(shown, "h_hat − r")) == 4
    assert sum(trace["showlegend"] for trace in traces(shown, "h_hat − r")) == 1
    assert "domain +0.20 (others +0.30); type -0.40 (others -0.60)" in shown.title


def test_tokens_without_text_are_marked_and_one_token_does_not_pale_the_others():
    texts = [
        ("novel", ["", "I", " was"], np.array([0.0, 90.0, -1.0])),
        ("diary", ["so", "", "!"], np.array([0.0, 1.0, -3.0])),
    ]
    shown = figures.in_text(texts, "small-pythia", 2)
    assert "Windows of novel, diary: most novel is 'I' (+90.0), least novel '!' (-3.0)." in shown.alt
    assert "◦" in shown.markup
    assert max(span for span in map(float, re.findall(r'title="([-0-9.]+)"', shown.markup))) == 6.0


def test_a_vector_and_its_parts_stand_beside_random_vectors():
    shown = figures.steering(predictable.effects())
    (own, _) = traces(shown, "anger")
    assert own["y"][0] == "whole vector<br>equal length"
    assert own["x"] == pytest.approx([1, 2, 3, 4, 5])
    assert traces(shown, "random vectors, to 95 %")[0]["error_x"]["array"] == pytest.approx([0.3] * 15)
    assert (
        shown.title
        == "At equal length, mean gain in nats: whole vector +1.00, predictable part +3.00, new part +5.00"
    )


def test_one_layer_of_one_model_is_enough():
    one = predictable.explained().query("model == @SMALL and layer == 2")
    shown = figures.by_measure(one)
    assert [t["name"] for t in shown.figure["data"]] == [
        "first layer read: best baseline",
        "first layer read",
    ]


def test_long_lines_are_thinned_at_equal_steps_and_short_ones_are_whole():
    short, long = (
        pd.DataFrame({"model": name, "position": range(1, n + 1)}) for name, n in (("a", 47), ("b", 255))
    )
    found = thinned(pd.concat([short, long], ignore_index=True)).groupby("model")["position"].agg(list)
    assert found["a"] == list(range(1, 48))
    assert found["b"] == list(range(1, 256, 4))

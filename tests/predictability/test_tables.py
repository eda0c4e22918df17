"""Tables of a study say what can be computed from its states by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from emotion_utils.parts.error_sums import MEASURES
from emotion_utils.parts.split import WAYS
from emotion_utils.predictability import tables
from emotion_utils.predictability.study import OTHER_TEXT, PREDICTOR


def test_r2_is_that_of_the_states(one):
    table = tables.explained(one)
    assert set(table["measure"]) == {*MEASURES, tables.PER_DIMENSION}
    assert set(table["layer"]) == set(one.layers)
    for layer in one.layers:
        own = table[table["layer"] == layer].set_index(["measure", "prediction"])["r2"]
        parts = one.parts[layer]
        square = parts.novel.double().square().flatten(0, 1)
        around = (parts.h.double() - parts.h.double().mean(dim=(0, 1))).square().flatten(0, 1)
        assert own["pooled", PREDICTOR] == pytest.approx(1 - float(square.sum() / around.sum()), abs=1e-5)
        each = 1 - square.sum(dim=0) / around.sum(dim=0)
        assert own[tables.PER_DIMENSION, PREDICTOR] == pytest.approx(float(each.mean()), abs=1e-5)
        assert own["around position mean", "position mean"] <= 1e-6
        # whoever knows another text predicts worse than whoever knows this one
        assert own["pooled", OTHER_TEXT] < own["pooled", PREDICTOR]


def test_shares_and_curves_name_their_layer(one):
    shares = tables.shares(one).set_index("layer")
    assert (shares["massive"] == [int(one.errors[layer].massive.sum()) for layer in one.layers]).all()
    curve = tables.curve(one)
    best = curve.loc[curve.groupby("layer")["validation_r2"].idxmax()].set_index("layer")
    assert (best["kept"] == best["step"]).all()
    positions = tables.positions(one)
    assert positions.groupby("layer")["position"].max().eq(one.sizes.length - 1).all()


def test_correlations_leave_out_the_start_of_windows(one):
    table, curves = tables.correlations(one)
    layer = one.layers[0]
    own = table.set_index(["layer", "part"]).loc[(layer, "all")]
    assert (own["first"], own["last"]) == (one.sizes.first, one.sizes.length - 1)
    each = [
        spearmanr(one.norms[layer][:, at], one.surprisal[:, at])[0]
        for at in range(one.sizes.first - 1, one.sizes.length - 1)
    ]
    assert own["rho"] == pytest.approx(np.nanmean(each), abs=1e-6)
    by_position = tables.rho_by_position(curves)
    assert list(by_position.columns) == ["layer", "position", "value", "low", "high"]


def test_tokens_types_and_colours_are_of_test_windows(one):
    layer = one.layers[1]
    found = tables.tokens(one, layer, 4)
    assert found["side"].tolist() == ["most"] * 4 + ["least"] * 4
    row = found.iloc[0]
    assert row["surprisal"] == pytest.approx(one.surprisal[row["window"], row["position"] - 1])
    tokens = one.norms[layer].size
    assert tables.by_type(one, layer)["n"].sum() == tables.by_frequency(one, layer)["n"].sum() == tokens
    shown = tables.coloured(one, layer, 2)
    assert [len(texts) for _, texts, _ in shown] == [one.sizes.length] * 2
    assert len({domain for domain, _, _ in shown}) == 2


def test_both_parts_written_back_change_nothing(one):
    found = tables.written(one, one.layers[0]).set_index("way")
    assert list(found.index) == list(WAYS)
    assert found["largest"].max() < 1e-4
    assert found.loc["both", "recovered"] == pytest.approx(1, abs=1e-4)
    assert found.loc["mean", "recovered"] == 0


def test_tables_of_several_models_and_layers_stand_below_each_other():
    one, other = pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [3]})
    assert tables.beside({"x": one, "y": other})["model"].tolist() == ["x", "x", "y"]
    assert tables.by_layer({3: other}).to_dict("list") == {"layer": [3], "a": [3]}
    assert list(one.columns) == ["a"]

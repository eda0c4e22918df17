"""The score after alignment with a wider model: the published formula, and what its scale does."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.calibration import ledger
from emotion_utils.calibration.scaling import SCALES, after, by_scale, lengths, products
from emotion_utils.core.errors import UserError
from emotion_utils.planted.generators import random_basis, spectrum
from emotion_utils.subspaces.measures import published_phase8


@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_it_is_the_published_formula_in_any_coordinates(scale):
    parts = []
    for part, d in zip(np.random.SeedSequence(3).spawn(2), (20, 50), strict=True):
        rng = np.random.default_rng(part)
        neutral, emotional = (rng.normal(size=(15, d)) * spectrum(d, 1.0) for _ in range(2))
        turn = random_basis(d, np.random.default_rng(d))
        parts.append((neutral @ turn, emotional @ turn))
    (r, one), (t, other) = parts
    published = published_phase8(r, scale * t, one, scale * other, 4)[1]
    assert after(products(3, 50, source=20, rows=15, k=4), scale) == pytest.approx(published, rel=1e-9)


def test_the_score_falls_with_the_scale_alone():
    table = by_scale(range(4), 200, (0.01, 1.0, 50.0, 500.0))
    assert table["median"].is_monotonic_decreasing
    assert 0.5e6 < table["median"].iloc[0] <= 1e6
    # where nothing is clipped, the score is inverse to the square of the scale
    assert table["median"].iloc[2] == pytest.approx(100 * table["median"].iloc[3])
    assert (table["low"] <= table["median"]).all()
    assert (table["median"] <= table["high"]).all()


def test_the_committed_table_is_what_the_first_pairs_give():
    table = ledger.read("phase8").tables["after"]
    assert sorted(table["width"].unique()) == [3840, 4096]
    assert table["scale"].min() == pytest.approx(min(SCALES))
    assert table["scale"].max() == pytest.approx(max(SCALES))
    own = table[(table["width"] == 3840) & (table["scale"] == 1.0)].iloc[0]
    inside = [own["low"] <= 1e6 * float(after(products(seed, 3840), 1.0)) <= own["high"] for seed in range(6)]
    assert sum(inside) >= 5


def test_lengths_are_those_of_the_vectors(tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    lines = {
        "layer_3__a": np.array([3.0, 4.0]),
        "layer_3__b": np.array([0.0, 7.0]),
        "layer_12__a": np.ones(4),
    }
    np.savez(folder / "raw_vectors.npz", **lines)
    table = lengths(tmp_path, ["m"])
    assert table["layer"].tolist() == [3, 12]
    assert table["length"].tolist() == pytest.approx([6.0, 2.0])
    assert table["n"].tolist() == [2, 1]
    with pytest.raises(UserError, match="folder of the published vectors"):
        lengths(tmp_path, ["other"])

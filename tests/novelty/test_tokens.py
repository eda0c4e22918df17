"""Planted surprises are found where they stand, beside the enormous states that begin a window."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import median_abs_deviation

from emotion_utils.core.errors import UserError
from emotion_utils.novelty.tokens import by_frequency, by_type, coloured, extremes, novelty, relative_length

WINDOWS, POSITIONS = 30, 15
DOCUMENTS = np.repeat(np.arange(10), 3)
TEXTS = ["", " the", " cat", " sat", ".", " zebra"]


@pytest.fixture
def planted():
    """Lengths a hundred times larger at the first position; a zebra is always new, a mark never."""
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 4, (WINDOWS, POSITIONS + 1))
    ids[4, 9], ids[11, 3], ids[20, 12] = 5, 5, 4
    norms = 10 + rng.random((WINDOWS, POSITIONS))
    norms[:, 0] *= 100
    norms[4, 8], norms[11, 2], norms[20, 11] = 40, 30, 1
    return norms, ids


def test_novelty_is_in_robust_standard_deviations_of_its_position(planted):
    norms, _ = planted
    spread = median_abs_deviation(norms, axis=0, scale="normal")
    np.testing.assert_allclose(novelty(norms), (norms - np.median(norms, axis=0)) / spread, rtol=1e-4)
    np.testing.assert_allclose(relative_length(norms) * np.median(norms), norms)
    assert (novelty(np.ones((5, 3))) == 0).all()


def test_the_most_and_the_least_novel_tokens_are_those_planted(planted):
    norms, ids = planted
    surprisal = np.arange(norms.size, dtype=float).reshape(norms.shape)
    table = extremes(norms, ids, surprisal, TEXTS, n=2)
    most, least = (table[table["side"] == side] for side in ("most", "least"))
    assert most["token"].tolist() == [" zebra", " zebra"]
    assert most[["window", "position"]].to_numpy().tolist() == [[4, 9], [11, 3]]
    assert most["before"].iloc[1] == "".join(TEXTS[i] for i in ids[11, :3])
    assert most["surprisal"].iloc[0] == surprisal[4, 8]
    assert least.iloc[0][["token", "window", "position"]].tolist() == [".", 20, 12]
    assert most["relative"].iloc[0] == pytest.approx(40 / np.median(norms))


def test_a_window_for_the_viewer_has_a_number_for_every_token(planted):
    norms, ids = planted
    words, values = coloured(norms, ids, TEXTS, 4)
    assert len(words) == len(values) == POSITIONS + 1
    assert words[int(values.argmax())] == " zebra"
    assert values[0] == 0


def test_means_by_type_have_intervals_over_documents():
    rng = np.random.default_rng(1)
    types = rng.integers(0, 2, (WINDOWS, POSITIONS)) * 2
    norms = rng.standard_normal(types.shape) + 10 + (types == 2) * 4
    table = by_type(norms, types, DOCUMENTS).set_index("type")
    assert table.index.tolist() == ["letter", "newline"]
    z = novelty(norms)
    assert table.loc["letter", "z"] == pytest.approx(z[types == 2].mean())
    assert table.loc["letter", "low"] > table.loc["newline", "high"]
    assert table["n"].sum() == types.size
    assert table["documents"].tolist() == [10, 10]


def test_rare_tokens_stand_first_and_unseen_ones_before_them():
    rng = np.random.default_rng(2)
    times = rng.choice([0, 1, 2, 50, 60, 4000], (WINDOWS, POSITIONS))
    norms = 10 - np.log1p(times) + 0.1 * rng.standard_normal(times.shape)
    table = by_frequency(norms, np.log1p(times), DOCUMENTS, n_bins=3)
    assert table["times"].tolist() == ["never", "1 to 2", "50 to 60", "4,000"]
    assert (np.diff(table["z"]) < 0).all()
    assert table["n"].tolist()[0] == (times == 0).sum()


def test_what_is_usual_needs_two_windows_and_some_length():
    with pytest.raises(UserError, match="two windows, not 1"):
        novelty(np.ones((1, 4)))
    with pytest.raises(UserError, match="length 0"):
        relative_length(np.zeros((4, 4)))

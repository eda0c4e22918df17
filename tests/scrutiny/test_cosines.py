"""Cosines of vectors without any emotion, in as many dimensions as real states have."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.scrutiny import cosines


def test_means_less_one_neutral_mean_have_cosines_around_one_half():
    drawn = cosines.cosines_without_emotion(200.0)
    assert drawn.shape == (cosines.DRAWS, 3)
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)


def test_they_scatter_the_more_the_fewer_dimensions_there_are():
    few, many = (cosines.cosines_without_emotion(dims).std() for dims in (3.0, 60.0))
    assert few > 3 * many


@pytest.mark.parametrize("dims", [1.5, 5.0, 40.0])
def test_axes_have_the_dimensions_that_were_asked_for(dims):
    axes = cosines.axes_of(dims)
    assert (axes**2).sum() ** 2 / (axes**4).sum() == pytest.approx(dims, rel=1e-6)
    assert (np.diff(axes) <= 0).all()


def test_the_dimensions_are_those_of_two_pretrained_models():
    found = cosines.measured_dimensions()
    assert set(found) == {"smollm2-135m", "gemma3-270m"}
    assert all(2 < dims < 30 for dims in found.values())


@pytest.mark.parametrize(
    ("claim", "printed", "word"),
    [
        ("P3.cos.end.pythia", ("0.96..0.99", 0.96, 0.99), "above chance"),
        ("P3.cos.end.pythia", ("0.30..0.60", 0.30, 0.60), "at chance"),
        ("P3.cos.end.pythia", ("0.78..0.85", 0.78, 0.85), "undecided"),  # only in many dimensions
        ("P3.cos.end.ga", ("-0.80", -0.80), "above chance"),
        ("P3.cos.end.ga", ("0.40", 0.40), "at chance"),
        ("P3.cos.tok.ga", ("0.20", 0.20), "at chance"),
        ("P3.cos.tok.ga", ("-0.70", -0.70), "undecided"),
    ],
)
def test_both_answers(word_of, claim, printed, word):
    assert word_of(claim, printed={claim: printed}).word == word


def test_the_three_cosines_of_a_model_are_tested_together(word_of):
    three = {
        "P3.cos.end.ga.b": ("0.95", 0.95),
        "P3.cos.end.gp": ("0.96", 0.96),
        "P3.cos.end.ap": ("0.97", 0.97),
    }
    found = {claim: word_of(claim, printed=three) for claim in three}
    assert {one.word for one in found.values()} == {"above chance"}
    assert len({one.note for one in found.values()}) == 1
    # one high cosine among low ones is no surprise
    assert word_of("P3.cos.end.ap", printed={"P3.cos.end.ap": ("0.97", 0.97)}).word == "at chance"


def test_p_is_the_share_of_draws_on_the_nearer_side_twice():
    draws = np.sort(np.random.default_rng(0).normal(size=999))
    found = cosines._beside(1.5, 1.5, {"some": draws}, 1)
    p = 2 * ((draws >= 1.5).sum() + 1) / 1000
    assert found.note.endswith(f"p = {p:.2g}")
    assert found.word == "at chance"
    assert cosines._beside(5.0, 6.0, {"some": draws}, 1).note.endswith("p = 0.002")


def test_the_order_of_printed_cosines(word_of):
    assert word_of("P3.separation").word == "arithmetic holds"
    assert word_of("P3.separation", printed={"P3.cos.tok.ga": ("0.40", 0.40)}).word == "arithmetic fails"

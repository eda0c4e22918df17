"""Something is said of every claim, and a report that printed other figures would be judged otherwise."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from emotion_utils import scrutiny
from emotion_utils.reports.claims import read_claims
from emotion_utils.scrutiny import counts, effects, scaling, siblings


@pytest.fixture(scope="module")
def claims():
    return read_claims().set_index("id")


@pytest.fixture(scope="module")
def found():
    return scrutiny.everything()


def changed(claims, claim, value, **numbers):
    """The claims, one of them with other figures."""
    table = claims.copy()
    table.loc[claim, "value"] = value
    for column, number in numbers.items():
        table.loc[claim, column] = number
    return table


def test_every_claim_has_a_word_and_what_it_rests_on(found, claims):
    assert list(found) == claims.index.tolist()
    assert all(said.note for said in found.values())
    assert sum(said.word != "no null applies" for said in found.values()) >= 120


def test_prefixes_select(found):
    assert set(scrutiny.of("P1.", "P75.n.")) == {c for c in found if c.startswith(("P1.", "P75.n."))}


def test_where_places_of_the_reports_differ_it_is_said(found):
    assert found["P5.layer.deep"].word == "conflicts"
    assert "P5.layer.mid says 6..7" in found["P5.layer.deep"].note
    # what can be computed keeps its word, and the conflict stays in the note
    assert found["P3.cos.end.ga"].word == "at chance"
    assert "P3.cos.end.ga.b says 0.48" in found["P3.cos.end.ga"].note


def test_sums_of_prompts_and_files_follow_their_parts(claims):
    wrong = changed(claims, "P1.size.total", "690", lo=690.0, hi=690.0)
    assert counts.scrutiny(wrong)["P1.size.total"].word == "arithmetic fails"
    wrong = changed(claims, "P2.files.baseline", "900", lo=900.0, hi=900.0)
    assert counts.scrutiny(wrong)["P2.files.baseline"].word == "arithmetic fails"
    assert counts.scrutiny(claims)["P2.files.baseline"].word == "arithmetic holds"


def test_two_counts_are_compared_exactly(claims):
    many = changed(claims, "P7.patch.kw", "4->40", lo=4.0, hi=40.0)
    assert counts.scrutiny(claims)["P7.patch.kw"].word == "at chance"
    assert counts.scrutiny(many)["P7.patch.kw"].word == "above chance"


def test_means_less_one_neutral_mean_have_a_cosine_of_one_half():
    cosines, dims = counts.cosines_without_emotion(0.0)
    assert cosines.mean() == pytest.approx(0.5, abs=0.01)
    assert dims == pytest.approx(768)


def test_p_values_are_those_of_the_t_test():
    x = np.random.default_rng(0).normal(0.1, 1, 70)
    d = x.mean() / x.std(ddof=1)
    assert effects.p_of(d, 70) == pytest.approx(stats.ttest_1samp(x, 0).pvalue, rel=1e-10)


@pytest.mark.parametrize(
    ("claim", "value", "word"),
    [
        ("P75.gratitude.p", "0.398", "arithmetic holds"),
        ("P75.gratitude.p", "0.040", "arithmetic fails"),
        ("P75.sentiment.d", "0.5", "above chance"),
        ("P75.gratitude.diff", "0.060", "arithmetic fails"),  # no whole number of words over 70
        ("P75.power", "0.300", "arithmetic fails"),
        ("P75.n.small", "199", "arithmetic holds"),
        ("P75.n.small", "225", "arithmetic holds"),  # 85 %, by the normal approximation
        ("P75.n.small", "210", "arithmetic fails"),
    ],
)
def test_effects_follow_from_d_and_n(claims, claim, value, word):
    table = changed(claims, claim, value, lo=float(value), hi=float(value))
    assert effects.scrutiny(table)[claim].word == word


def test_an_interval_of_another_width_does_not_follow(claims):
    assert effects.scrutiny(claims)["P75.anger.ci"].word == "arithmetic holds"
    wide = changed(claims, "P75.anger.ci", "-0.571..0.557", lo=-0.571, hi=0.557)
    assert effects.scrutiny(wide)["P75.anger.ci"].word == "arithmetic fails"


def test_overlaps_after_alignment_name_the_scales_that_give_them(claims, found):
    said = found["P8.llama3-8b.L11.after"]
    assert said.word == "at chance"
    assert "times the scale of GPT-2" in said.note
    beyond = changed(claims, "P8.llama3-8b.L11.after", "0.999999", lo=0.999999, hi=0.999999)
    assert scaling.scrutiny(beyond)["P8.llama3-8b.L11.after"].word == "above chance"
    assert scaling.scrutiny(beyond)["P8.llama3-8b.mean.after"].word == "arithmetic fails"


def test_a_check_that_unrelated_models_would_not_pass_is_above_chance(claims, found):
    assert found["P8.gemma3-12b.check.after"].word == "at chance"
    assert scaling.scrutiny(changed(claims, "P8.gemma3-12b.check.after", "yes"))[
        "P8.gemma3-12b.check.after"
    ].word == ("above chance")


def test_the_width_of_a_model_is_a_fact(claims, found):
    assert found["P8.gemma3-12b.dmodel"].word == "arithmetic fails"
    right = changed(claims, "P8.gemma3-12b.dmodel", "3840", lo=3840.0, hi=3840.0)
    assert scaling.scrutiny(right)["P8.gemma3-12b.dmodel"].word == "arithmetic holds"


def test_flipped_signs_give_the_p_values_of_the_siblings(claims, found):
    assert "p = 0.81" in found["C.knockout.L22.mean"].note
    assert "p = 0.28" in found["C.knockout.mean"].note
    # of 2^7 patterns of signs, which differ by whole tenths, those as far from 0 as the observed one
    printed = claims[claims.index.str.match(r"C\.knockout\.(?!L22|mean|random)")]
    tenths = ((printed["lo"] - printed["hi"]) * 10).round().astype(int)
    sums = [abs(np.dot(signs, tenths)) for signs in product((-1, 1), repeat=len(tenths))]
    assert f"p = {np.mean([s >= abs(tenths.sum()) for s in sums]):.2g}" in found["C.knockout.mean"].note


def test_recall_is_a_whole_number_of_posts_and_means_are_those_of_their_labels(claims, found):
    assert found["C.knockout.food"].word == "arithmetic holds"
    # of fewer posts than other labels: duplicates were taken out
    assert "101 and 76 of 114" in found["C.knockout.manufacturer"].note
    impossible = changed(claims, "C.knockout.food", "-99.9 vs -0.1", lo=-99.9, hi=-0.1)
    assert siblings.scrutiny(impossible)["C.knockout.food"].word == "arithmetic fails"
    wrong = changed(claims, "C.knockout.L22.mean", "-60.0 vs -74.2", lo=-60.0)
    assert siblings.scrutiny(wrong)["C.knockout.L22.mean"].word == "arithmetic fails"


def test_a_bag_of_words_is_further_away_than_chance(claims, found):
    assert found["C.f1.tfidf"].word == "above chance"
    assert siblings.scrutiny(changed(claims, "C.f1.tfidf", "83.2", lo=83.2))["C.f1.tfidf"].word == "at chance"
    # the siblings saw the same posts, and nothing says how often both err
    assert found["C.f1.jpn"].word == "no null applies"


def test_a_mean_outside_its_interval_does_not_follow(claims):
    moved = changed(claims, "P75.gratitude.ci", "0.500..0.764", lo=0.5, hi=0.764)
    said = effects.scrutiny(moved)["P75.gratitude.ci"]
    assert said.word == "arithmetic fails"
    assert "lies outside" in said.note


def test_values_over_k_name_both_nulls(found):
    assert "12 independent pairs" in found["P75.k2.apology"].note

"""Records and sentences on planted tables, at both ends: all, none, one."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.steering import dose, findings

MODELS = ["model", "emotion", "share", "steered", "control", "controls", "p", "beyond_random"]


def models(blind_p=0.3, blind_steered=True):
    rows = [
        ("one", "anger", 1.0, True, 0.02, 10, 0.01, True),
        ("one", "apology", 0.9, True, 0.04, 10, 0.02, True),
        ("two", "anger", 1.0, True, 0.1, 10, 0.01, True),
        ("two", "apology", 1.0, True, 0.1, 10, 0.119, False),
        ("three", "anger", 1.0, True, 0.01, 10, 0.01, True),
        ("three", "apology", 0.2, False, 0.01, 10, 0.9, False),
        ("blind", "anger", 1.0, blind_steered, 0.2, 10, blind_p, blind_p <= 0.05),
        ("blind", "apology", 0.9, False, 0.3, 10, 0.04, True),
    ]
    return pd.DataFrame(rows, columns=MODELS).assign(q=lambda t: t["p"])


def test_models_are_counted_with_and_without_their_random_vectors():
    summary = findings.summarise_models(models(), "blind")
    assert "within the budget in **2 of 3** models (one, two)." in summary
    assert (
        "In **1 of 3** models it does so with every q at most 0.05; not for two apology (q = 0.119)."
        in summary
    )
    assert (
        "turn 1.0% to 10.0% of the contexts (mean of each model); in **2 of 3** models that is 5% or less."
        in summary
    )
    none = models().assign(steered=False)
    assert "**0 of 3** models (none)." in findings.summarise_models(none, "blind")


def test_a_blind_model_that_is_steered_shows_what_steering_does_not_show():
    summary = findings.summarise_blind_model(models(), "blind")
    assert "*steering moves what the model understands* does not follow" in summary
    assert "to 1 of 2 emotions (mean share 95%)" in summary
    assert "turn 25% of its contexts too, against 1% to 10% elsewhere" in summary
    assert "not beyond random ones for 1 of 2 emotions (p 0.040 to 0.300)." in summary
    assert "Random vectors do not explain it (p 0.010 to 0.040)." in findings.summarise_blind_model(
        models(0.01), "blind"
    )


def test_a_blind_model_that_is_not_steered_shows_nothing():
    summary = findings.summarise_blind_model(models(blind_steered=False), "blind")
    assert summary == "The blind model cannot be steered with such vectors."


@pytest.mark.parametrize(("share", "turns"), [(0.2, True), (0.5, False), (1.0, False)])
def test_a_vector_turns_round_where_more_than_half_of_the_contexts_follow_both_signs(share, turns):
    wrong = pd.DataFrame(
        [("anger", 1.0, 9.0, 0.0), ("anger", -1.0, -1.0, share), ("anger", 2.0, 9.0, 1.0),
         ("apology", 1.0, 9.0, 0.0), ("apology", -1.0, -2.0, 0.0)],
        columns=["emotion", "alpha", "shift", "wrong"],
    )  # fmt: skip
    summary = findings.summarise_signs(wrong)
    assert ("*anger* does **not** turn round" in summary) is not turns
    assert "*apology* turns round with the sign" in summary
    assert f"one way only for **{0 if turns else 1} of 2** emotions" in summary


def test_broken_texts_are_no_test_of_whether_a_vector_is_specific():
    rows = [
        ("anger", "all random", 0.9, 0.9),
        ("anger", "vector of apology", 0.75, 0.0),
        ("anger", "vector of gratitude", 0.0, 0.8),
    ]
    table = pd.DataFrame(rows, columns=["emotion", "against", "control", "none of them"])
    summary = findings.summarise_specificity(table)
    assert "Of the 2 pairs" in summary
    assert "1 say this emotion all the same: the vector of apology says anger in 75% of them." in summary
    assert "But in **1** of these 2 pairs more than half of the texts open like no reply" in summary
    whole = table.assign(**{"none of them": 0.5})
    assert "open like no reply" not in findings.summarise_specificity(whole)


TESTED = pd.DataFrame(
    [("test", "anger", 0.8, 1.5, 4, 3), ("test", "apology", 1.0, 0.5, 4, 8),
     ("fresh", "anger", 0.79, 1.0, 9, 5), ("fresh", "apology", 0.9, 1.6, 9, 5)],
    columns=["contexts", "emotion", "share", "cost", "n_units", "different"],
)  # fmt: skip


def test_an_emotion_is_steered_where_it_reaches_the_goal_within_the_budget():
    full, none = findings.reached_goal(TESTED)
    assert full == ("test", 2, 2, (), 4, (3, 8))
    assert none[:3] == ("fresh", 0, 2)
    assert [(m.emotion, m.share, m.cost) for m in none.missed] == [
        ("anger", 0.79, 1.0),
        ("apology", 0.9, 1.6),
    ]
    (one,) = findings.reached_goal(TESTED.iloc[[1, 2]].assign(contexts="both"))
    assert (one.reached, one.emotions, one.missed[0].emotion) == (1, 2, "anger")


def test_a_text_without_a_cost_is_not_within_the_budget():
    (row,) = findings.reached_goal(TESTED.head(1).assign(cost=float("nan")))
    assert row.reached == 0


def random_vectors(p, highest):
    rows = [
        (emotion, against, 0.25, high, 6, 0.01, value, 0.125)
        for emotion, value, high in zip(("anger", "apology"), p, highest, strict=True)
        for against in ("all random", "isotropic")
    ]
    columns = ["emotion", "against", "control", "highest", "controls", "p", "p_holm", "none of them"]
    return findings.beside_random(pd.DataFrame(rows, columns=columns))


@pytest.mark.parametrize(
    ("p", "highest", "largest", "beyond", "lucky"),
    [((0.01, 0.05), (0.5, 1.0), 0.05, True, 2), ((0.01, 0.06), (0.5, 0.49), 0.06, False, 1),
     ((0.5, 1.0), (0.0, 0.0), 1.0, False, 0)],
)  # fmt: skip
def test_random_vectors_are_summed_up_over_their_kinds_alone(p, highest, largest, beyond, lucky):
    random = random_vectors(p, highest)
    assert (random.p, random.beyond, random.lucky, random.controls) == (largest, beyond, lucky, 6)
    assert random.by_emotion == (
        ("anger", 0.25, highest[0], 0.125),
        ("apology", 0.25, highest[1], 0.125),
    )


def swept(says, alphas):
    rows = {"emotion": "gratitude", "made": "centred", "layer": 1, "alpha": alphas, "says": says}
    return pd.DataFrame(rows)


def test_what_a_negative_strength_says_is_a_mean_over_the_strengths():
    table = swept(["anger", "anger", "neutral", None], [-1.0, -2.0, -2.0, 1.0])
    minus = findings.negative_strength(dose.emotion_shares(table), table)
    assert minus.strengths == 2
    assert minus.says == {"anger": 0.75, "neutral": 0.25}
    assert list(minus.says) == ["anger", "neutral"]
    assert (minus.highest, minus.turns, minus.highest_anywhere) == (1.0, True, 1.0)


def test_a_negative_strength_that_never_says_the_opposite():
    table = swept([None, "neutral", "anger"], [-1.0, -1.0, 1.0])
    minus = findings.negative_strength(dose.emotion_shares(table), table)
    assert minus.says == {"none of them": 0.5, "neutral": 0.5}
    assert (minus.strengths, minus.highest, minus.turns, minus.highest_anywhere) == (1, 0.0, False, 0.0)


def test_half_of_the_texts_make_a_direction_of_the_opposite():
    table = swept(["anger", "neutral"], [-1.0, -1.0])
    elsewhere = swept(["anger", "neutral", "neutral", "neutral"], [-1.0] * 4)
    minus = findings.negative_strength(dose.emotion_shares(table), elsewhere)
    assert (minus.highest, minus.turns, minus.highest_anywhere) == (0.5, True, 0.25)


def test_the_divergence_of_the_first_word_stands_beside_that_of_the_text():
    texts = pd.DataFrame({"emotion": ["apology", "apology", "anger"], "kl": [1.0, float("nan"), 0.5]})
    first = pd.DataFrame({"emotion": ["anger", "anger", "apology"], "kl": [4.0, 6.0, 2.0]})
    assert findings.divergences(texts, first) == [("apology", 2.0, 1.0), ("anger", 5.0, 0.5)]


def test_a_window_is_counted_over_the_emotions():
    rows = [
        ("end", "anger", 1.0, 1.0), ("end", "apology", 0.8, 1.5), ("all", "anger", 0.5, 1.0),
        ("all", "apology", 1.0, 9.0), ("one", "anger", 0.5, 1.0), ("one", "apology", 1.0, 1.2),
    ]  # fmt: skip
    gains = findings.window_gains(pd.DataFrame(rows, columns=["where", "emotion", "share", "cost"]))
    assert [(g.where, g.reached, g.emotions) for g in gains] == [("end", 2, 2), ("all", 0, 2), ("one", 1, 2)]
    assert [(g.share, g.cost) for g in gains] == [(0.9, 1.25), (0.75, 5.0), (0.75, 1.1)]


def test_a_score_rises_where_its_interval_lies_above_zero():
    rows = [
        ("classifier", "anger", "untouched", 0.5, 0.25, 0.25, 0.1, 0.4),
        ("classifier", "anger", "random vectors", 0.5, 0.5, 0.0, 0.0, 0.1),
        ("classifier", "apology", "untouched", 0.5, 0.25, 0.25, float("nan"), float("nan")),
        ("repetition", "anger", "untouched", 0.1, 0.2, -0.1, -0.2, 0.0),
    ]
    columns = ["score", "emotion", "against", "steered", "reference", "difference", "low", "high"]
    apart = pd.DataFrame(rows, columns=columns)
    assert [gain.above for gain in findings.real_world_gains(apart, "classifier")] == [True, False, False]
    assert findings.real_world_gains(apart, "repetition") == [("anger", "untouched", *rows[3][3:], False)]
    assert findings.real_world_gains(apart, "vader") == []

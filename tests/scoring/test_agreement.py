"""How far judges can be trusted: scikit-learn's numbers, and judges that are right, blind or drawn."""

from __future__ import annotations

import numpy as np
import own_labels
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, confusion_matrix

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.models.loading import load_tokenizer
from emotion_utils.prompts.loading import load_profile
from emotion_utils.prompts.splits import normalise
from emotion_utils.scoring import (
    accuracy,
    agreement_by_texts,
    agreements,
    confusions,
    make_panel,
    outside_texts,
    own_accuracy,
    own_classifier,
    own_confusions,
    summarise_judges,
    summarise_own_judges,
    training_texts,
)
from emotion_utils.scoring.agreement import LABELS, STATED, WIDE, judged_outside, judged_own, kappa
from emotion_utils.scoring.panel import MARKERS, RULE, WORDS, OwnPanel


@pytest.fixture(scope="module")
def outside():
    return judged_outside(make_panel())


@pytest.fixture
def drawn():
    """Two sets of 20 and 10 families; a judge that is right, one that always says neutral, one that is drawn."""
    rng = np.random.default_rng(3)
    family = np.repeat(np.arange(30), 6)
    emotion = np.array(EMOTIONS, dtype=object)[np.where(rng.random(30) < 0.4, 3, np.arange(30) % 4)][family]
    return pd.DataFrame(
        {
            "text": [str(i) for i in range(180)],
            "emotion": emotion,
            "group": family.astype(str),
            "unit": family,
            "set": np.where(family < 20, "one", "two"),
            "right": emotion,
            "neutral": "neutral",
            "drawn": rng.choice(LABELS, size=180),
        }
    )


def test_outside_texts_share_no_family_and_no_text_with_what_is_trained_on():
    texts, known = outside_texts(), training_texts()
    assert set(texts["set"]) == {"baseline", "extended", "minimal_pairs", "unfamiliar"}
    assert texts["text"].is_unique
    assert not set(texts["text"].map(normalise)) & set(known["text"].map(normalise))
    families = pd.concat([load_profile(name)["group"] for name in ("powered", "real_world")])
    assert not set(texts["group"]) & set(families)
    assert texts.groupby("set")["unit"].nunique().min() >= 19


def test_accuracy_and_recall_are_those_of_scikit_learn(outside):
    table = accuracy(outside, [WORDS, MARKERS], n_permutations=19)
    assert len(table) == 8
    for row in table.itertuples():
        part = outside[outside["set"] == row.set]
        right = (part[row.judge] == part["emotion"]).mean()
        assert (row.accuracy, row.n) == (pytest.approx(right), len(part))
        told = balanced_accuracy_score(
            part["emotion"].astype(str),
            part[row.judge].astype(str).where(part[row.judge] != "undecided", "neutral"),
        )
        if "undecided" not in set(part[row.judge]):
            assert row.recall == pytest.approx(told)
        assert row.neutral == pytest.approx((part["emotion"] == "neutral").mean())
        assert row.low <= row.accuracy <= row.high


def test_a_judge_that_always_says_neutral_cannot_be_told_from_itself(drawn):
    table = accuracy(drawn, ["right", "neutral"], n_permutations=199).set_index(["judge", "set"])
    for chosen in ("one", "two"):
        blind, right = table.loc["neutral", chosen], table.loc["right", chosen]
        assert (blind["accuracy"], blind["recall"]) == (blind["neutral"], 0.25)
        assert (blind["p"], blind["told"]) == (1.0, False)
        assert (right["accuracy"], right["recall"], right["told"]) == (1.0, 1.0, True)
        assert right["p"] == pytest.approx(1 / 200)
    text = summarise_judges(table.reset_index())
    assert "*right*: right on *one* 100%" in text
    assert "**not told from always saying neutral on one, two**" in text


def test_a_judge_that_knows_something_and_is_right_less_often_than_the_blind_one_is_not_told():
    # half of 40 families are neutral; one emotion is always told, and half of the neutral texts are called by its name
    family = np.repeat(np.arange(40), 4)
    emotion = np.where(family % 2 == 0, "neutral", np.array(EMOTIONS, dtype=object)[family // 2 % 3])
    said = np.where(
        (emotion == "gratitude") | ((family % 4 == 0) & (emotion == "neutral")), "gratitude", "neutral"
    )
    table = pd.DataFrame({"emotion": emotion, "group": family.astype(str), "unit": family, "set": "one"})
    row = accuracy(table.assign(judge=said), ["judge"], n_permutations=499).iloc[0]
    assert row["accuracy"] == pytest.approx(((emotion == "gratitude") | (family % 4 == 2)).mean())
    assert row["accuracy"] < row["neutral"] == 0.5
    assert row["p"] <= 0.05
    assert not row["told"]


def test_a_judge_that_draws_its_verdicts_is_rarely_told(drawn):
    rng, hits = np.random.default_rng(0), []
    for _ in range(60):
        table = drawn.assign(luck=rng.choice(EMOTIONS, size=len(drawn)))
        hits += accuracy(table, ["luck"], n_permutations=39)["told"].tolist()
    # 120 tests at 5 %: 6 expected, and more than 14 in one of a thousand such runs
    assert sum(hits) <= 14


def test_the_null_keeps_families_together():
    # 12 families of 10 equal texts: a judge that knows one family by heart is right in ten texts at once
    family = np.repeat(np.arange(12), 10)
    emotion = np.array(EMOTIONS, dtype=object)[family % 4]
    said = np.where(family == 0, "gratitude", "neutral").astype(object)
    table = pd.DataFrame({"emotion": emotion, "group": family.astype(str), "unit": family, "set": "one"})
    row = accuracy(table.assign(judge=said), ["judge"], n_permutations=1999).iloc[0]
    # its recall is (1/3 + 1) / 4, and again so wherever the family that it names is drawn as one of gratitude, which is
    # one draw in four; in all others it is less
    assert row["p"] == pytest.approx(0.25, abs=0.04)


def test_confusions_are_those_of_scikit_learn(outside):
    stated = outside[outside["set"].isin(STATED)]
    table = confusions(stated, [WORDS, RULE])
    for name in (WORDS, RULE):
        ours = table[table["judge"] == name].set_index("emotion")[list(LABELS)]
        expected = confusion_matrix(stated["emotion"].tolist(), stated[name].tolist(), labels=list(LABELS))[
            :4
        ]
        np.testing.assert_array_equal(ours.to_numpy(), expected)
        assert list(ours.index) == list(EMOTIONS)


@pytest.mark.parametrize("seed", range(3))
def test_kappa_is_that_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    one = rng.choice(LABELS, size=80)
    other = np.where(rng.random(80) < 0.6, one, rng.choice(LABELS, size=80))
    third = rng.choice(LABELS, size=80)
    table = pd.DataFrame({"one": one, "other": other, "third": third, "unit": np.arange(80) // 4})
    found = agreements(table, ["one", "other", "third"], seed=seed)
    pairs = found[found["one"] != "all"]
    for row in pairs.itertuples():
        assert row.kappa == pytest.approx(cohen_kappa_score(table[row.one], table[row.other]))
        assert row.low < row.kappa < row.high
        assert row.same == (table[row.one] == table[row.other]).mean()
    assert pairs.iloc[0]["low"] > 0.2
    assert found.iloc[-1]["same"] == np.mean((one == other) & (other == third))
    assert set(found["n"]) == {80}


def test_intervals_of_judges_that_draw_their_verdicts_hold_0():
    rng, held = np.random.default_rng(0), []
    for _ in range(60):
        table = pd.DataFrame({name: rng.choice(LABELS, size=80) for name in ("one", "other")})
        row = agreements(table.assign(unit=np.arange(80) // 4), ["one", "other"], n_resamples=200).iloc[0]
        held.append(row["low"] <= 0 <= row["high"])
    assert sum(held) >= 51  # of 60 at 95 %, 57 are expected, and fewer than 51 in one of a thousand such runs


def test_labelled_texts_stand_beside_those_of_a_page(outside):
    panel = make_panel()
    page = pd.DataFrame({"text": outside["text"].head(40), "unit": np.arange(40) // 4})
    table = agreement_by_texts(panel, outside, page, seed=1)
    assert table["texts"].tolist() == ["labelled"] * 2 + ["of this page"] * 2
    assert table["n"].tolist() == [len(outside)] * 2 + [40] * 2
    for part, rows in ((outside, table[:2]), (outside.head(40), table[2:])):
        expected = cohen_kappa_score(part[WORDS].astype(str), part[MARKERS].astype(str))
        assert rows["kappa"].iloc[0] == pytest.approx(expected)
        assert rows["same"].iloc[1] == (part[WORDS] == part[MARKERS]).mean()  # two judges: a pair is all


def test_kappa_needs_two_verdicts_and_an_interval_eight_units():
    same = pd.DataFrame({"one": ["neutral"] * 20, "other": ["neutral"] * 20, "unit": np.arange(20)})
    assert np.isnan(agreements(same, ["one", "other"]).iloc[0]["kappa"])
    few = pd.DataFrame({"one": ["neutral", "anger"] * 10, "other": ["anger", "anger"] * 10, "unit": 0})
    row = agreements(few.assign(unit=np.arange(20) % 7), ["one", "other"]).iloc[0]
    assert row["kappa"] == 0
    assert np.isnan([row["low"], row["high"]]).all()
    # the textbook's case: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no give (0.7 - 0.5) / (1 - 0.5)
    assert float(kappa(np.array([20.0, 5, 10, 15]))) == pytest.approx(0.4)


def own_judged(n=40, units=20):
    emotion = np.array((["joy"] * 5 + ["worry"] * 3 + ["calm"] * 2) * (n // 10), dtype=object)
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "text": [str(i) for i in range(n)],
            "emotion": emotion,
            "unit": np.arange(n) % units,
            "right": emotion,
            "largest": "joy",
            "drawn": rng.permutation(emotion),
        }
    )


def test_a_judge_of_own_labels_is_held_against_the_largest_class():
    table = own_accuracy(own_judged(), ["right", "largest", "drawn"]).set_index("judge")
    assert (table["largest"] == 0.5).all()
    assert table["accuracy"].loc[["right", "largest"]].tolist() == [1.0, 0.5]
    assert table["told"].tolist() == [True, False, False]
    few = own_accuracy(own_judged(units=7), ["right"])
    assert not few["told"].any()  # without an interval nothing is told
    assert "it is no judge" in summarise_own_judges(few)
    assert "no judge" not in summarise_own_judges(table.reset_index().head(1))


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_judge_that_learnt_labels_by_chance_says_that_it_is_none(tmp_path, shuffled):
    texts = own_labels.texts_of(load_tokenizer("small-gpt2"), tmp_path, n=40, shuffled=shuffled)
    panel = OwnPanel({WORDS: own_classifier(texts[texts["split"] != "test"]).predict})
    judged = judged_own(panel, texts[texts["split"] == "test"])
    table = own_accuracy(judged, panel.names)
    assert table["units"].item() > 8
    assert table["told"].item() != shuffled
    assert ("**it is no judge**" in summarise_own_judges(table)) == shuffled


def test_many_labels_are_listed_with_what_each_is_taken_for():
    labels = [f"label {i}" for i in range(WIDE + 1)]
    said = [labels[0], labels[0], *labels[1:]]
    judged = pd.DataFrame({"emotion": [labels[0], labels[1], *labels[1:]], WORDS: said})
    table = own_confusions(judged, [WORDS], labels).set_index("emotion")
    assert table.loc["label 1", ["n", "right", "taken for"]].tolist() == [2, 1, "label 0 (1)"]
    assert table.loc["label 2", "taken for"] == ""
    few = own_confusions(own_judged(), ["right"], ("joy", "worry", "calm"))
    assert few[["joy", "worry", "calm", "undecided"]].to_numpy().tolist() == [
        [20, 0, 0, 0],
        [0, 12, 0, 0],
        [0, 0, 8, 0],
    ]

"""A rule that says the same to all says nothing; no shipped rule does, or it may not say its word."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.scrutiny import collected, rule_for_rules
from emotion_utils.scrutiny.judging import TRUE, judged, single
from emotion_utils.scrutiny.rule_for_rules import (
    FALSE,
    INSTEAD,
    MORE,
    TOO_MANY,
    VALUES,
    held_to,
    seen_as,
    tried,
)
from emotion_utils.scrutiny.rules import Scrutiny, computed, under_null


@pytest.fixture(scope="module")
def results():
    return collected.trials()


def made(high):
    return single(
        "made", "A", lambda row: under_null(row, 0.0, high, "null"),
        null=lambda rng: float(rng.uniform(0, high)), plant=lambda rng: 9.9, planted="9.9",
    )  # fmt: skip


ROWS = {"A": {"value": "1.00", "lo": 1.0, "hi": 1.0, "kind": "number", "metric": "scores"}}


@pytest.mark.parametrize(("high", "word"), [(1.0, "at chance"), (0.5, "above chance"), (100.0, INSTEAD)])
def test_a_rule_that_spares_nothing_may_only_say_not_identifiable(high, word):
    rule = made(high)
    found = held_to([rule], judged([rule], ROWS), tried([rule], ROWS))
    assert found["A"].word == word


@pytest.mark.parametrize(("width", "word"), [(0.05, "arithmetic holds"), (3.0, INSTEAD)])
def test_what_follows_from_everything_may_only_be_called_not_identifiable(width, word):
    rule = single("made", "A", lambda row: computed(row, 1.0 / (1 + width), 1.0 + width, "sum"))
    found = held_to([rule], judged([rule], ROWS), tried([rule], ROWS))
    assert found["A"].word == word


def test_near_a_limit_more_values_are_tried():
    values = []

    def judge(row):
        values.append(row["lo"])
        return under_null(row, 0.0, 8.0, "null")  # 95 % of log-uniform values from 0.1 to 10 lie below

    one = tried([single("made", "A", judge)], ROWS)[0]
    assert len(values) == VALUES * (1 + MORE)
    assert one.invented["at chance"] == pytest.approx(np.log(80.5) / np.log(100), abs=0.02)


def test_what_does_not_follow_is_said_however_easily_other_values_follow():
    rule = single("made", "A", lambda row: computed(row, 1.01, 100.0, "sum"))
    found = held_to([rule], judged([rule], ROWS), tried([rule], ROWS))
    assert found["A"].word == "arithmetic fails"


def test_shares_are_of_all_values_and_the_same_each_time():
    one, again = (tried([made(1.0)], ROWS)[0] for _ in range(2))
    assert one == again
    assert sum(one.invented.values()) == pytest.approx(1.0)
    assert one.invented["at chance"] == pytest.approx(0.5, abs=0.1)  # log-uniform around the value
    assert one.null == {"at chance": 1.0}
    assert one.planted == {"above chance": 1.0}


def test_every_rule_that_reads_a_value_is_tried(results, rules):
    assert {one.rule for one in results} == {rule.name for rule in rules if rule.reads_value}
    assert len(results) <= 40


def test_no_shipped_word_is_one_that_its_rule_says_to_nearly_all(results, said):
    for one in results:
        barred = {word for word, most in TOO_MANY.items() if one.invented.get(word, 0.0) > most}
        assert barred.isdisjoint(said[claim].word for claim in one.claims), one.rule


def test_rules_call_their_own_null_above_chance_no_more_often_than_allowed(results):
    drawn = [one for one in results if one.null]
    assert len(drawn) >= 20
    assert {
        one.rule: one.null.get("above chance", 0.0)
        for one in drawn
        if one.null.get("above chance", 0.0) > FALSE
    } == {}


def test_rules_see_what_is_planted_or_may_not_speak(results):
    speaking = [one for one in results if one.planted and not one.too_often()]
    assert len(speaking) >= 20
    assert {one.rule: one.planted for one in speaking if one.planted.get(seen_as(one), 0.0) < 0.9} == {}


def test_rules_that_may_not_speak_are_named(results, said):
    came = rule_for_rules.outcome(results, said)
    assert "order of models, scales open" in came.silent
    assert "the reports' own checks, scales open" in came.silent
    assert came.rules == len(results)
    assert came.barred == sum(
        said[c].word == INSTEAD for one in results if one.too_often() for c in one.claims
    )
    assert came.null <= FALSE
    assert came.seen >= 0.9


def test_the_table_has_a_row_for_each_rule(results):
    table = rule_for_rules.table(results)
    words = [
        "at chance",
        "above chance",
        "undecided",
        "not identifiable",
        "arithmetic holds",
        "arithmetic fails",
        "conflicts",
    ]
    assert table[words].sum(axis=1).tolist() == pytest.approx([1.0] * len(results))
    shown = rule_for_rules.shown(results)
    assert shown["rule"].tolist() == table["rule"].tolist()
    assert shown["claims"].sum() == sum(len(one.claims) for one in results)
    assert "*" not in "".join(shown["planted"])


@pytest.mark.parametrize(
    ("plant", "word"),
    [
        (TRUE, "arithmetic holds"),
        ("x: *undecided*", "undecided"),
        ("x: *conflicts*", "conflicts"),
        ("d = 0.5", "above chance"),
    ],
)
def test_planted_values_should_get_a_word(plant, word):
    one = tried([made(1.0)], ROWS)[0]._replace(plant=plant)
    assert seen_as(one) == word


def test_words_that_are_not_too_frequent_stay():
    said = {"A": Scrutiny("undecided", "x")}
    assert held_to([made(100.0)], said, tried([made(100.0)], ROWS)) == said

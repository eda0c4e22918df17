"""Something is said of every claim; the words of the shipped claims that outside readers disputed."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from emotion_utils import scrutiny
from emotion_utils.scrutiny import collected
from emotion_utils.scrutiny.rules import NOTHING, SCRUTINY


def test_every_claim_has_a_word_and_what_it_rests_on(said, rows):
    assert list(said) == list(rows)
    assert all(one.note for one in said.values())
    assert sum(one.word != NOTHING for one in said.values()) >= 200


def test_every_claim_has_one_rule(rules, rows):
    decided = Counter(claim for rule in rules for claim in rule.claims)
    assert set(decided) == set(rows)
    assert set(decided.values()) == {1}


def test_prefixes_select(said):
    assert set(scrutiny.of("P1.", "P75.n.")) == {c for c in said if c.startswith(("P1.", "P75.n."))}


def test_words_are_counted_in_their_order(said):
    counts = Counter(one.word for one in said.values())
    told = scrutiny.counted(said)
    assert told == ", ".join(f"{counts[word]} *{word}*" for word in SCRUTINY if counts[word])
    assert scrutiny.counted({}) == ""


@pytest.mark.parametrize(
    ("claim", "word"),
    [
        # a rotation of all coordinates gains as much on random subspaces
        ("P35.procrustes", "at chance"),
        ("P35.procrustes.b", "at chance"),
        # 85 % power, by the normal approximation
        ("P75.n.small", "arithmetic holds"),
        ("P75.n.medium", "arithmetic holds"),
        # one fair conflict: the same sweep over layers
        ("P5.layer.deep", "conflicts"),
        ("P5.layer.mid", "conflicts"),
        ("P7.patch.l0h0", "undecided"),
        ("P6.ablate.sent", "at chance"),
        ("P6.ablate.sent.none", "undecided"),
        ("P6.top.gratitude", "undecided"),
        ("P6.top.layer0", "undecided"),
        # the scale is free per layer
        ("P8.llama3-8b.L11.after", "not identifiable"),
        ("P8.qwen3-8b.L4.after", "not identifiable"),
        ("P8.gemma3-12b.L5.after", "at chance"),  # one scale gives its layers
        ("P8.ranking", "not identifiable"),
        ("P8.llama3-8b.check.after", "not identifiable"),
        ("P8.gemma3-12b.check.delta", "not identifiable"),
        ("P35.align.after", "not identifiable"),  # unrelated models reach 1.00
        ("P35.align.angle", "not identifiable"),  # and a gain of 0.87
        # three cosines together, in measured dimensions
        ("P3.cos.end.pythia", "above chance"),
        ("P3.cos.end.ap", "at chance"),
        # five layers, of which none knows how alike they are
        ("P35.k.value", "undecided"),
        ("P75.k2.anger", "undecided"),
        ("P75.k2.apology", "undecided"),
        ("P75.k2.gratitude", "undecided"),
        ("P75.k.drop", "undecided"),
        ("P75.k20.anger", "at chance"),
        ("P35.k.best", "not identifiable"),
        # one training each
        ("C.sae.highd", "undecided"),
        ("C.sae.specific", "undecided"),
        ("C.circuit.jpn", "undecided"),
        ("C.circuit.base", "undecided"),
        ("C.sparsity.active", "undecided"),
        ("C.sparsity.top20", "at chance"),
        ("C.sae.variety", "arithmetic fails"),
        ("C.knockout.food", "not identifiable"),
        ("C.knockout.mean", "at chance"),
        # one test is counted once
        ("P75.gratitude.d", "at chance"),
        ("P75.gratitude.diff", "arithmetic holds"),
        ("P75.sentiment.diff", "not identifiable"),
        ("P2.bytes", "arithmetic holds"),  # of the baseline profile, which the list of files is about
    ],
)
def test_words_that_readers_disputed(said, claim, word):
    assert said[claim].word == word


def test_only_statements_about_the_same_thing_conflict(said):
    assert {claim for claim, one in said.items() if one.word == "conflicts"} == {
        "P5.layer.deep",
        "P5.layer.mid",
    }


def test_the_other_place_is_named_with_the_reason(said):
    assert (
        "P6.ablate.sent says L0H0 -0.0349, section 8.2, about another thing"
        in said["P6.ablate.sent.none"].note
    )
    assert "P3.cos.end.ga.b says 0.48, section 4.1, neither prints an error" in said["P3.cos.end.ga"].note
    assert "0.07 of 0.1496 is 0.0105" in said["P35.procrustes"].note


def test_claims_that_have_a_null_when_measured_are_not_said_to_have_none(said):
    measured = (
        "P3.cos.tok.ga",
        "P3.cos.tok.pythia.ga",
        "P3.cos.tok.pythia.gp",
        "P5.repetition",
        "P5.realworld",
    )
    measured += ("P5.multitoken", "P5.random", "P6.top.layers", "P7.patch.vonly")
    assert NOTHING not in {said[claim].word for claim in measured}


def test_undecided_claims_name_both_ends(said):
    open_claims = {claim: one.note for claim, one in said.items() if one.word == "undecided"}
    assert open_claims
    assert [
        claim
        for claim, note in open_claims.items()
        if ";" not in note and ", or " not in note and " or " not in note
    ] == []


def test_the_same_kind_of_number_has_the_same_kind_of_rule(rules, rows):
    """Claims of one phase, metric and kind share one rule, but for the few kinds that are named with the reason."""
    kinds = defaultdict(set)
    for rule in rules:
        for claim in rule.claims:
            row = rows[claim]
            kinds[row["phase"], row["metric"], row["kind"]].add(rule.name)
    several = {kind for kind, names in kinds.items() if len(names) > 1}
    known = {
        ("3", "cosine", "number"),  # at the end of a sentence and at words
        ("3.5", "seed cos^2", "number"),  # before and after a map
        ("6", "sentiment difference", "number"),  # of one claim no figure is printed
        ("7", "sentiment difference", "number"),  # for one head the other report prints an interval
        ("7.5", "mean difference", "number"),  # whole words and scores
        ("8", "seed cos^2", "number"),  # before and after a map, and means of these
        ("siblings", "points", "pair"),  # labels and their mean
        ("siblings", "%", "pair"),  # of features that are specific, and of activation that the top holds
    }
    assert several == known


def test_a_claim_without_a_rule_stops_the_collection(monkeypatch):
    from emotion_utils.core.errors import UserError

    every = collected.all_rules
    monkeypatch.setattr(
        collected,
        "all_rules",
        lambda rows, seed=0: [r for r in every(rows, seed) if "P1.size.total" not in r.claims],
    )
    with pytest.raises(UserError, match=r'"P1\.size\.total"'):
        collected._everything(99)

"""Records on planted tables of effects, at both ends: all, none, one."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.circuits import findings

EFFECTS = pd.DataFrame(
    [("anger", "L0H0", 0.5, 0.25), ("anger", "L0H1", -2.0, 0.75),
     ("apology", "L0H0", 1.0, 0.5), ("apology", "L0H1", 3.0, 0.875)],
    columns=["emotion", "name", "effect", "share"],
)  # fmt: skip


@pytest.mark.parametrize(
    ("p", "found", "for_all", "against"),
    [((0.01, 0.05, 0.01, 0.01), 4, 2, ("L0H1",)), ((0.06, 0.5, 1.0, 0.2), 0, 0, ()),
     ((0.01, 0.9, 0.9, 0.9), 1, 0, ()), ((0.01, 0.9, 0.02, 0.9), 2, 1, ())],
)  # fmt: skip
def test_effects_that_stand_out_are_counted_by_head_and_sign(p, found, for_all, against):
    record = findings.effects_found(EFFECTS.assign(p=p))
    assert (record.found, record.effects, record.for_all, record.against) == (found, 4, for_all, against)
    assert record.largest == (("anger", "L0H0", 0.25), ("apology", "L0H1", 0.875))


def test_a_cheap_method_is_judged_by_order_and_size():
    agreed = pd.DataFrame(
        {"method": ["zero", "cheap", "cheap"], "pearson": [0.1, 0.9, 1.0], "spearman": [0.2, 0.75, 0.5]}
    )
    both = pd.DataFrame({"exact": [4.0, -2.0, 1.0, 0.1], "cheap": [2.0, -0.5, 1.0, 10.0]})
    assert findings.cheap_method(agreed, both, "cheap", top=3) == (0.9, 1.0, 0.5, 0.75, 0.5)
    assert findings.cheap_method(agreed, both, "cheap", top=1).size == 0.5
    exact = both.assign(cheap=both["exact"])
    assert findings.cheap_method(agreed, exact, "cheap").size == 1.0


def test_the_largest_heads_and_those_against_are_named():
    found = findings.effects_found(EFFECTS.assign(p=0.01))
    text = findings.found_in_words(found, 2)
    assert "L0H0 for anger (25%), L0H1 for apology (88%). 2 heads stand out for both emotions" in text
    assert text.endswith("work: L0H1.")
    none = findings.found_in_words(found._replace(against=()), 3)
    assert none.endswith("work: none.")
    many = findings.found_in_words(found._replace(against=tuple("abcdefghij")), 3)
    assert many.endswith("a, b, c, d, e, f, g, h and 2 more.")
    assert "all 3 emotions" in many


def test_other_prompts_are_told_with_and_without_wordings():
    split = pd.DataFrame({"spearman": [0.9, 0.95]})
    both = findings.again_in_words(pd.DataFrame({"spearman": [0.5, 0.7]}), split)
    assert "between wordings at 0.50 to 0.70, between halves of the units at 0.90 to 0.95" in both
    alone = findings.again_in_words(pd.DataFrame({"spearman": []}), split)
    assert "one wording" in alone
    assert "between wordings" not in alone


def models(pearson, low):
    rows = [
        (model, emotion, p, end, 0.7, end, 2.0, 3, share)
        for model, p, end in zip(("one", "two"), pearson, low, strict=True)
        for emotion, share in (("anger", 0.25), ("apology", 0.5))
    ]
    rows += [
        ("blind", "anger", 0.1, 0.0, 0.1, 0.0, -0.5, 1, 9.0),
        ("blind", "apology", 0.1, 0.0, 0.1, 0.0, 0.25, 0, 9.0),
    ]
    columns = [
        "model",
        "emotion",
        "pearson",
        "pearson_low",
        "spearman",
        "spearman_low",
        "difference",
        "found",
    ]
    return pd.DataFrame(rows, columns=[*columns, "largest_share"])


@pytest.mark.parametrize(
    ("pearson", "low", "good", "sure"),
    [((0.9, 1.0), (0.9, 0.95), ("one", "two"), 2), ((0.89, 0.5), (0.8, 0.1), (), 0),
     ((0.5, 0.9), (0.1, 0.6), ("two",), 0)],
)  # fmt: skip
def test_models_in_which_the_cheap_method_may_stand_in(pearson, low, good, sure):
    record = findings.across_models(models(pearson, low), "blind")
    assert (record.models, record.good, record.sure) == (2, good, sure)
    assert (record.blind_difference, record.blind_found) == (0.5, 1)
    assert (record.found_least, record.found_most) == (3, 3)
    assert (record.share_least, record.share_most) == (0.25, 0.5)


def test_a_model_falls_by_its_worst_emotion():
    table = models((0.9, 0.9), (0.9, 0.9))
    table.loc[1, "spearman"] = 0.69
    assert findings.across_models(table, "blind").good == ("two",)


def test_the_blind_model_may_stand_alone():
    table = models((0.9, 0.9), (0.9, 0.9))
    alone = findings.across_models(table[table["model"] == "blind"], "blind")
    assert (alone.models, alone.blind_difference, alone.blind_found) == (0, 0.5, 1)
    assert findings.across_in_words(alone).endswith("No other model stands beside it in this run.")
    text = findings.across_in_words(findings.across_models(table, "blind"))
    assert text.startswith("In **2 of 2** models (one, two)")
    assert "at most **1** of its heads' effects" in text
    assert "25% to 50%" in text

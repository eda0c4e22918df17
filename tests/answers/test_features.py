"""The answer on features: every falsifier can happen, not happen, or be left open, and words follow numbers."""

from __future__ import annotations

from math import nan

import feature_tables as made
import pytest

from emotion_utils.answers.features import answer
from emotion_utils.features.label_effects import MEASURES
from emotion_utils.features.over_labels import published_knockouts
from emotion_utils.reports.replication import Number


def happened(beginning: str, **tables) -> bool | None:
    found = answer(made.results(**tables)).falsifiers
    (one,) = [one for one in found if one.condition.startswith(f"*{beginning}")]
    return one.happened


def one_layer(column: str, value: float):
    """Features with a high d, one layer of which is another."""
    table = made.effects()
    at = table.index[(table["measure"] == MEASURES[1]) & (table["layer"] == 1)][0]
    return table.assign(**{column: table[column].where(table.index != at, value)})


def open_at_one_layer(components: float):
    """Components that lose more everywhere but at one layer, where an interval is missing."""
    table = made.judged(components=components)
    at = table.index[table["method"] == made.COMPONENTS][0]
    table.loc[at, ["worse_low", "worse_high"]] = nan
    return table


@pytest.mark.parametrize(
    ("beginning", "tables", "expected"),
    [
        ("A label's features", {}, False),
        ("A label's features", {"knockout_means": made.knockout_means(effect=-10.0)}, True),
        ("A label's features", {"knockout_means": made.knockout_means(second=-10.0)}, True),
        ("A label's features", {"knockout_means": made.knockout_means(effect=1.0)}, None),
        ("A label's features", {"knockout_means": made.knockout_means(second=1.0)}, None),
        ("A label's features", {"knockout_means": made.knockout_means(half=nan)}, None),
        ("The Japanese sibling", {}, False),
        ("The Japanese sibling", {"differences": made.differences(drop=16.1)}, True),
        ("The Japanese sibling", {"differences": made.differences(part=1.2)}, None),
        ("The Japanese sibling", {"differences": made.differences(part=nan)}, None),
        ("It uses more", {}, False),
        ("It uses more", {"differences": made.differences(cue=-2.0)}, True),
        ("It uses more", {"differences": made.differences(part=1.2)}, None),
        ("It uses more", {"differences": made.differences(part=nan)}, None),
        ("A high survival", {}, True),
        ("A high survival", {"survival": made.survival(known=-0.2)}, False),
        ("A high survival", {"survival": made.survival(known=0.01)}, None),
        ("A high survival", {"survival": made.survival(half=nan)}, None),
        ("Label-specific features are learned", {}, False),
        ("Label-specific features are learned", {"effects": made.effects(random=0.6)}, True),
        ("Label-specific features are learned", {"effects": made.effects(random=0.48)}, None),
        ("Label-specific features are learned", {"effects": made.effects(random=nan)}, None),
        ("Features tell", {}, False),
        ("Features tell", {"effects": made.effects(p=0.4)}, True),
        ("Features tell", {"effects": one_layer("p", 0.06)}, True),
        ("Features tell", {"effects": one_layer("p", 0.05)}, False),
        ("Features tell", {"effects": one_layer("p", nan)}, None),
        ("Features write", {}, False),
        ("Features write", {"judged": made.judged(components=-0.3)}, True),
        ("Features write", {"judged": made.judged(components=0.05)}, None),
        ("Features write", {"judged": made.judged(half=nan)}, None),
        ("Features write", {"judged": open_at_one_layer(0.3)}, None),
        ("Features write", {"judged": open_at_one_layer(-0.3)}, True),
        ("Their directions", {}, False),
        ("Their directions", {"judged": made.judged(frozen=-0.3)}, True),
        ("Their directions", {"judged": made.judged(frozen=-0.05)}, None),
        ("Their directions", {"judged": made.judged(components=-0.3)}, False),  # of the other rival
    ],
)
def test_every_falsifier_can_come_out_either_way(beginning, tables, expected):
    assert happened(beginning, **tables) is expected


def test_the_short_form_has_the_numbers():
    found = answer(made.results()).finding
    assert "a label loses **30 points** of recall on average" in found
    assert (
        "matched ones, which fire 0.90 times as often and carry 0.60 times as much, take 20 points" in found
    )
    assert "points (surely less in 2 of 2 siblings)" in found
    assert "the Japanese sibling minus that of the base is -16.1 (-20.9 to -11.3) points." in found
    assert "**60 to 70** react strongly to a label (labels exchanged: 5; features in random" in found
    assert "nobody trained: **55**), 50% of them to one alone (random directions: 40%)." in found
    assert "30% to 50% survive" in found
    assert "50% to 70% when those of another concept are: in **6 of 6** cases surely more" in found
    assert "would look the most robust" in found


def test_what_follows_from_numbers_is_said_only_where_it_does():
    known = answer(made.results(survival=made.survival(known=-0.2))).finding
    assert "in **0 of 6** cases surely more." in known
    assert "most robust" not in known
    open_ = answer(made.results(knockout_means=made.knockout_means(effect=1.0, second=9.0))).finding
    assert "(surely less in 1 of 2 siblings)" in open_


def test_without_a_feature_that_reacts_no_share_is_given():
    none = answer(made.results(effects=made.effects(high=0.0, null=0.0, p=1.0)))
    assert "react strongly" in none.finding
    assert "to one alone" not in none.finding
    assert "nan" not in none.finding
    never = answer(made.results(effects=made.effects(random=nan))).finding
    assert "50% of them to one alone." in never
    assert "nan" not in never


def test_the_long_form_has_dictionaries_the_report_and_cues():
    points = " ".join(answer(made.results()).points)
    assert "explains 80% of the variance and recovers **90%**" in points
    assert "(as many components 65% and 60%, random directions 60% and 50%); 25% of its features" in points
    row = published_knockouts().iloc[0]
    assert f"differ by {row['mean']:+.1f} points ({row['t_low']:+.1f} to {row['t_high']:+.1f})" in points
    assert "minus that of tokens of the same posts, is -5.0; Japanese minus base +2.00" in points
    (first, *_) = answer(made.results()).falsifiers
    assert (
        first.decided_by
        == "small-gemma2 +10.0 (+6.0 to +14.0) points; small-gemma2-jpn +10.0 (+6.0 to +14.0) points"
    )


def test_with_fewer_than_eight_labels_nothing_has_an_interval_and_nothing_crashes():
    few = {
        "knockout_means": made.knockout_means(half=nan), "cue_means": made.cue_means(half=nan),
        "differences": made.differences(part=nan, labels=7), "judged": made.judged(half=nan),
        "survival": made.survival(half=nan),
    }  # fmt: skip
    found = answer(made.results(**few))
    told = f"{found.in_short()} {found.what_we_found()}"
    assert "surely less in 0 of 2 siblings" in told
    assert "is -16.1 points." in told
    assert "nan" not in told.lower()
    assert [one.happened for one in found.falsifiers] == [None, None, None, None, False, False, None, None]


def test_claims_are_asked_of_the_second_sibling_minus_the_first():
    found = made.results().claims("base", "japanese")
    assert found.differences["C.knockout.mean"] == pytest.approx(
        Number(16.1, 16.1 * 0.7, 16.1 * 1.3), nan_ok=True
    )
    assert found.differences["C.variants.k50"] == pytest.approx(Number(0.07, 0.049, 0.091), nan_ok=True)
    without = {
        "C.sae.variety": 0.1, "C.sae.highd": 20.0, "C.sae.specific": 0.0,
        "C.sparsity.active": 20.0, "C.sparsity.top20": -2.0,
    }  # fmt: skip
    for claim, value in without.items():
        assert found.differences[claim] == pytest.approx(Number(value), nan_ok=True), claim
    assert found.explained.value == pytest.approx(0.8)
    assert found.diverse.value == 2.0
    assert (found.n["C.knockout.mean"], found.n["C.variants.k20"], found.n["C.sae.ev"]) == (24, 83, 4)
    assert found.n["C.sae.highd"] == 720
    small = made.differences()
    small = small[~small["measure"].str.endswith(" 100")]
    found = made.results(differences=small).claims("base", "japanese")
    assert "C.variants.k100" not in found.differences
    assert "C.variants.k50" in found.n

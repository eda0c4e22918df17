"""What is left of an effect, of invented arms: all, some and none beyond the rivals, and too few units."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.baselines import left_tables, remainder
from emotion_utils.baselines.remainder import NATS, TEXTS

EMOTIONS = ("gratitude", "anger")


def invented(vector=10.0, bias=4.0, random=1.0, n=9, vectors=60, texts=(1.0, 0.0, 0.0), spread=0.2):
    """Arms of both emotions: shifts around stated means; shares of texts of vector, bias and random vectors."""
    rng, rows = np.random.default_rng(3), []
    for emotion in EMOTIONS:
        for arm, mean, share, numbers in (
            ("untouched", 0.0, 0.0, 1),
            ("isotropic", random, texts[2], vectors),
            ("logit bias", bias, texts[1], 1),
            ("emotion vector", vector, texts[0], 1),
        ):
            for number in range(numbers):
                for prompt in range(number % 3, n, 3) if arm == "isotropic" else range(n):
                    noise = 0.0 if arm == "untouched" else spread * rng.normal()
                    cost = np.nan if arm == "isotropic" else 0.1
                    rows.append(
                        (emotion, arm, number, prompt, prompt, mean + noise, share, cost, 4.0, 2.0, 2.0)
                    )
    columns = ["emotion", "arm", "number", "prompt", "unit", "shift", "says_it", "nats", "constant", "kl"]
    return pd.DataFrame(rows, columns=[*columns, "kl_reached"])


def row(found, outcome, against, emotion="anger"):
    kept = (found["outcome"] == outcome) & (found["against"] == against) & (found["emotion"] == emotion)
    return found[kept].iloc[0]


def test_what_is_left_is_the_mean_difference_in_the_same_contexts():
    table = invented()
    found = remainder.remaining(table)
    own = table[table["emotion"] == "anger"].groupby(["arm", "prompt"])["shift"].mean().unstack("arm")
    for rival in ("isotropic", "logit bias"):
        gap = own["emotion vector"] - own[rival]
        cell = row(found, NATS, rival)
        assert cell["difference"] == pytest.approx(gap.mean())
        assert cell["left"] == pytest.approx(gap.mean() / own["emotion vector"].mean())
        assert cell["low"] < gap.mean() < cell["high"]
    p = 1 / 61  # none of 60 vectors reaches the emotion's
    assert row(found, NATS, "isotropic")[["p", "p_holm"]].tolist() == pytest.approx([p, 2 * p])
    assert found["p"].notna().sum() == 2


def test_all_beats_all():
    found = remainder.remaining(invented())
    assert found["beats"].tolist() == [True] * 8
    assert remainder.counted(found) == (2, 2, 2, 2, (), (), True)
    text = remainder.summarise(found, invented())
    assert "Beyond the bias: **2 of 2** in nats, 2 in texts; for 0 the bias" in text
    assert "reaches as much for" not in text
    assert "open which" not in text
    assert remainder.title(found) == "In nats steering reaches more than a bias on first words"
    assert "p = 0.016, 0.033 after Holm" in text


def test_a_bias_that_reaches_as_much_is_said():
    table = invented(bias=10.5, texts=(1.0, 1.0, 0.0))
    found = remainder.remaining(table)
    assert remainder.counted(found) == (2, 2, 0, 0, EMOTIONS, (), True)
    assert remainder.title(found).endswith("reaches what steering does, for 2 of 2")
    assert "**In nats the bias reaches as much for gratitude and anger.**" in remainder.summarise(
        found, table
    )


def test_an_interval_that_reaches_zero_and_a_tenth_of_the_vector_is_open():
    table = invented(bias=9.4, spread=4.0)
    found = remainder.remaining(table)
    cell = row(found, NATS, "logit bias")
    assert cell["low"] < 0 < 1 < cell["high"]
    assert remainder.counted(found)[2:] == (0, 2, (), EMOTIONS, True)
    assert remainder.title(found) == "In nats steering cannot be told from a bias on first words"
    text = remainder.summarise(found, table)
    assert "For gratitude and anger it is open which of them reaches more." in text
    assert "for 0 the bias reaches as much (surely less than 10% is left), for 2 that is open" in text
    assert "reaches as much for" not in text


@pytest.mark.parametrize(
    ("low", "high", "vector", "beats"),
    [
        (0.1, 0.9, 10.0, True),  # little is left, but surely some
        (-3.0, 0.9, 10.0, False),
        (-3.0, -1.0, 10.0, False),
        (-0.1, 1.1, 10.0, None),
        (0.0, 0.0, 0.0, None),  # of nothing there is no tenth
        (-0.2, -0.1, -10.0, False),
        (np.nan, np.nan, 10.0, None),
    ],
)
def test_a_rival_reaches_as_much_only_where_the_whole_interval_is_small(low, high, vector, beats):
    assert remainder.beyond(low, high, vector) is beats


def said_of(*beats):
    rows = [
        (f"e{i}", outcome, against, 0.0, own)
        for i, own in enumerate(beats)
        for outcome in (NATS, TEXTS)
        for against in ("isotropic", "logit bias")
    ]
    return pd.DataFrame(rows, columns=["emotion", "outcome", "against", "low", "beats"])


@pytest.mark.parametrize(
    ("beats", "title"),
    [
        ((True, True, True), "steering reaches more than a bias on first words"),
        ((True, None, True), "steering reaches more than a bias on first words, for 2 of 3; open for 1"),
        ((True, None, False), "a bias on first words reaches what steering does, for 1 of 3; open for 1"),
        ((True, False, False), "a bias on first words reaches what steering does, for 2 of 3"),
        ((None, None, None), "steering cannot be told from a bias on first words"),
    ],
)
def test_the_title_says_which_of_the_three_it_is(beats, title):
    assert remainder.title(said_of(*beats)) == f"In nats {title}"


def test_random_vectors_that_reach_as_much_are_told_by_vectors_not_contexts():
    table = invented(random=9.9, spread=1.0)
    cell = row(remainder.remaining(table), NATS, "isotropic")
    assert cell["p_holm"] > 0.05
    assert cell["beats"] is not None
    assert not cell["beats"]
    few = row(remainder.remaining(invented(vectors=6)), NATS, "isotropic")
    assert few["p"] == pytest.approx(1 / 7)
    assert few["beats"] is None  # six vectors can never have a small p


def test_too_few_kinds_of_events_say_nothing_about_the_bias():
    table = invented(n=6)
    found = remainder.remaining(table)
    assert found.loc[found["against"] == "logit bias", "beats"].tolist() == [None] * 4
    assert "Too few kinds of events" in remainder.summarise(found, table)
    assert not remainder.counted(found).decided
    assert remainder.title(found) == "Steering, random vectors and a bias on first words"


def test_a_bias_that_cannot_be_as_large_is_said_to_be_the_most_there_is():
    table = invented().assign(kl_reached=1.0)
    assert "the most that a bias on these words reaches" in remainder.summarise(
        remainder.remaining(table), table
    )


def test_every_arm_has_its_mean_and_an_exact_interval_where_all_or_none_say_it():
    found = remainder.by_arm(invented()).set_index(["emotion", "arm", "outcome"])
    vector, none = found.loc[("anger", "emotion vector", TEXTS)], found.loc[("anger", "untouched", TEXTS)]
    assert (vector["value"], vector["low"], vector["high"]) == pytest.approx((1.0, 0.025 ** (1 / 9), 1.0))
    assert (none["value"], none["low"], none["high"]) == pytest.approx((0.0, 0.0, 1 - 0.025 ** (1 / 9)))
    assert found.loc[("anger", "untouched", NATS), ["low", "high"]].isna().all()
    assert found.loc[("anger", "logit bias", NATS), "cost"] == pytest.approx(np.exp(0.1))
    assert np.isnan(found.loc[("anger", "isotropic", NATS), "cost"])


def test_models_are_counted_apart_from_the_blind_one():
    good, bad = invented(), invented(bias=12.0, random=9.9, spread=1.0)
    table = pd.concat([good.assign(model="one"), bad.assign(model="blind")])
    found = remainder.of_models(table)
    text = remainder.summarise_models(found, "blind")
    assert "Of the trained models the vector is beyond random vectors in nats for **2 of 2 emotions**" in text
    assert "Of the blind model the vector is beyond random vectors in nats for **0 of 2 emotions**" in text
    shown = left_tables.cells(found)
    assert shown[["model", "emotion"]].to_numpy().tolist() == [
        [m, e] for m in ("one", "blind") for e in EMOTIONS
    ]
    assert shown["texts: vector"].tolist() == [1.0] * 4
    small = remainder.of_models(invented(n=5).assign(model="one"))
    assert "nothing can be said" in remainder.summarise_models(small, "blind")


def test_tables_say_every_arm_with_its_cost_and_the_record_what_is_left():
    table = invented()
    shown = left_tables.arm_cells(remainder.by_arm(table)).set_index(["emotion", "under"])
    assert shown.loc[("anger", "untouched"), "log-odds (nats)"] == "+0.0"
    assert shown.loc[("anger", "emotion vector"), "texts that say it"] == "100% (66% to 100%)"
    assert shown.loc[("anger", "logit bias"), "cost"] == pytest.approx(np.exp(0.1))
    found = remainder.remaining(table)
    kept = left_tables.main_findings(found)
    assert kept["value"].tolist() == [
        row(found, NATS, "logit bias", emotion)["difference"] for emotion in EMOTIONS
    ]
    random, bias = (
        row(found, NATS, against, "gratitude")["rival"] for against in ("isotropic", "logit bias")
    )
    assert kept.loc[0, "null"] == pytest.approx(random - bias)
    assert kept["n"].tolist() == [9, 9]

"""Looking and acting: Spearman's correlation as scipy has it, above and inside the null, with and without units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from emotion_utils.core.errors import UserError
from emotion_utils.heads import looking
from emotion_utils.heads.delta_attention import LEFT_OUT, WordAttention
from emotion_utils.planted import heads as planted

EMOTIONS = ("anger", "apology")


@pytest.fixture(scope="module")
def plain():
    laboratory = planted.Laboratory()
    return planted.pairs_of(planted.made(laboratory, 1), laboratory, 1)


def both(plain, look, act, units=12, noise=0.01):
    """Prompts of both sets whose heads look and act as said, up to noise."""
    rng = np.random.default_rng(4)
    table = pd.DataFrame([(e, u) for u in range(units) for e in EMOTIONS], columns=["emotion", "unit"])
    heads = len(look)
    delta = np.array(look) + noise * rng.normal(size=(len(table), heads))
    attention = WordAttention(
        "later", table, delta.reshape(len(table), 1, heads), delta[:, None], dict.fromkeys(LEFT_OUT, 0)
    )
    effects = np.array(act) + noise * rng.normal(size=(len(table), heads))
    return attention, replace(plain, table=table.assign(split="test")), effects


def test_the_correlation_is_that_of_sizes_and_the_mean_of_emotions_comes_first(plain):
    rng = np.random.default_rng(0)
    look, act = rng.normal(size=40), rng.normal(size=40)
    attention, pairs, effects = both(plain, look, act)
    effects[:, 3] = np.nan  # not run
    found = looking.looking_and_acting(attention, pairs, effects, n_permutations=500, n_resamples=100)
    assert found["emotion"].tolist() == [looking.MEAN, *EMOTIONS]
    run = np.arange(40) != 3
    for emotion, value in zip(EMOTIONS, found["spearman"][1:], strict=True):
        own = (pairs.table["emotion"] == emotion).to_numpy()
        one, other = attention.delta[own, 0].mean(axis=0), effects[own].mean(axis=0)
        assert value == pytest.approx(spearmanr(np.abs(one[run]), np.abs(other[run])).statistic)
    assert found["spearman"][0] == pytest.approx(found["spearman"][1:].mean())
    assert found["heads"].tolist() == [39] * 3
    sizes = found["spearman"].abs().to_numpy()
    assert (found["p"][1] < found["p"][2]) == (sizes[1] > sizes[2])  # one null for all emotions
    # of 39 shuffled heads the middle 95 % reach 1.96 / sqrt(38)
    assert found["null_high"][1] == pytest.approx(1.96 / np.sqrt(38), abs=0.06)


@pytest.mark.parametrize(
    ("sign", "units", "together", "words", "title"),
    [
        (1, 12, True, "they go together more than by chance", "Heads that look also act"),
        (-1, 12, False, "heads that look act less", "Heads that look need not act"),
        (0, 12, False, "they go together", "Heads that look need not act"),
        (1, 5, None, "heads at random", "Heads that look, and heads that act"),
    ],
)
def test_what_is_said_follows_the_correlation(plain, sign, units, together, words, title):
    look = np.linspace(0.1, 1, 30)
    act = look if sign > 0 else 1.2 - look if sign < 0 else np.random.default_rng(8).permutation(look)
    row = looking.looking_and_acting(
        *both(plain, look, act, units), n_permutations=500, n_resamples=100
    ).iloc[0]
    assert looking.go_together(row) is together
    assert words in looking.looking_in_words(row)
    assert looking.looking_title(row) == title
    assert np.isnan(row["low"]) == (units < 8)


@pytest.mark.parametrize(("high", "words"), [(0.2, "hardly at all"), (0.6, "no more than by chance")])
def test_hardly_is_said_only_where_the_whole_interval_is_near_zero(high, words):
    row = pd.Series(
        {
            "spearman": 0.02,
            "low": -0.1,
            "high": high,
            "null_low": -0.2,
            "null_high": 0.2,
            "p": 0.8,
            "units": 10.0,
        }
    )
    assert words in looking.looking_in_words(row)


@pytest.mark.filterwarnings("error")
def test_heads_of_one_size_cannot_be_said_to_go_together_and_take_no_test_from_others(plain):
    look = np.linspace(0.1, 1, 30)
    attention, pairs, effects = both(plain, look, look)
    apology = (pairs.table["emotion"] == "apology").to_numpy()
    effects[apology] = 0.5
    found = looking.looking_and_acting(attention, pairs, effects, n_permutations=200, n_resamples=50)
    mean, anger, none = (row for _, row in found.iterrows())
    assert looking.go_together(anger) is True
    for row in (mean, none):
        assert looking.go_together(row) is None
        assert looking.looking_in_words(row).endswith("cannot be said: all heads have one size")
        assert looking.value_in_words(row) == looking.ONE_SIZE
        assert looking.looking_title(row) == "Heads that look, and heads that act"


@pytest.mark.parametrize(
    ("own", "words"), [((), "of nothing"), (("pride",), "of pride and the attention is of")]
)
def test_without_a_common_emotion_there_is_nothing_to_correlate(plain, own, words):
    attention, pairs, effects = both(plain, [0.1, 0.2], [0.1, 0.2])
    named = pairs.table.assign(emotion=own[0]) if own else pairs.table[:0]
    other = replace(pairs, table=named)
    with pytest.raises(UserError, match=words):
        looking.looking_and_acting(attention, other, effects[: len(other)])

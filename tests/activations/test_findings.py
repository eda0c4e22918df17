"""The numbers of chapter 02's sentences, where all, none and one of the words and sets are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.activations import findings


@pytest.mark.parametrize(
    ("words", "rates", "expected"),
    [
        ([4, 6], [1.0, 1.0], (10, 1.0)),
        ([4, 6], [1.0, 0.0], (10, 0.0)),
        ([4, 0], [0.75, np.nan], (4, 0.75)),
    ],
    ids=["all", "none in one set", "one set has words"],
)
def test_the_set_with_the_lowest_rate_is_named_and_one_without_words_counts_nothing(words, rates, expected):
    table = pd.DataFrame({"words": words, "word_rate": rates})
    assert findings.marked_words(table) == expected


@pytest.mark.parametrize(("largest", "share"), [(65504.0, 1.0), (655.04, 0.01), (0.0, 0.0)])
def test_the_largest_value_is_a_share_of_what_float16_can_write(largest, share):
    traps = pd.DataFrame(
        {
            "trap": [
                "left padding, no mask",
                "right padding, no mask",
                "left padding, no explicit positions",
            ],
            "relative": [0.3, 0.0, 0.2],
        }
    )
    layers = pd.DataFrame({"largest": [largest / 2, largest]})
    found = findings.padding_traps(traps, layers)
    assert found == pytest.approx((0.2, 0.3, largest, share))


@pytest.mark.parametrize("same", [True, False])
def test_the_second_request_is_compared_with_the_first(same):
    requests = pd.DataFrame(
        {
            "request": ["first time", "again", "another position"],
            "seconds": [1.5, 0.002, 9.0],
            "same": [True, same, not same],
        }
    )
    assert findings.stored_request(requests) == pytest.approx((1500.0, 2.0, same))


def test_sets_without_marked_words_are_named():
    rates = pd.DataFrame({"set": ["mine", "other"], "words": [4, 0], "word_rate": [0.75, np.nan]})
    said = findings.summarise_marked(rates, pd.DataFrame({"id": ["a"]}), "mine")
    assert "Of the 4 marked emotion words of all sets, at least **75%**" in said
    assert "Prompts of *mine* without a read at the emotion word: **1**." in said
    assert said.endswith("*other* have no such word, on purpose.")
    assert "on purpose" not in findings.summarise_marked(rates.head(1), pd.DataFrame(), "mine")

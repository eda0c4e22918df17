"""What can be read: shapes as measured, reads with the tokens they name, words that are not found listed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.activations.extraction import extract, points
from emotion_utils.activations.inventory import (
    example_reads,
    hook_shapes,
    match_rates,
    missed,
    ragged_shapes,
    summarise_size,
    token_counts,
)
from emotion_utils.prompts.schema import complete


def prompts(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    table = [{"text": t, "emotion": e, "pair_id": p, "group": f"g{i}"} for i, (t, e, p) in enumerate(rows)]
    return complete(pd.DataFrame(table), range(len(table)), "test.csv")


@pytest.fixture
def pair() -> pd.DataFrame:
    return prompts(
        [
            ("I am grateful for the tea.", "gratitude", "1"),
            ("I am ready for the tea.", "neutral", "1"),
            ("You drove me home.", "gratitude", "2"),
        ]
    )


def test_shapes_are_those_of_the_model(untrained, pair):
    model = untrained
    table = hook_shapes(model, pair).set_index("hook")
    counts = sorted(len(ids) for ids in model.tokenizer(pair["text"].tolist())["input_ids"])
    n, heads, d = counts[1], model.n_heads, model.network.config.get_text_config().hidden_size
    assert table.loc["resid_post", "shape"] == f"{n} × {d}"
    assert table.loc["pattern", "shape"] == f"{heads} × {n} × {n}"
    assert table.loc["resid_post", "kB per prompt"] == pytest.approx(n * d * model.n_layers * 4 / 1000)
    assert table.loc["z", "shape"].split(" × ")[:2] == [str(n), str(heads)]


def test_reads_name_the_tokens_of_the_words(untrained, pair):
    table = example_reads(untrained, pair)
    by_position = table.drop_duplicates("position").set_index("position")
    assert by_position.loc["emotion", "tokens"].replace("|", "") == "grateful"
    assert by_position.loc["match", "tokens"].replace("|", "") == "ready"
    assert by_position.loc["match", "text"] == "I am ready for the tea."
    assert by_position.loc["end", "tokens"] == "."


def test_a_word_that_is_not_found_is_listed_and_gets_no_read(untrained, pair):
    row = match_rates({"a": pair}, untrained).iloc[0]
    assert (row["emotional"], row["words"], row["word_rate"]) == (2, 1, 1.0)
    lost = missed({"a": pair}, untrained)
    assert lost["text"].tolist() == ["You drove me home."]
    assert missed({"a": pair.head(2)}, untrained).empty


def test_token_counts_are_those_of_the_tokenizer(untrained, pair):
    tokenizer = untrained.tokenizer
    counts = token_counts({"a": pair}, untrained)["a"]
    assert counts.tolist() == [len(ids) for ids in tokenizer(pair["text"].tolist())["input_ids"]]


def test_the_ragged_view_has_one_row_per_token_of_the_text(untrained, pair):
    model = untrained
    found = extract(model, pair, points(model), ["all"], progress=False)
    table = ragged_shapes(found, pair, top=2)
    assert table["layer"].tolist() == [0, 0, model.n_layers - 1, model.n_layers - 1]
    n = len(model.tokenizer(pair["text"].iloc[0], add_special_tokens=False)["input_ids"])
    assert table.iloc[0, 2] == f"{n} × {model.network.config.get_text_config().hidden_size}"


def test_a_small_set_says_that_it_is_too_small(untrained, pair):
    assert "3 prompts in 2 independent units" in summarise_size(pair, "mine")
    assert "too few" in summarise_size(pair, "mine")
    many = prompts([(f"text {i}", "neutral", str(i)) for i in range(9)])
    assert "too few" not in summarise_size(many, "mine")
    assert np.isnan(match_rates({"a": many}, untrained)["word_rate"].iloc[0])


def test_the_size_of_a_file_is_not_called_a_profile(pair):
    assert "This profile is for trying the machinery" in summarise_size(pair, "smoke")
    said = summarise_size(pair, "moods", "file")
    assert said.startswith("The file is **moods**: 3 prompts in 2 independent units")
    assert "too few" in said
    assert "profile" not in said

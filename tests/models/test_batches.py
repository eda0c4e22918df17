"""Batches hold texts of similar length within their bounds, and pad without moving a position."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.activations.batch_invariance import batch_invariance
from emotion_utils.activations.extraction import extract, points
from emotion_utils.activations.forward import forward_batches
from emotion_utils.core.errors import UserError
from emotion_utils.engine.decoding import Sampling
from emotion_utils.engine.generation import generate
from emotion_utils.engine.teacher_forcing import continuation_log_probs
from emotion_utils.heads.delta_attention import word_attention
from emotion_utils.heads.pairs import emotional_pairs
from emotion_utils.models.batches import by_length, model_inputs, similar_lengths, within
from emotion_utils.models.model import load
from emotion_utils.prompts.loading import load_profile
from emotion_utils.scoring.judge import Judge


def test_rows_are_padded_on_either_side():
    right = model_inputs([[5, 6, 7], [8]], pad=9)
    assert right["input_ids"].tolist() == [[5, 6, 7], [8, 9, 9]]
    assert right["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert right["position_ids"].tolist() == [[0, 1, 2], [0, 0, 0]]
    left = model_inputs([[5, 6, 7], [8]], pad=9, side="left")
    assert left["input_ids"].tolist() == [[5, 6, 7], [9, 9, 8]]
    assert left["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]
    assert left["position_ids"].tolist() == [[0, 1, 2], [0, 0, 0]]


@pytest.mark.parametrize(
    ("max_tokens", "max_size"), [(1, 1), (40, 10**6), (10**6, 50), (64, 64), (10**6, 10**6)]
)
def test_batches_keep_their_bounds_and_lose_no_row(max_tokens, max_size):
    rng = np.random.default_rng(0)
    rows = rng.permutation(100)
    lengths, sizes = rng.integers(1, 20, 100), rng.integers(1, 30, 100)
    of = {row: (length, size) for row, length, size in zip(rows, lengths, sizes, strict=True)}
    batches = by_length(rows, lengths, sizes, max_tokens, max_size)
    assert sorted(np.concatenate(batches)) == list(range(100))
    widths = [of[row][0] for batch in batches for row in batch]
    assert widths == sorted(widths)
    for batch in batches:
        tokens, size = len(batch) * max(of[r][0] for r in batch), sum(of[r][1] for r in batch)
        assert len(batch) == 1 or (tokens <= max_tokens and size <= max_size)


def test_one_batch_takes_no_more_rows_only_where_the_next_would_not_fit():
    ones = np.ones(7, int)
    assert [len(b) for b in by_length(np.arange(7), 2 * ones, ones, 6, 100)] == [3, 3, 1]
    assert [len(b) for b in by_length(np.arange(7), 2 * ones, ones, 100, 2)] == [2, 2, 2, 1]


def test_runs_of_batches_keep_their_bound():
    batches = [np.array([i]) for i in range(5)]
    runs = [[int(b[0]) for b in run] for run in within(batches, [3, 3, 9, 1, 1], 6)]
    assert runs == [[0, 1], [2], [3, 4]]
    assert list(within([], [], 6)) == []


def test_texts_of_similar_length_share_a_batch_those_of_equal_length_in_their_order():
    batches = similar_lengths([5, 2, 9, 2, 5], 2)
    assert [batch.tolist() for batch in batches] == [[1, 3], [0, 4], [2]]
    assert similar_lengths([], 2) == []


@pytest.fixture(scope="module")
def grown():
    """A model whose tokenizer got a word, and one whose padding token, which was added, is beyond the model."""
    added, padded = (load("small-gpt2") for _ in range(2))
    added.tokenizer.add_tokens(["oxpecker"])
    padded.tokenizer.add_special_tokens({"pad_token": "<pad>"})
    return added, padded


PROMPTS = load_profile("smoke")
READS = {
    "activations": lambda model, prompts: extract(model, prompts, points(model), ["end"], progress=False),
    "batches of states": lambda model, prompts: next(
        forward_batches(model, model.encode(prompts["text"].tolist()).ids, points(model))
    ),
    "comparison of batches": lambda model, prompts: batch_invariance(model, prompts),
    "generation": lambda model, prompts: generate(
        model, prompts["text"].tolist(), how=Sampling(2), progress=False
    ),
    "continuations": lambda model, prompts: continuation_log_probs(
        model, ["We met"], prompts["text"].tolist()
    ),
    "attention": lambda model, prompts: word_attention(model, prompts),
    "pairs": lambda model, prompts: emotional_pairs(model, prompts, reply=False),
    "judge": lambda model, prompts: Judge(model).nll(["We met"] * len(prompts), prompts["text"].tolist()),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_no_path_reads_a_token_that_the_model_does_not_know(grown, read):
    added, padded = grown
    table = PROMPTS.assign(text=PROMPTS["text"] + " oxpecker")
    with pytest.raises(UserError, match=r"token 4096 \(oxpecker\), and the model knows tokens 0 to 4095"):
        read(added, table)
    with pytest.raises(UserError, match=r"token 4096 \(<pad>\).*choose a padding token that it knows"):
        read(padded, PROMPTS)


def test_tokens_that_the_model_knows_pass(grown):
    added, _ = grown
    added.check_tokens([0, 4095])
    added.check_tokens(np.array([], int))
    with pytest.raises(UserError, match="Prompt 3 has the token -1, and"):
        added.check_tokens([5, -1], "Prompt 3 has")

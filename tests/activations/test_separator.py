"""What a separator changes, against the plain model with and without the token in front."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.activations.anisotropy import mean_cosine
from emotion_utils.activations.class_separation import class_variance
from emotion_utils.activations.findings import separator_effect, summarise_separator
from emotion_utils.activations.prompt_sets import read_sets
from emotion_utils.activations.throughput import affordable
from emotion_utils.models.model import load
from emotion_utils.models.reading import Reading
from emotion_utils.prompts.schema import complete

TEXTS = {
    "gratitude": "Thanks for the soup, Tom.",
    "anger": "You broke it, Anna!",
    "neutral": "We met at nine.",
}
WORDS = {"gratitude": "Thanks", "anger": "broke"}


@pytest.fixture(scope="module")
def prompts() -> pd.DataFrame:
    rows = [{"text": text, "emotion": emotion, "group": emotion} for emotion, text in TEXTS.items()]
    table = complete(pd.DataFrame(rows), range(len(rows)), "test.csv")
    for emotion, word in WORDS.items():
        start = TEXTS[emotion].index(word)
        table.loc[table["emotion"] == emotion, ["emotion_start", "emotion_end"]] = start, start + len(word)
    return table


@torch.no_grad()
def by_hand(model, prompts, front):
    """Sink, length of words and cosine of ends by layer, one prompt at a time with hidden states of the library."""
    ratios, words, ends = [], [], []
    for row in prompts.itertuples():
        found = model.tokenizer(row.text, return_offsets_mapping=True)
        ids = torch.tensor([[*front, *found["input_ids"]]])
        states = torch.stack(model.network(ids, output_hidden_states=True).hidden_states)[1:-1, 0]
        norms = states.norm(dim=-1).numpy()  # (layer but the last, token)
        later = np.median(norms[:, 1:], axis=1)
        ratios.append(norms[:, 0] / later)
        if row.emotion in WORDS:
            spans = enumerate(found["offset_mapping"], len(front))
            own = [i for i, (a, b) in spans if a < row.emotion_end and b > row.emotion_start]
            words.append(norms[:, own].mean(axis=1) / later)
        ends.append(states[:, -1].numpy())
    cosines = [mean_cosine(own, np.arange(len(own))) for own in np.stack(ends, axis=1)]
    return np.median(ratios, axis=0), np.mean(words, axis=0), np.array(cosines)


def test_a_separator_is_taken_away_again(prompts):
    model = load("small-qwen3")
    mark = model.tokenizer.convert_tokens_to_ids("<|endoftext|>")
    table = separator_effect(replace(model, reading=Reading(mark, bos=False)), prompts)
    for row, front in zip(table.itertuples(index=False), ([], [mark]), strict=True):
        sink, words, cosine = by_hand(model, prompts, front)
        assert row.sink >= sink.max() - 1e-4  # the last layer is not among the library's states
        assert row.cosine >= cosine.max() - 1e-5
        assert row.layer >= len(sink) or row.words == pytest.approx(words[row.layer], rel=1e-4)
    assert table["at position 0"].tolist() == [0.5, 0.0]
    said = summarise_separator(table, "")
    assert "Without the separator **50%** of the emotion words stand at position 0, with it 0%" in said


def test_without_emotion_words_the_rest_is_said(prompts, recwarn):
    model = load("small-qwen3")
    mark = model.tokenizer.convert_tokens_to_ids("<|endoftext|>")
    bare = prompts.assign(emotion_start=pd.NA, emotion_end=pd.NA).astype(prompts.dtypes.to_dict())
    model = replace(model, reading=Reading(mark, bos=False))
    table, marked = separator_effect(model, bare), separator_effect(model, prompts)
    assert table[["at position 0", "words"]].isna().all(axis=None)
    assert table[["sink", "cosine"]].equals(marked[["sink", "cosine"]])
    said = summarise_separator(table, "")
    assert "nan" not in said
    assert said.startswith("Without the separator the first token is the sink")
    assert not [warning for warning in recwarn if "empty slice" in str(warning.message)]


def test_where_nothing_was_put_in_front_there_is_nothing_to_take_away(prompts):
    model = load("small-llama3")
    assert separator_effect(model, prompts) is None
    own = Reading(model.tokenizer.bos_token_id, bos=False)  # the tokenizer puts it there itself
    assert separator_effect(replace(model, reading=own), prompts) is None
    assert summarise_separator(None, "It reads so.") == "There is nothing to take away here. It reads so."


def test_variance_between_classes_is_the_same_from_what_was_read_before(untrained, prompts):
    read = read_sets(untrained, {"own": prompts}, "smoke").found["own"]
    stored = class_variance(untrained, prompts, read, n_permutations=9)
    anew = class_variance(untrained, prompts, n_permutations=9)
    assert stored["layer"].tolist() == anew["layer"].tolist() == [-1, *range(untrained.n_layers)]
    assert stored["value"].to_numpy() == pytest.approx(anew["value"].to_numpy(), abs=1e-6, nan_ok=True)


def test_large_models_are_timed_on_fewer_prompts(prompts, monkeypatch):
    model = load("small-gpt2")
    many = pd.concat([prompts] * 10, ignore_index=True)
    assert affordable(model, many, 15) == len(many)
    parameters = sum(p.numel() for p in model.network.parameters())
    tokens = sum(len(ids) for ids in model.tokenizer(many["text"].tolist()[:12])["input_ids"])
    monkeypatch.setattr("emotion_utils.activations.throughput.BUDGET", tokens * parameters * 3)
    assert affordable(model, many, 3) == 12
    assert affordable(model, many, 300) == 8
    assert affordable(model, prompts, 300) == len(prompts)

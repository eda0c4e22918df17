"""Patterns are those of the model, the sink share is their first column, and the implementation is put back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.activations.attention_sinks import (
    least_sinking,
    one_of_each,
    pattern,
    sink_shares,
    summarise_shown,
    summarise_sink_shares,
    token_sizes,
    token_texts,
)
from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.models.hooks import eager
from emotion_utils.prompts.schema import complete

TEXTS = ["Thank you for the tea, Ana.", "You broke my lamp!", "I am sorry.", "We open at nine."]


@pytest.fixture
def prompts() -> pd.DataFrame:
    rows = [{"text": t, "emotion": e, "group": e} for t, e in zip(TEXTS, EMOTIONS, strict=True)]
    rows.append({"text": "Thank you.", "emotion": "gratitude", "group": "other"})
    return complete(pd.DataFrame(rows), range(5), "test.csv")


def plain(model, text: str) -> torch.Tensor:
    with eager(model.network), torch.no_grad():
        out = model.network(torch.tensor([model.tokenizer(text)["input_ids"]]), output_attentions=True)
    return torch.stack([layer[0] for layer in out.attentions])  # (layer, head, query, key)


def test_patterns_are_those_of_the_plain_model(untrained):
    model = untrained
    words, found = pattern(model, TEXTS[0], 1)
    expected = plain(model, TEXTS[0])[1]
    assert np.allclose(found, expected, atol=1e-5)
    assert found.shape == (model.n_heads, len(words), len(words))


def test_the_implementation_is_put_back_also_after_an_error(untrained):
    model = untrained
    model.network.set_attn_implementation("eager")
    before = model.network.config._attn_implementation
    with pytest.raises(RuntimeError), eager(model.network):
        raise RuntimeError
    assert model.network.config._attn_implementation == before


def test_the_sink_share_is_the_mean_first_column(untrained, prompts):
    model = untrained
    table = sink_shares(model, prompts, n_resamples=50)
    expected = [plain(model, text)[:, :, 1:, 0].mean(dim=-1) for text in prompts["text"]]
    means = torch.stack(expected).mean(dim=0)  # (layer, head)
    assert table["share"].to_numpy() == pytest.approx(means.flatten().numpy(), abs=1e-4)
    assert len(table) == model.n_layers * model.n_heads
    lengths = [len(ids) for ids in model.tokenizer(prompts["text"].tolist())["input_ids"]]
    even = np.mean([np.mean([1 / (q + 1) for q in range(1, n)]) for n in lengths])
    assert table["even"].tolist() == pytest.approx([even] * len(table))


def test_tokens_put_together_are_the_text(untrained):
    tokenizer = untrained.tokenizer
    words = token_texts(untrained, TEXTS[0])
    special = [tokenizer.bos_token] if words[0] == tokenizer.bos_token else []
    assert "".join(words[len(special) :]) == TEXTS[0]
    assert len(words) == len(tokenizer(TEXTS[0])["input_ids"])


def test_the_shortest_prompt_of_each_emotion(untrained, prompts):
    assert one_of_each(prompts, untrained)["text"].tolist() == ["Thank you.", *TEXTS[1:]]


def test_of_many_labels_those_with_the_shortest_prompts_are_shown(untrained):
    lengths = {"joy": 5, "worry": 2, "dread": 9, "calm": 3, "grief": 7, "neutral": 1}
    rows = [{"text": " ".join(["tea"] * n), "emotion": e} for e, n in lengths.items()]
    table = complete(pd.DataFrame(rows), range(len(rows)), "test.csv")
    shown = one_of_each(table, untrained)
    assert shown["emotion"].tolist() == ["calm", "joy", "worry", "neutral"]
    assert "4 of 6 labels, those that have the shortest prompts: calm, joy" in summarise_shown(shown, table)
    two = table[table["emotion"].isin(["joy", "neutral"])]
    assert (
        summarise_shown(one_of_each(two, untrained), two)
        == "Shown is the shortest prompt of joy and neutral."
    )


def test_the_layer_and_the_sentence():
    rows = [(0, 0, 0.9, 0.8, 0.95), (0, 1, 0.1, 0.05, 0.2), (1, 0, 0.2, 0.1, 0.3), (1, 1, 0.3, 0.26, 0.4)]
    table = pd.DataFrame(rows, columns=["layer", "head", "share", "low", "high"]).assign(
        even=0.25, n=8, n_groups=8
    )
    assert least_sinking(table) == 1
    said = summarise_sink_shares(table)
    assert "**2 of 4 heads**" in said
    assert "1 more than half" in said
    assert "L0H0 with 90%" in said


def test_sizes_are_doublings_of_the_median_of_later_tokens():
    norms = pd.DataFrame(
        {"row": [0, 0, 0, 1, 1], "layer": 2, "position": [0, 1, 2, 0, 1], "update": [64.0, 4, 8, 1, 16]}
    )
    assert token_sizes(norms, 0, 2).tolist() == [3.0, -1.0, 0.0]  # the median of 4, 8 and 16 is 8

"""What a chat template changes: the states behind the scores are those of the library on its own rendering."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from emotion_utils.activations.extraction import extract
from emotion_utils.activations.prompt_sets import read_sets
from emotion_utils.models.model import load
from emotion_utils.prompts.loading import load_profile
from emotion_utils.vectors import comparison
from emotion_utils.vectors.comparison import chat_effect, summarise_chat
from emotion_utils.vectors.held_out import Probes, held_out

TURNS = (
    "{% for m in messages %}{{ '[' + m['role'] + ']\n' + m['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '[assistant]\n' }}{% endif %}"
)


@pytest.fixture(scope="module")
def chatting():
    model = load("small-qwen3")
    tokenizer = copy.deepcopy(model.tokenizer)
    tokenizer.chat_template = TURNS
    return replace(model, tokenizer=tokenizer, loaded=False)


@pytest.fixture(scope="module")
def read(chatting):
    sets = {name: load_profile(name) for name in ("baseline", "implicit")}
    return read_sets(chatting, sets, "smoke")


@torch.no_grad()
def test_both_readings_are_scored_on_the_same_prompts(chatting, read, monkeypatch):
    asked = []

    def watched(model, table, *rest, **options):
        found = extract(model, table, *rest, **options)
        asked.append((model, table, found))
        return found

    monkeypatch.setattr(comparison, "extract", watched)
    table = chat_effect(chatting, read, "baseline").set_index("prompts")
    whole = held_out(Probes(read, "baseline"), ["implicit"], methods=["sentence end"]).set_index("emotion")
    assert table["n"].nunique() == table["words"].nunique() == 1
    assert table["n"].iloc[0] < whole.loc["mean", "n"].max()
    assert len(asked) == 2  # plain text was read before
    for model, prompts, found in asked:
        assert model.reading.chat
        text = prompts["text"].iloc[3]
        turn = [{"role": "user", "content": text}]
        ids = chatting.tokenizer.apply_chat_template(turn, add_generation_prompt=True)["input_ids"]
        last = len(chatting.tokenizer("[user]\n" + text)["input_ids"]) - 1
        states = chatting.network(torch.tensor([ids]), output_hidden_states=True).hidden_states
        ours = found.at("end")[1][3]
        assert torch.allclose(ours[0], states[1][0, last], atol=1e-4)
    said = summarise_chat(table.reset_index(), "mine")
    assert said.startswith(f"As plain text mine scores **{table['value'].iloc[0]:.2f}**")


def test_a_model_without_a_template_has_no_second_reading(read):
    assert chat_effect(load("small-qwen3"), read, "baseline") is None
    assert "no chat template" in summarise_chat(None, "small-qwen3")

"""Models as a reader calls them: with their world, and never with a path."""

from __future__ import annotations

import pytest

from emotion_utils.models.comparison import REAL, reader_name, short_name, world_of
from emotion_utils.models.packaged import PACKAGED


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ("small-gpt2", "small-gpt2, small world"),
        ("smollm2-135m", "SmolLM2 135M, pretrained"),
        ("gpt2", "gpt2, pretrained"),
        ("EleutherAI/pythia-70m", "EleutherAI/pythia-70m, pretrained"),
        ("/somewhere/models/mine", "mine, local"),
        ("./x.gguf", "x.gguf, local"),
        ("smollm2-135m, gemma3-270m", "SmolLM2 135M and Gemma 3 270M, pretrained"),
        ("small-gpt2~smollm2-135m", "small-gpt2 (small world) and SmolLM2 135M (pretrained)"),
        ("small-gpt2, small-neo, small-pythia, small-llama3", "4 models, small world"),
    ],
)
def test_models_in_words(models, words):
    assert reader_name(models) == words


def test_every_packaged_model_has_a_name_for_readers():
    assert set(REAL) == set(PACKAGED)


def test_a_directory_that_looks_like_a_hub_id_is_local(tmp_path, monkeypatch):
    (tmp_path / "org" / "name").mkdir(parents=True)
    assert world_of("org/name") == "pretrained"
    monkeypatch.chdir(tmp_path)
    assert world_of("org/name") == "local"
    assert short_name("org/name") == "name"

"""GGUF files load by path: written with the format's own library, they give the logits of what they were made from."""

from __future__ import annotations

import json
import shutil
import struct

import gguf as peer
import pytest
import torch
from gguf_files import write_gguf

from emotion_utils.core.errors import UserError
from emotion_utils.core.gguf_header import read_header
from emotion_utils.core.paths import MODELS
from emotion_utils.models import gguf
from emotion_utils.models.model import load
from emotion_utils.models.registry import model_files, resolve_model, weights_note

IDS = torch.tensor([[1, 60, 70, 80, 90, 100, 200, 7]])
TEXT = "Anna thanked him for the book, it's 12 o'clock."


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CIRCUITS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return write_gguf("small-llama3", tmp_path_factory.mktemp("gguf") / "llama.gguf")


@torch.no_grad()
def logits(model):
    return model.network(IDS).logits


def test_a_file_loads_by_path_with_the_weights_and_tokens_of_its_model(llama, cache):
    model, original = load(str(llama)), load("small-llama3")
    assert torch.equal(logits(model), logits(original))
    assert model.tokenizer(TEXT)["input_ids"] == original.tokenizer(TEXT)["input_ids"]
    reference = resolve_model(str(llama))
    assert (reference.source, reference.label) == ("local", "local model")
    assert weights_note(str(llama)) == ""
    assert model_files(str(llama)) == [llama]
    told = gguf.manifest(gguf.folder_of(gguf.file_hash(llama)))
    assert told["parameters"] == original.network.num_parameters()
    assert not any(path.name.startswith(".") for path in (cache / "models").iterdir())


def test_gemma_keeps_its_norms(tmp_path):
    """Beside the small model with the layers that a file of this architecture has: every sixth sees all positions."""
    plain = shutil.copytree(MODELS / "small-gemma3", tmp_path / "plain")
    config = json.loads((plain / "config.json").read_text())
    config["layer_types"] = ["sliding_attention"] * 4
    (plain / "config.json").write_text(json.dumps(config))
    made, original = load(str(write_gguf("small-gemma3", tmp_path / "g.gguf"))), load(str(plain))
    torch.testing.assert_close(logits(made), logits(original), atol=1e-4, rtol=1e-4)
    assert made.tokenizer(TEXT)["input_ids"] == original.tokenizer(TEXT)["input_ids"]


def test_a_file_is_converted_once_for_its_content(llama, tmp_path, monkeypatch):
    first = gguf.converted(llama)
    other = shutil.copy(llama, tmp_path / "again.gguf")
    monkeypatch.setattr(gguf, "_save_plain", lambda *_: pytest.fail("converted a second time"))
    assert gguf.converted(other) == first


def test_a_folder_that_lacks_a_byte_is_made_again(llama):
    folder = gguf.converted(llama)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert not gguf.whole(folder)
    assert gguf.whole(gguf.converted(llama), thorough=True)


def test_the_files_beside_it_have_no_say(llama, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(llama, folder)
    (folder / "config.json").write_text('{"model_type": "gpt2"}')
    (folder / "tokenizer_config.json").write_text("torn")
    assert load(str(folder / "llama.gguf")).network.config.model_type == "llama"


def test_the_header_is_that_of_the_format_s_own_library(llama):
    header, reader = read_header(llama), peer.GGUFReader(llama)
    assert header.architecture == reader.get_field("general.architecture").contents()
    assert header.parameters == sum(int(tensor.n_elements) for tensor in reader.tensors)


def refused(path, *parts):
    with pytest.raises(UserError) as caught:
        resolve_model(str(path))
    for part in (str(path), *parts):
        assert part in str(caught.value)


def test_an_architecture_that_is_not_known_is_refused(tmp_path):
    refused(
        write_gguf("small-llama3", tmp_path / "phi.gguf", architecture="phi3"), '"phi3"', "llama and qwen3"
    )


def test_a_file_without_a_tokenizer_is_refused(tmp_path):
    refused(write_gguf("small-llama3", tmp_path / "bare.gguf", tokenizer=False), "no tokenizer")


@pytest.mark.parametrize("kept", [0.999999, 0.5, 0.001, 0.0001])
def test_a_torn_file_is_refused(llama, tmp_path, kept):
    data = llama.read_bytes()
    torn = tmp_path / "torn.gguf"
    torn.write_bytes(data[: int(kept * len(data))])
    refused(torn, "torn", "again")


def test_another_file_under_that_ending_is_refused(tmp_path):
    path = tmp_path / "x.gguf"
    path.write_bytes(b"PK\3\4 something else")
    refused(path, "first bytes")
    path.write_bytes(b"GGUF" + struct.pack("<I", 1))
    refused(path, "version 1")


def test_what_transformers_would_compute_otherwise_is_refused(tmp_path):
    def scaled(writer):
        writer.add_rope_scaling_type(peer.RopeScalingType.LINEAR)

    refused(write_gguf("small-llama3", tmp_path / "long.gguf", more=scaled), "scaled rotary positions")

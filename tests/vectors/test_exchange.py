"""Vectors in the formats of others: what is written is read by their own libraries, and nothing is unpickled."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from gguf import GGUFReader, GGUFWriter
from safetensors.torch import load_file, save_file

from emotion_utils.core.errors import UserError
from emotion_utils.models.model import load
from emotion_utils.vectors.exchange import read_vectors, write_vectors
from emotion_utils.vectors.vector import EmotionVector

LAYERS = (1, 2, 3)


@pytest.fixture(scope="module")
def model():
    return load("small-llama3")


@pytest.fixture
def vector(model):
    values = torch.randn(len(LAYERS), model.d_model, generator=torch.Generator().manual_seed(2))
    return EmotionVector("anger", "difference of means", model.name, LAYERS, values, n=42)


def same(one: EmotionVector, other: EmotionVector) -> bool:
    alike = all(
        getattr(one, name) == getattr(other, name)
        for name in ("emotion", "method", "model", "layers", "kind", "n")
    )
    return alike and torch.equal(one.values, other.values)


@pytest.mark.parametrize("ending", ["gguf", "safetensors"])
def test_what_was_written_is_read_back_whole(tmp_path, model, vector, ending):
    path = write_vectors(tmp_path / f"mine.{ending}", vector)
    assert list(tmp_path.iterdir()) == [path]
    (found,) = read_vectors(path, model).values()
    assert same(found, vector)


def test_a_control_vector_is_what_llama_cpp_asks_for(tmp_path, vector):
    reader = GGUFReader(write_vectors(tmp_path / "anger.gguf", vector))

    def field(name: str) -> object:
        return reader.get_field(name).contents()

    assert field("general.architecture") == "controlvector"
    assert field("controlvector.model_hint") == "llama"
    assert field("controlvector.layer_count") == len(LAYERS)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    assert list(tensors) == [f"direction.{layer}" for layer in LAYERS]
    for layer in LAYERS:
        assert tensors[f"direction.{layer}"].tensor_type.name == "F32"
        assert np.abs(tensors[f"direction.{layer}"].data - vector.at(layer).numpy()).max() <= 1e-6


def test_one_layer_is_written_alone_and_layer_0_is_refused(tmp_path, vector, model):
    path = write_vectors(tmp_path / "one.gguf", vector, layers=[2], hint="gemma3")
    assert [tensor.name for tensor in GGUFReader(path).tensors] == ["direction.2"]
    assert GGUFReader(path).get_field("controlvector.model_hint").contents() == "gemma3"
    whole = EmotionVector("anger", "", model.name, (0, 1), torch.ones(2, model.d_model))
    with pytest.raises(UserError, match=r"nothing after its first block, layer 0: save the other layers"):
        write_vectors(tmp_path / "whole.gguf", whole)
    assert not (tmp_path / "whole.gguf").exists()
    with pytest.raises(UserError, match="this is of attn_out"):
        write_vectors(tmp_path / "whole.gguf", replace(vector, kind="attn_out"))


def test_several_vectors_stand_in_one_file_each_under_its_name(tmp_path, model, vector):
    other = replace(vector, emotion="a.b 1", values=-vector.values)
    path = write_vectors(tmp_path / "both.safetensors", [vector, other])
    assert set(load_file(path)) == {f"{name}.{layer}" for name in ("anger", "a.b 1") for layer in LAYERS}
    found = read_vectors(path, model)
    assert list(found) == ["a.b 1", "anger"]
    assert same(found["anger"], vector)
    assert same(found["a.b 1"], other)
    with pytest.raises(UserError, match="different names"):
        write_vectors(path, [vector, vector])
    with pytest.raises(UserError, match="one vector, and 2 are to be saved"):
        write_vectors(tmp_path / "both.gguf", [vector, other])
    with pytest.raises(UserError, match=r'ends in "\.pt"'):
        write_vectors(tmp_path / "both.pt", vector)


def foreign(path, rows):
    """The same directions as others name them, by layer."""
    if path.suffix == ".gguf":  # as repeng writes them
        writer = GGUFWriter(path, "controlvector")
        writer.add_string("controlvector.model_hint", "llama")
        writer.add_uint32("controlvector.layer_count", len(rows))
        for name, row in rows.items():
            writer.add_tensor(name, row)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    elif path.suffix == ".npz":
        np.savez(path, **rows)
    else:
        save_file({name: torch.from_numpy(row) for name, row in rows.items()}, path)
    return path


@pytest.mark.parametrize(
    ("ending", "name"),
    [("gguf", "direction.{}"), ("safetensors", "{}"), ("npz", "layer_{}"), ("npz", "layer_{}__anger"),
     ("safetensors", "anger.{}")],
)  # fmt: skip
def test_directions_by_other_names_are_understood(tmp_path, model, vector, ending, name):
    rows = {name.format(layer): vector.at(layer).numpy() for layer in LAYERS}
    found = read_vectors(foreign(tmp_path / f"anger.{ending}", rows), model)
    assert list(found) == ["anger"]
    assert found["anger"].layers == LAYERS
    assert torch.equal(found["anger"].values, vector.values)
    assert (found["anger"].model, found["anger"].method) == (model.name, f"read from anger.{ending}")
    if "anger" not in name:
        assert list(read_vectors(tmp_path / f"anger.{ending}", model, name="joy")) == ["joy"]


def test_layers_may_be_counted_as_hidden_states_are(tmp_path, model, vector):
    rows = {f"layer_{layer + 1}__anger": vector.at(layer).numpy() for layer in LAYERS}
    path = foreign(tmp_path / "states.npz", rows)
    assert read_vectors(path, model, hidden_states=True)["anger"].layers == LAYERS
    with pytest.raises(
        UserError, match="for layer 4, and small-llama3 has the layers 0 to 3: see hidden_states"
    ):
        read_vectors(path, model)


class Harmful:
    """What a pickle may do when it is opened."""

    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


def test_nothing_is_unpickled(tmp_path, model):
    for ending in ("pt", "pth", "bin", "pkl"):
        (tmp_path / f"vector.{ending}").write_bytes(pickle.dumps(Harmful()))
        with pytest.raises(UserError, match="can run code when it is opened, and is not"):
            read_vectors(tmp_path / f"vector.{ending}", model)
    np.savez(tmp_path / "objects.npz", layer_1=np.array([Harmful()], dtype=object))
    with pytest.raises(UserError, match="Object arrays cannot be loaded"):
        read_vectors(tmp_path / "objects.npz", model)


@pytest.mark.parametrize("ending", ["gguf", "safetensors", "npz"])
def test_a_torn_file_is_refused(tmp_path, model, vector, ending):
    rows = {f"layer_{layer}": vector.at(layer).numpy() for layer in LAYERS}
    path = foreign(tmp_path / f"torn.{ending}", rows)
    for size in (0, 5, path.stat().st_size // 2, path.stat().st_size - 9):
        part = tmp_path / f"part.{ending}"
        part.write_bytes(path.read_bytes()[:size])
        with pytest.raises(UserError, match=r"torn|no GGUF file"):
            read_vectors(part, model)


@pytest.mark.parametrize("ending", ["gguf", "safetensors", "npz"])
def test_whatever_a_damaged_file_does_is_said_in_a_sentence(tmp_path, model, vector, ending):
    rows = {f"layer_{layer}": vector.at(layer).numpy() for layer in LAYERS}
    path = tmp_path / f"odd.{ending}"
    if ending == "npz":
        np.savez_compressed(path, **rows)
    else:
        foreign(path, rows)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for at in rng.integers(min(len(content), 1000), size=60).tolist():
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        try:
            read_vectors(path, model)
        except UserError:
            refused += 1
    assert refused > 5


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({}, "holds no vector"),
        (
            {"layer_1": np.ones(7, np.float32)},
            r"has the shape \(7,\), and the residual stream of small-llama3 has 128",
        ),
        ({"layer_1": np.full(128, np.nan)}, "no vector of finite floating-point numbers"),
        ({"layer_1": np.ones(128, np.int64)}, "no vector of finite floating-point numbers"),
        ({"layer_1": np.full(128, 1e300)}, "no vector of finite floating-point numbers"),
        ({"mean": np.ones(128)}, 'an array "mean", whose name says no layer'),
        ({"1" * 5000: np.ones(128)}, "whose name says no layer"),
        ({"layer_1": np.ones(128), "1": np.ones(128)}, "two directions of bad at layer 1"),
    ],
)
def test_arrays_that_are_no_directions_of_the_model_are_refused_by_name(tmp_path, model, rows, said):
    with pytest.raises(UserError, match=said):
        read_vectors(foreign(tmp_path / "bad.npz", rows), model)


def test_a_file_of_another_model_or_kind_is_refused(tmp_path, model, vector):
    path = write_vectors(tmp_path / "other.safetensors", replace(vector, model="small-qwen3"))
    with pytest.raises(UserError, match='of the model "small-qwen3", and this is "small-llama3"'):
        read_vectors(path, model)
    writer = GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(
        UserError, match='of the architecture "llama", and a control vector is "controlvector"'
    ):
        read_vectors(tmp_path / "model.gguf", model)
    with pytest.raises(UserError, match="There is no file"):
        read_vectors(tmp_path / "none.npz", model)
    with pytest.raises(UserError, match=r'ends in "\.csv": vectors are read from'):
        read_vectors(tmp_path / "x.csv", model)


def test_half_precision_is_read_and_whole_numbers_are_refused(tmp_path, model, vector):
    for dtype in (torch.bfloat16, torch.float16, torch.float64):
        rounded = {f"layer_{layer}": vector.at(layer).to(dtype) for layer in LAYERS}
        save_file(rounded, tmp_path / "half.safetensors")
        (found,) = read_vectors(tmp_path / "half.safetensors", model).values()
        assert torch.equal(found.values, vector.values.to(dtype).float())
    save_file({"1": torch.ones(128, dtype=torch.int64)}, tmp_path / "whole.safetensors")
    with pytest.raises(UserError, match="no vector of finite floating-point numbers"):
        read_vectors(tmp_path / "whole.safetensors", model)


def test_a_file_that_says_what_it_is_keeps_its_name_and_its_model(tmp_path, model, vector):
    path = write_vectors(tmp_path / "mine.gguf", vector)
    assert same(read_vectors(path, model, name="joy")["anger"], vector)
    other = write_vectors(tmp_path / "other.gguf", replace(vector, model="small-qwen3"))
    with pytest.raises(UserError, match='of the model "small-qwen3", and this is "small-llama3"'):
        read_vectors(other, model, name="joy")


@pytest.mark.parametrize("name", ["", "direction", "layer_2__joy", "a\nb"])
def test_a_name_that_would_not_come_back_is_not_written(tmp_path, vector, name):
    with pytest.raises(UserError, match="could not be read back: call it otherwise"):
        write_vectors(tmp_path / "odd.safetensors", replace(vector, emotion=name))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["喜び", "a.b", "<b>joy</b>", "1"])
def test_odd_names_come_back(tmp_path, model, vector, name):
    path = write_vectors(tmp_path / "odd.safetensors", [replace(vector, emotion=name), vector])
    found = read_vectors(path, model)
    assert same(found[name], replace(vector, emotion=name))
    assert same(found["anger"], vector)


def test_layers_are_asked_for_once_and_there_is_a_folder(tmp_path, model, vector):
    both = [vector, replace(vector, emotion="joy", values=vector.values.clone().requires_grad_())]
    found = read_vectors(write_vectors(tmp_path / "x.safetensors", both, layers=iter([1, 2])), model)
    assert {name: own.layers for name, own in found.items()} == {"anger": (1, 2), "joy": (1, 2)}
    with pytest.raises(UserError, match="No layer of anger is to be saved"):
        write_vectors(tmp_path / "y.safetensors", vector, layers=[])
    with pytest.raises(UserError, match="There is no folder"):
        write_vectors(tmp_path / "none" / "y.gguf", vector)
    with pytest.raises(UserError, match=r"name it by hint=, such as \"llama\""):
        write_vectors(tmp_path / "y.gguf", replace(vector, model="my own"))

"""The registry, and directories that are no models, on a tiny random GPT-2."""

from __future__ import annotations

import json
import logging
import re
import shutil
from contextlib import nullcontext

import pytest
from safetensors.torch import load_file

from emotion_utils.core.errors import UserError
from emotion_utils.models import loading, registry
from emotion_utils.models.loading import context_length, load_model, load_tokenizer, token_counter
from emotion_utils.models.packaged import PACKAGED
from emotion_utils.models.registry import (
    BUNDLED,
    HUB_ALIASES,
    bundled_models,
    model_files,
    reader_name,
    resolve_model,
    short_name,
    world_of,
)

WORDS = ["<|endoftext|>", "thank", "you", "for", "the", "tea", "."]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A GPT-2 with random weights and a tokenizer of seven words."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    core = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token=WORDS[0]))
    core.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=core, eos_token=WORDS[0], unk_token=WORDS[0]).save_pretrained(
        folder
    )
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(WORDS), n_positions=16, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    GPT2LMHeadModel(config).half().save_pretrained(folder)
    return folder


@pytest.fixture
def copy(tiny, tmp_path):
    return shutil.copytree(tiny, tmp_path / "copy")


def refused(name: str, *parts: str, call=resolve_model) -> None:
    with pytest.raises(UserError) as caught:
        call(name)
    for part in parts:
        assert part in str(caught.value)


# --- names


def test_the_registry_has_the_families_of_the_reports():
    assert bundled_models() == list(BUNDLED)
    assert {"small-gpt2", "small-neo", "small-pythia", "small-llama3", "small-qwen3", "small-gemma3"} < set(
        BUNDLED
    )
    assert all(re.fullmatch(r"[\w-]+/[\w.-]+", location) for location in HUB_ALIASES.values())
    assert not set(BUNDLED) & set(HUB_ALIASES)


def test_short_names_and_hub_ids_are_hub_models():
    ref = resolve_model("gpt2")
    assert (ref.source, ref.location, ref.label) == ("hub", "openai-community/gpt2", "hub model")
    assert resolve_model("org/some-model.v2").location == "org/some-model.v2"


def test_unknown_names_get_a_near_match():
    refused("small-gpt3", 'did you mean "small-gpt2"')
    refused("pythia160m", 'did you mean "pythia-160m"')
    refused("  ", "registry name")
    refused("./nowhere", "no model directory", "need no directory: small-gpt2, ")
    refused("data/models/nowhere", "no model directory")


def test_a_bundled_model_that_is_not_there_says_how_to_train_it(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "MODELS", tmp_path)
    monkeypatch.setattr(registry, "PROJECT_ROOT", tmp_path)
    refused("small-gpt2", "make models NAME=small-gpt2")


def test_a_bundled_model_is_found_by_name(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "MODELS", tmp_path)
    shutil.copytree(tiny, tmp_path / "small-gpt2")
    ref = resolve_model("small-gpt2")
    assert (ref.source, ref.location, ref.label) == (
        "bundled",
        str(tmp_path / "small-gpt2"),
        "bundled small model",
    )


def test_a_local_directory_is_found_from_anywhere(tiny, monkeypatch):
    ref = resolve_model(str(tiny))
    assert (ref.source, ref.location, ref.label) == ("local", str(tiny), "local model")
    monkeypatch.chdir(tiny.parent)
    assert resolve_model(tiny.name).location == str(tiny)


# --- loading


def test_a_local_model_loads_in_float32_and_agrees_with_transformers(tiny):
    import torch
    from transformers import AutoModelForCausalLM

    model = load_model(str(tiny))
    assert not model.training
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    plain = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    ids = torch.tensor([[1, 2, 3, 4, 5, 6]])
    with torch.no_grad():
        torch.testing.assert_close(model(ids).logits, plain(ids).logits, rtol=0, atol=0)
    assert next(load_model(str(tiny), dtype="bfloat16").parameters()).dtype == torch.bfloat16


def test_tokens_are_counted_and_the_context_is_read(tiny):
    tokenizer = load_tokenizer(str(tiny))
    assert tokenizer.pad_token == WORDS[0]
    assert token_counter(str(tiny))(["thank you for the tea.", "tea"]) == [6, 1]
    assert context_length(str(tiny)) == 16


def test_devices_and_dtypes_that_cannot_be_are_said(tiny):
    name = str(tiny)
    refused(name, 'no device "tpu"', call=lambda n: load_model(n, device="tpu"))
    refused(name, "dtype", "bfloat16", call=lambda n: load_model(n, dtype="int8"))
    refused(name, "float16 on the CPU", call=lambda n: load_model(n, dtype="float16"))
    refused(name, 'no device "cuda:99"', call=lambda n: load_model(n, device="cuda:99"))


def test_gemma3_is_never_float16(copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "model_type": "gemma3_text"}))
    refused(
        str(copy), "65,504", "choose bfloat16 or float32", call=lambda name: load_model(name, dtype="float16")
    )
    found = loading._dtype_of(loading.load_config(str(copy)), resolve_model(str(copy)), "cuda", "auto")
    assert found == "bfloat16"


# --- weights that do not fit their config


def changed(name, folder, weights=lambda held: held, **config):
    """A bundled model with other weights or another config."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(registry.MODELS / name, folder)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    held = weights(load_file(folder / "model.safetensors"))
    save_file(held, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)


def without(part):
    return lambda held: {name: value for name, value in held.items() if part not in name}


@pytest.mark.parametrize("name", BUNDLED)
def test_buffers_of_old_checkpoints_change_nothing(name, tmp_path):
    import torch

    def with_buffers(held):
        block = {".attn.attention": "transformer.h", ".attn": "transformer.h"}
        block |= {".attention": "gpt_neox.layers", ".self_attn": "model.layers"}
        buffers = ("bias", "masked_bias", "rotary_emb.inv_freq")
        return held | {
            f"{b}.0{part}.{buffer}": torch.ones(2) for part, b in block.items() for buffer in buffers
        }

    plain, old = load_model(name), load_model(changed(name, tmp_path / "old", with_buffers))
    ids = torch.tensor([[1, 2, 3, 4]])
    with torch.no_grad():
        torch.testing.assert_close(old(ids).logits, plain(ids).logits, rtol=0, atol=0)


@pytest.mark.parametrize("name", BUNDLED)
def test_weights_of_a_wrapped_model_are_refused(name, tmp_path):
    wrapped = changed(name, tmp_path / "m", lambda held: {f"_orig_mod.{k}": v for k, v in held.items()})
    refused(wrapped, str(tmp_path / "m"), "drawn at random", "left over", call=load_model)
    refused(wrapped, 'begin with "_orig_mod."', "save the model inside", call=load_model)


@pytest.mark.parametrize("name", ["small-gpt2", "small-pythia", "small-llama3"])
def test_missing_output_embeddings_are_refused(name, tmp_path):
    def untied(held):
        return {
            key: value for key, value in held.items() if key not in ("lm_head.weight", "embed_out.weight")
        }

    folder = changed(name, tmp_path / "m", untied, tie_word_embeddings=False)
    refused(folder, "1 missing", "(lm_head.weight)", "tie_word_embeddings is false", call=load_model)


def test_missing_blocks_are_refused(tmp_path):
    lacks = changed("small-pythia", tmp_path / "one", without("layers.1."))
    refused(lacks, "12 missing", "4 blocks (num_hidden_layers)", "lacks block 1, counted", call=load_model)
    parts = changed("small-pythia", tmp_path / "part", without("layers.1.mlp."))
    refused(parts, "4 missing", "lacks parts of block 1", call=load_model)
    both = changed("small-llama3", tmp_path / "two", without("layers.2."), num_hidden_layers=5)
    refused(both, "18 missing", "lacks blocks 2, 4", call=load_model)


def test_a_number_of_blocks_that_the_weights_do_not_have_is_refused(tmp_path):
    more = changed("small-gpt2", tmp_path / "more", n_layer=5)
    refused(more, "5 blocks (n_layer)", "lacks block 4", "set n_layer to 4", call=load_model)
    fewer = changed("small-llama3", tmp_path / "fewer", num_hidden_layers=3)
    refused(fewer, "9 left over", "holds 4", "set num_hidden_layers to 4", call=load_model)


def test_weights_of_another_shape_are_refused(tmp_path):
    folder = changed("small-pythia", tmp_path / "m", vocab_size=4097)
    refused(folder, "2 of another shape", "4096 x 128 in the file, 4097 x 128", call=load_model)


def test_all_weights_are_read_in_one_place():
    """Only there what transformers says about missing weights is an error; what a peer loads is its own affair."""
    folders = ("emotion_utils", "notebooks", "benchmarks", "calibration")
    files = [p for folder in folders for p in (registry.PROJECT_ROOT / folder).rglob("*.*")]
    ours = [p for p in files if p.suffix in {".py", ".ipynb"} and p.parent.name != "peers"]
    texts = {p: p.read_text(encoding="utf-8") for p in ours}
    calls = {
        (p.name, kind) for p, text in texts.items() for kind in re.findall(r"(\w+)\.from_pretrained\(", text)
    }
    assert {call for call in calls if not call[1].endswith(("Tokenizer", "Config"))} == {("files.py", "kind")}
    strict = {p.parent.name for p, text in texts.items() if "load_state_dict(" in text}
    assert strict <= {"parts", "classification"}  # what our own training kept, by the same code
    assert not [p for p, text in texts.items() if "strict=False" in text and p.parent.name == "parts"]


# --- directories that are no models


def test_an_empty_directory_and_a_file(tmp_path):
    refused(str(tmp_path), "no config.json", "found nothing")
    (tmp_path / "notes.txt").write_text("x")
    refused(str(tmp_path), "found notes.txt")
    refused(str(tmp_path / "notes.txt"), "is a file")


def test_a_config_without_weights(copy):
    (copy / "model.safetensors").unlink()
    refused(str(copy), "no weights")


def test_pickled_weights_are_never_opened(copy):
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    refused(str(copy), "pytorch_model.bin", "can execute code", "safetensors")
    refused(str(copy), "can execute code", call=load_model)


def test_a_corrupt_config(copy):
    path = copy / "config.json"
    path.write_text('{"model_type": "gpt2",\n "n_layer": ')
    refused(str(copy), "not JSON at line 2")
    path.write_bytes(b'{"model_type": "\xff"}')
    refused(str(copy), "byte 17 is not UTF-8")
    path.write_text("{}")
    refused(str(copy), "model_type")


def reconfigured(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    return str(folder)


def test_a_model_with_code_of_its_own_never_runs_it(copy):
    auto = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    (copy / "code.py").write_text("raise SystemExit('ran')")
    name = reconfigured(copy, model_type="made-up", auto_map=auto)
    refused(name, str(copy), "code from its own repository", "never run", call=load_model)


def test_an_unknown_model_type(copy):
    name = reconfigured(copy, model_type="made-up")
    refused(name, str(copy), '"made-up"', "transformers 5", "model_type in its config.json", call=load_model)


@pytest.mark.parametrize("kind", ["t5", "bert", "mamba"])
def test_a_model_of_a_family_without_hooks_is_refused_before_its_weights_are_read(copy, kind, monkeypatch):
    monkeypatch.setattr(loading, "load_weights", lambda *_, **__: pytest.fail("read"))
    refused(reconfigured(copy, model_type=kind), f'of the type "{kind}"', "gpt2, gpt_neo", call=load_model)


@pytest.mark.parametrize("method", ["bitsandbytes", "gptq", "awq", "fp8", "mxfp4", None])
def test_quantised_weights_are_named_with_their_method(copy, method):
    how = {"load_in_8bit": True} if method is None else {"quant_method": method, "bits": 4}
    name = reconfigured(copy, quantization_config=how)
    for call in (resolve_model, load_model):
        refused(name, f"quantised ({method or 'quantization_config'})", "made from", "GGUF", call=call)


def test_a_hub_model_says_by_its_config_that_it_is_quantised(copy, monkeypatch):
    name = reconfigured(copy, quantization_config={"quant_method": "gptq", "bits": 4})
    hub = registry.ModelRef("org/quantised", "hub", name)
    monkeypatch.setattr(loading, "resolve_model", lambda _: hub)
    monkeypatch.setattr(loading, "model_folder", lambda ref, weights=False: copy)
    refused("org/quantised", "quantised (gptq)", call=load_model)


def test_quantised_weights_without_a_word_in_the_config_are_refused(tmp_path):
    import torch

    some = lambda held: {  # noqa: E731
        name: value.to(torch.int8) if name.endswith("h.1.mlp.c_fc.weight") else value
        for name, value in held.items()
    }
    refused(changed("small-gpt2", tmp_path / "m", some), "h.1.mlp.c_fc.weight as I8", "quantised")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, value):
    def spoiled(held):
        held["transformer.h.1.mlp.c_fc.bias"][3] = value
        return held

    name = changed("small-gpt2", tmp_path / "m", spoiled)
    refused(name, "not all finite (transformer.h.1.mlp.c_fc.bias", call=load_model)


@pytest.mark.parametrize(
    ("logged", "grave"),
    [
        ("The tokenizer you are loading from 'x' with an incorrect regex pattern: y.", True),
        ("`rope_parameters`'s factor field must be a float or int >= 1, got 0.5", True),
        ("Missing required keys in `rope_parameters`: 'factor'", True),
        ("`torch_dtype` is deprecated! Use `dtype` instead!", False),
        ("Unrecognized keys in `rope_parameters` for 'rope_type'='linear': {'mrope_section'}", False),
    ],
)
@pytest.mark.parametrize("level", [logging.WARNING, logging.ERROR])
def test_what_transformers_only_warns_of_is_an_error_where_numbers_change(logged, grave, level):
    logger = logging.getLogger("transformers")
    before, handlers = logger.level, list(logger.handlers)
    logger.setLevel(level)
    try:
        refusal = pytest.raises(UserError, match="reads x otherwise") if grave else nullcontext()
        with refusal, loading.grave_warnings("x"):
            logging.getLogger("transformers.some.module").warning(logged)
        assert (logger.level, logger.handlers) == (level, handlers)
    finally:
        logger.setLevel(before)


def test_a_rotation_that_transformers_does_not_know_is_refused(tmp_path):
    name = changed("small-llama3", tmp_path / "m", rope_scaling={"rope_type": "made-up", "factor": 2.0})
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    config.pop("rope_parameters", None)
    (tmp_path / "m" / "config.json").write_text(json.dumps(config))
    refused(name, "otherwise than it was made", "made-up", call=load_model)


def test_adapters_are_no_models(copy):
    (copy / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')
    refused(str(copy), "a model and an adapter", "merge_and_unload()")
    (copy / "config.json").unlink()
    refused(str(copy), "an adapter of org/base", "merge_and_unload()")


def test_folders_that_hold_a_model_deeper_down_lead_there(tiny, tmp_path):
    cache = tmp_path / "models--org--name"
    shutil.copytree(tiny, cache / "snapshots" / ("a" * 40))
    refused(str(cache), "hub's cache", '"org/name"')
    shutil.copytree(tiny, tmp_path / "trainer" / "checkpoint-500")
    refused(str(tmp_path / "trainer"), "its folder checkpoint-500 has")
    (tmp_path / "trainer" / "x.gguf").write_bytes(b"GGUF")
    shutil.rmtree(tmp_path / "trainer" / "checkpoint-500")
    refused(str(tmp_path / "trainer"), "name the file x.gguf itself")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_what_stands_in_the_place_of_a_file_is_named(copy, name):
    path, call = copy / name, (load_tokenizer if name.startswith("tok") else resolve_model)
    path.unlink()
    path.symlink_to("/nowhere/blob")
    refused(str(copy), f"{name} is a link to /nowhere/blob", "cp -L", call=call)
    path.unlink()
    path.symlink_to(path)
    refused(str(copy), f"{name} cannot be read (Too many levels of symbolic links)", call=call)
    path.unlink()
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    refused(str(copy), f"{name} is the Git LFS pointer", "git lfs pull", call=call)
    path.write_text("<!DOCTYPE html><html></html>")
    refused(str(copy), f"{name} is a web page", "download it again", call=call)
    path.unlink()
    path.mkdir()
    refused(str(copy), f"{name} cannot be read (Is a directory)", call=call)


@pytest.mark.parametrize("content", ["[1]", "{}", '{"weight_map": [1]}', '{"weight_map": {"a": 3}}'])
def test_an_index_that_is_none(copy, content):
    (copy / "model.safetensors.index.json").write_text(content)
    refused(str(copy), "index.json is no index of weights", "weight_map")


def test_shards_need_their_index_and_a_single_file_its_name(copy):
    shard = (copy / "model.safetensors").rename(copy / "model-00001-of-00001.safetensors")
    refused(str(copy), "has model-00001-of-00001.safetensors, and neither")
    names = list(load_file(shard))
    index = {"weight_map": dict.fromkeys(names, shard.name)}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(str(copy), "no index of weights", "metadata")
    (copy / "model.safetensors.index.json").write_text(json.dumps({**index, "metadata": {}}))
    assert load_model(str(copy)).config.n_layer == 1


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda data: data[:-10], "file not fully covered"),
        (lambda data: b"not a model", "no safetensors file"),
        (lambda data: b"", "no safetensors file"),
    ],
)
def test_damaged_weights(copy, damage, part):
    path = copy / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    refused(str(copy), part, "model.safetensors")


def test_a_missing_shard(copy):
    (copy / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "model-00002-of-00002.safetensors"}}'
    )
    refused(str(copy), "lacks model-00002-of-00002.safetensors")


def test_a_model_without_a_tokenizer(copy):
    for path in copy.glob("*token*"):
        path.unlink()
    refused(str(copy), "no tokenizer", call=load_tokenizer)


def test_a_hub_model_without_a_network_names_the_way_out(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    refused("org/certainly-not-cached", "could not be loaded", "small-gpt2", call=load_tokenizer)
    refused(
        "org/certainly-not-cached", 'of the hub model "org/certainly-not-cached" are not', call=load_model
    )


def test_a_hub_model_has_no_files_and_a_bundled_one_its_weights():
    assert model_files("gpt2") == []
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
        path.name for path in model_files("small-gpt2")
    }


# --- names for readers


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
    assert [short_name(name) for name in PACKAGED] == ["SmolLM2 135M", "Gemma 3 270M"]


def test_a_directory_that_looks_like_a_hub_id_is_local(tmp_path, monkeypatch):
    (tmp_path / "org" / "name").mkdir(parents=True)
    assert world_of("org/name") == "pretrained"
    monkeypatch.chdir(tmp_path)
    assert world_of("org/name") == "local"
    assert short_name("org/name") == "name"

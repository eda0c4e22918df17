"""Small GGUF files, written with the format's own library from a bundled model."""

from __future__ import annotations

import json
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file

from emotion_utils.core.paths import MODELS

ARCHITECTURES = {"small-llama3": gguf.MODEL_ARCH.LLAMA, "small-gemma3": gguf.MODEL_ARCH.GEMMA3}


def write_gguf(
    name: str, path: Path, *, tokenizer: bool = True, architecture: str = "", more=lambda writer: None
) -> Path:
    """A bundled model as a GGUF file with float32 weights, as llama.cpp's converter would write it."""
    kind = ARCHITECTURES[name]
    config = json.loads((MODELS / name / "config.json").read_text())
    writer = gguf.GGUFWriter(path, architecture or gguf.MODEL_ARCH_NAMES[kind])
    _sizes(writer, config)
    more(writer)
    if tokenizer:
        _vocabulary(writer, json.loads((MODELS / name / "tokenizer.json").read_text()), config)
    names = gguf.get_tensor_name_map(kind, config["num_hidden_layers"])
    for key, held in load_file(MODELS / name / "model.safetensors").items():
        new = names.get_name(key, try_suffixes=(".weight",))
        assert new is not None, key
        writer.add_tensor(new, _as_llama_cpp(held.astype(np.float32), new, kind, config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _sizes(writer: gguf.GGUFWriter, config: dict) -> None:
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_key_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    rope = config["rope_parameters"]
    writer.add_rope_freq_base(rope.get("full_attention", rope)["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    if config.get("sliding_window"):
        writer.add_sliding_window(config["sliding_window"])


def _vocabulary(writer: gguf.GGUFWriter, tokenizer: dict, config: dict) -> None:
    vocabulary = tokenizer["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.get)
    special = {added["content"] for added in tokenizer["added_tokens"]}
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("gpt2" if "Ġ" in str(tokens) else "llama")
    writer.add_token_list(tokens)
    writer.add_token_types([control if token in special else normal for token in tokens])
    writer.add_token_scores([-float(i) for i in range(len(tokens))])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_add_bos_token(True)
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])


def _as_llama_cpp(weight: np.ndarray, name: str, kind: gguf.MODEL_ARCH, config: dict) -> np.ndarray:
    """Rows of queries and keys in the order that llama.cpp rotates them, and Gemma's gains with their 1."""
    if kind == gguf.MODEL_ARCH.GEMMA3:
        # GGUF files say nothing of the scale of attention, 256 in all Gemmas of this size and 16 in the small one
        scale = (256 / config["query_pre_attn_scalar"]) ** 0.5 if "attn_q_norm" in name else 1
        return (weight + 1) * scale if name.endswith("norm.weight") else weight
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    for part, n in heads.items():
        if f".{part}." in name:
            halves = weight.reshape(n, 2, weight.shape[0] // n // 2, *weight.shape[1:])
            return halves.swapaxes(1, 2).reshape(weight.shape)
    return weight

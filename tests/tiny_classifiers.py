"""Untrained classifiers of a few thousand weights, and texts of random tokens."""

from __future__ import annotations

import numpy as np
import torch
from tokenizers import Tokenizer, models
from transformers import AutoConfig, PreTrainedTokenizerFast

from emotion_utils.classification.classifier import TextClassifier, with_head
from emotion_utils.models.loading import build_model
from emotion_utils.models.model import Model

VOCABULARY, LABELS = 50, ("a", "b", "c")
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 64}
GATED = SIZES | {"num_key_value_heads": 1, "head_dim": 8, "intermediate_size": 24}
FAMILIES = {
    "gemma2": GATED | {"sliding_window": 8, "query_pre_attn_scalar": 8},
    "llama": GATED,
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64},
}


def tiny(family: str) -> TextClassifier:
    """A classifier with random weights, large enough that logits differ."""
    config = AutoConfig.for_model(
        family, vocab_size=VOCABULARY, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        initializer_range=0.4, **FAMILIES[family],
    )  # fmt: skip
    words = {name: at for at, name in enumerate(["<pad>", "<bos>", "<eos>", *map(str, range(3, VOCABULARY))])}
    raw = Tokenizer(models.WordLevel(words, "3"))
    names = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>"}
    torch.manual_seed(0)
    network = build_model(config).eval()
    return with_head(Model(network, PreTrainedTokenizerFast(tokenizer_object=raw, **names)), LABELS)


def ids(n: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Texts of 5 to 12 tokens."""
    rng = np.random.default_rng(seed)
    return [tuple(rng.integers(3, VOCABULARY, rng.integers(5, 13)).tolist()) for _ in range(n)]

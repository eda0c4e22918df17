"""Untrained classifiers of a few thousand weights, and texts of random tokens."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from emotion_utils.models.batches import model_inputs

VOCABULARY, LABELS = 50, 3
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 64}
GATED = SIZES | {"num_key_value_heads": 1, "head_dim": 8, "intermediate_size": 24}
FAMILIES = {
    "gemma2": GATED | {"sliding_window": 8, "query_pre_attn_scalar": 8},
    "llama": GATED,
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64},
}


def tiny(family: str) -> SimpleNamespace:
    """A classifier with random weights, large enough that logits differ."""
    config = AutoConfig.for_model(
        family, vocab_size=VOCABULARY, num_labels=LABELS, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        initializer_range=0.4, **FAMILIES[family],
    )  # fmt: skip
    torch.manual_seed(0)
    network = AutoModelForSequenceClassification.from_config(config).eval()
    return SimpleNamespace(
        network=network,
        padded=lambda rows, side: model_inputs(rows, 0, side),
        check_mode=lambda: None,
    )


def ids(n: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Texts of 5 to 12 tokens."""
    rng = np.random.default_rng(seed)
    return [tuple(rng.integers(3, VOCABULARY, rng.integers(5, 13)).tolist()) for _ in range(n)]

"""A small Gemma 2 with random weights, whose tokens are words."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, PreTrainedTokenizerFast

from emotion_utils.models.loading import build_model
from emotion_utils.models.model import Model

NAMES = {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>"}
WORDS = [
    "red",
    "green",
    "blue",
    "big",
    "small",
    "cat",
    "dog",
    "bird",
    "ran",
    "slept",
    "sang",
    "and",
    "the",
    "a",
]


@pytest.fixture(scope="session")
def tiny():
    """Two layers of 16 dimensions; it has no byte tokens, so that it does not know other words."""
    raw = Tokenizer(
        models.WordLevel({word: at for at, word in enumerate([*NAMES.values(), *WORDS])}, NAMES["unk_token"])
    )
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, **NAMES)
    torch.manual_seed(1)
    config = AutoConfig.for_model(
        "gemma2",
        vocab_size=len(tokenizer),
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
        max_position_embeddings=32,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=4,
        intermediate_size=24,
        query_pre_attn_scalar=4,
        sliding_window=8,
    )
    return Model(build_model(config).eval(), tokenizer)

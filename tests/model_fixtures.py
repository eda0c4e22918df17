"""Small tokenizers and untrained models of every family, made once."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from transformers import AutoTokenizer

from emotion_utils.models.loading import build_model
from emotion_utils.models.model import Model
from emotion_utils.smallworld import load_grammar
from emotion_utils.smallworld.corpus import documents
from emotion_utils.training.configs import SPECS, model_config
from emotion_utils.training.tokenizers import MANNERS, train_tokenizer

PROMPTS = ["The cat sat.", "Anna gave him the book that he had lost", "We met", "a b c d e f g"]
"""Texts of different lengths."""
FAMILIES = [name for name, spec in SPECS.items() if not spec.blind and not spec.start]


@pytest.fixture(scope="session")
def grammar():
    return load_grammar("en")


@pytest.fixture(scope="session")
def blind():
    return load_grammar("en", blind=True)


@pytest.fixture(scope="session")
def docs(grammar):
    return list(documents(grammar, 400, seed=3))


@pytest.fixture(scope="session")
def reacting_docs(docs):
    return list(islice((d for d in docs if d.cause and d.reaction_start and len(d.text) < 400), 6))


@pytest.fixture(scope="session")
def tokenizers(docs, tmp_path_factory):
    """Manner to the tokenizer as AutoTokenizer reads it from disk."""
    loaded = {}
    for manner in MANNERS:
        folder = tmp_path_factory.mktemp(manner)
        train_tokenizer(manner, (d.text for d in docs), 900, 512, folder)
        loaded[manner] = AutoTokenizer.from_pretrained(folder)
    return loaded


@pytest.fixture(scope="session", params=FAMILIES)
def untrained(request, tokenizers):
    """A model of each family with random weights."""
    spec = SPECS[request.param]
    tokenizer = tokenizers[spec.manner]
    torch.manual_seed(0)
    ids = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    model = build_model(model_config(spec, len(tokenizer), *ids)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4)  # sharper than a fresh model, so that a wrong token changes the result
    return Model(model, tokenizer)

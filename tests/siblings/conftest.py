"""Two siblings of a few thousand weights, trained to tell posts apart by one word."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, PreTrainedTokenizerFast

from emotion_utils.classification.baseline import fit_baseline
from emotion_utils.classification.settings import FineTuning
from emotion_utils.models.loading import build_model
from emotion_utils.models.model import Model
from emotion_utils.siblings.post_sets import SEEN, UNSEEN, Labelled, PostSets
from emotion_utils.siblings.sizes import Sizes
from emotion_utils.siblings.study import study

LABELS = {"sea": ["ship", "wave"], "wood": ["tree", "leaf"], "town": ["road", "shop"]}
FILLERS = ["the", "a", "old", "new", "is", "was", "here", "there", "good", "bad"]
HOW = FineTuning(rate=2e-2, epochs=12, batch=8)
SIZES = Sizes(20, 12, 30, sets=9, orders=9, resamples=100, permutations=49, seeds=2)
NAMES = ("base", "continued")


def written(n: int, which: int | None, seed: int) -> Labelled:
    """Posts with one telling word each: either one, or the one of this number."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for label, words in LABELS.items():
        for _ in range(n):
            chosen = rng.choice(FILLERS, 6).tolist()
            word = words[rng.integers(2) if which is None else which]
            chosen.insert(int(rng.integers(7)), word)
            texts.append(" ".join(chosen))
            labels.append(label)
    return Labelled(texts, labels)


@pytest.fixture(scope="session")
def posts() -> PostSets:
    return PostSets(written(20, 0, 0), {SEEN: written(12, 0, 1), UNSEEN: written(12, 1, 2)}, "Posts.")


@pytest.fixture(scope="session")
def loaded() -> dict[str, Model]:
    words = ["<pad>", "<bos>", "<eos>", "<unk>", *FILLERS, *(w for own in LABELS.values() for w in own)]
    raw = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, "<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
    found = {}
    for seed, name in enumerate(NAMES):
        config = AutoConfig.for_model(
            "gemma2", vocab_size=len(words), pad_token_id=0, bos_token_id=1, eos_token_id=2, hidden_size=16,
            num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=1, head_dim=8, intermediate_size=24,
            query_pre_attn_scalar=8, sliding_window=8, max_position_embeddings=64,
        )  # fmt: skip
        torch.manual_seed(seed)
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, **special)
        found[name] = Model(build_model(config).eval(), tokenizer, name)
    return found


@pytest.fixture(scope="session")
def studies(posts, loaded):
    return {name: study(model, posts, SIZES, HOW, seed=1, progress=False) for name, model in loaded.items()}


@pytest.fixture(scope="session")
def words(posts):
    return fit_baseline(posts.train.texts, posts.train.labels)

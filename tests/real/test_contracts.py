"""A packaged model is the one in its file, whatever batch, cache or hook it is read through."""

from __future__ import annotations

import warnings

import pytest
import torch

from emotion_utils.activations.token_spans import find_spans, match_rate
from emotion_utils.core.paths import PROMPTS
from emotion_utils.engine.decoding import Sampling
from emotion_utils.engine.generation import generate
from emotion_utils.models.packaged import PACKAGED
from emotion_utils.prompts.loading import load_profile

NEW = 12
CLOSE = 1e-3
"""Two best logits nearer than this may change places with the order of additions."""
FOUND = 0.995


def test_the_facts_of_the_registry_are_those_of_the_model(real, name):
    model = PACKAGED[name]
    assert real.network.num_parameters() == model.parameters
    assert real.network.config.model_type == model.family
    assert real.network.config.vocab_size == model.vocabulary


@torch.no_grad()
def test_logits_are_those_of_a_plain_load_of_the_same_file(real, plain):
    assert torch.equal(real.network(plain.ids, use_cache=False).logits, plain.logits)


@torch.no_grad()
def one_by_one(real, ids: list[int], new: int) -> tuple[list[int], list[float]]:
    """Greedy tokens without cache, batch or padding, and how far apart the two best logits were at each step."""
    made, gaps = [], []
    for _ in range(new):
        logits = real.network(torch.tensor([[*ids, *made]]), use_cache=False, logits_to_keep=1).logits[0, -1]
        best = logits.topk(2)
        made.append(int(best.indices[0]))
        gaps.append(float(best.values[0] - best.values[1]))
        if made[-1] in real.ends:
            break
    return made, gaps


@pytest.fixture(scope="module")
def alone(real, texts):
    """For each text its greedy continuation, computed alone."""
    return [one_by_one(real, list(map(int, row)), NEW) for row in real.encode(texts).ids]


@pytest.mark.parametrize("how", [{}, {"cache": False}, {"batch_rows": 2, "side": "right"}], ids=str)
def test_greedy_text_with_cache_batches_and_padding_is_that_of_one_by_one(real, texts, alone, how):
    table = generate(real, texts, how=Sampling(NEW), progress=False, **how)
    close = 0
    for ours, (theirs, gaps) in zip(table["ids"], alone, strict=True):
        differs = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
        if differs is None:
            assert len(ours) == len(theirs)
            continue
        assert gaps[differs] < CLOSE, (
            f"step {differs} differs, and the two best logits are {gaps[differs]:.4f} apart"
        )
        close += 1
    if close:
        warnings.warn(
            f"{close} of {len(texts)} texts part at a step whose two best logits are within {CLOSE}",
            stacklevel=1,
        )


KEYWORDS = [
    path.stem
    for path in sorted(PROMPTS.glob("*.jsonl"))
    if load_profile(path.stem)["emotion_start"].notna().any()
]


def test_the_words_of_emotions_are_found_in_the_prompts(real):
    assert {"baseline", "extended"} <= set(KEYWORDS)
    for profile in KEYWORDS:
        prompts = load_profile(profile)
        encoded = real.encode(prompts["text"].tolist())
        spans = find_spans(prompts, encoded, ["emotion"])
        assert match_rate(prompts, spans, "emotion") >= FOUND, profile

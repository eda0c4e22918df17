"""The bound in nats is what genuine replies of one emotion differ by, read here by a plain forward pass."""

from __future__ import annotations

from itertools import combinations
from statistics import median

import pandas as pd
import pytest
import torch

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.core.store import Store
from emotion_utils.effects.bounds import reply_bound, reply_bounds, summarise
from emotion_utils.models.model import load
from emotion_utils.prompts.loading import load_profile
from emotion_utils.scoring.replies import genuine_replies
from emotion_utils.steering.contexts import neutral_contexts

CONTEXTS = ["Anna gave Tom the keys. Tom said to Anna:", "It rained. Mira said to the driver:"]


def log_prob(model, start, text):
    ids = model.starting_ids(start)
    ends = model.tokenizer(text, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = model.network(torch.tensor([ids + ends])).logits[0].log_softmax(-1)
    return sum(float(logits[len(ids) - 1 + i, token]) for i, token in enumerate(ends))


def test_the_bound_is_the_median_gap_of_two_replies_that_say_the_same():
    model = load("small-gpt2")
    gaps = []
    for context in CONTEXTS:
        for emotion in EMOTIONS:
            told = [log_prob(model, context, f' "{reply}"') for reply in genuine_replies(emotion, 3)]
            gaps += [abs(a - b) for a, b in combinations(told, 2)]
    found = reply_bound(model, CONTEXTS, 3)
    assert found.nats == pytest.approx(median(gaps), rel=1e-4)
    assert (found.pairs, found.contexts) == (len(gaps), 2)


def test_bounds_of_models_are_measured_on_neutral_prompts_that_vectors_are_made_from(tmp_path):
    prompts = load_profile("implicit")
    table = reply_bounds(["small-gpt2"], prompts, Store(tmp_path))
    contexts = neutral_contexts(prompts, "build", 12)["context"].tolist()
    assert table.to_dict("records") == [
        {"model": "small-gpt2", **reply_bound(load("small-gpt2"), contexts)._asdict()}
    ]


def test_the_bound_is_said_for_one_model_and_for_several():
    table = pd.DataFrame({"nats": [1.29, 0.87], "pairs": [288, 288]})
    assert "differ by 0.87 to 1.29 nats in the same context (median of 288 pairs" in summarise(table)
    assert "differ by 1.29 nats" in summarise(table.head(1))

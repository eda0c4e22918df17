"""The bound in nats is what genuine replies of one emotion differ by, read here by a plain forward pass."""

from __future__ import annotations

from itertools import combinations
from statistics import median

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.core.store import Store
from emotion_utils.effects.bounds import by_outcome, reply_bound, reply_bounds, summarise
from emotion_utils.effects.records import Effect
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


def whole_effect(whole, emotion="anger", outcome="log-odds (nats)", model="a"):
    return Effect(
        "5",
        model,
        emotion,
        "steered",
        outcome,
        np.array([0.1]),
        np.array(["u"]),
        np.array(["p"]),
        whole=whole,
    )


@pytest.mark.parametrize(
    ("wholes", "reply", "bound"),
    [
        ((0.31, 1.36), 1.29, 0.1),  # a tenth of the weaker one is less than a tenth of a nat
        ((-4.0, 9.0), 1.29, 0.4),
        ((40.0, 90.0), 1.29, 1.29),  # replies differ by less than a tenth of the whole
        ((np.nan, 4.0), 1.29, 0.4),
        ((np.nan,), 1.29, 0.1),
    ],
)
def test_what_replies_differ_by_is_capped_by_the_whole_effect_of_the_weakest_emotion(wholes, reply, bound):
    limits = by_outcome([whole_effect(whole) for whole in wholes], {"a": reply})
    assert limits[["model", "outcome", "reply"]].to_numpy().tolist() == [["a", "log-odds (nats)", reply]]
    assert limits["nats"].tolist() == pytest.approx([bound])


def test_bounds_are_by_model_and_outcome_in_nats_only():
    effects = [whole_effect(3.0), whole_effect(8.0, outcome="after (nats)"), whole_effect(5.0, model="b")]
    limits = by_outcome([*effects, whole_effect(np.nan, outcome="words (count)")], {"a": 1.0})
    assert limits["outcome"].tolist() == ["log-odds (nats)", "after (nats)"]
    assert limits["whole"].tolist() == [3.0, 8.0]
    assert limits["nats"].tolist() == pytest.approx([0.3, 0.8])


def test_the_bound_is_said_beside_the_whole_effect_for_one_model_and_for_several():
    table = pd.DataFrame({"nats": [1.29, 0.87], "pairs": [288, 288]})
    limits = pd.DataFrame({"nats": [0.1, 0.4], "whole": [0.31, 4.0]})
    told = summarise(table, limits)
    assert "differ by 0.87 to 1.29 nats in the same context (median of 288 pairs" in told
    assert "below 0.10 to 0.40 nats, by model and outcome" in told
    assert "beside whole effects of the weakest emotion of 0.31 to 4.00 nats" in told
    assert "differ by 1.29 nats" in summarise(table.head(1), limits)
    assert "beside" not in summarise(table, limits.assign(whole=np.nan))
    assert "too small" not in summarise(table, limits.head(0))

"""Where weights go, and that a model whose blocks accelerate has placed computes as it did."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from accelerate import dispatch_model

from emotion_utils.activations.extraction import extract, points
from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import MODELS
from emotion_utils.engine.decoding import Sampling
from emotion_utils.engine.generation import generate
from emotion_utils.engine.interventions import UNTOUCHED, steering
from emotion_utils.hub.placement import SHARE, n_weights, placement, spread
from emotion_utils.models.model import load
from emotion_utils.prompts.loading import load_profile

GB = 10**9


def test_weights_are_counted_from_the_headers_of_the_files():
    assert n_weights(MODELS / "small-gpt2") == sum(p.numel() for p in load("small-gpt2").network.parameters())


@pytest.mark.parametrize(
    ("needed", "free", "told"),
    [
        (16 * GB, {0: 80 * GB}, {"device_map": {"": 0}}),
        (16 * GB, {0: 10 * GB, 1: 80 * GB}, {"device_map": {"": 1}}),
        (60 * GB, {0: 48 * GB, 1: 48 * GB}, {"device_map": "auto"}),
    ],
)
def test_one_gpu_where_it_is_enough_else_all(needed, free, told):
    found = spread(needed, free, "org/large")
    room = found.pop("max_memory", None)
    assert found == told
    assert room == (
        None if told["device_map"] != "auto" else {n: int(SHARE * own) for n, own in free.items()}
    )


@pytest.mark.parametrize(
    ("free", "words"),
    [
        ({0: 24 * GB}, "the GPU has room for 20.4 GB"),
        ({0: 24 * GB, 1: 8 * GB}, "the 2 GPUs have together room for 27.2 GB"),
    ],
)
def test_what_fits_nowhere_is_refused_before_it_is_read(free, words):
    with pytest.raises(UserError, match=r"take 48\.0 GB") as caught:
        spread(48 * GB, free, "org/large")
    assert words in str(caught.value)
    assert "choose bfloat16" in str(caught.value)


def test_without_a_gpu_nothing_is_placed(monkeypatch):
    assert placement(MODELS / "small-gpt2", 4, "cpu", "small-gpt2") is None
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda number: ((1_000, 9_000)[number] * 1_000, 10**10))
    held = n_weights(MODELS / "small-gpt2")
    assert 1_000_000 < 2 * held < 0.85 * 9_000_000, held
    assert placement(MODELS / "small-gpt2", 2, "cuda", "small-gpt2") == {"device_map": {"": 1}}
    with pytest.raises(UserError, match="the GPU has room"):
        placement(MODELS / "small-gpt2", 2, "cuda:0", "small-gpt2")


@pytest.mark.parametrize("name", ["small-gpt2", "small-gemma3"])
def test_blocks_that_accelerate_has_placed_are_read_and_steered_as_before(name, tmp_path):
    model = load(name)
    network = deepcopy(model.network)
    names = [found for found, _ in network.named_modules() if found.count(".") == 2 and found[-1].isdigit()]
    rest = {found.rpartition(".")[0] for found, _ in network.named_parameters(remove_duplicate=False)}
    own: dict[str, str] = {found: "cpu" for found in rest if not found.startswith(tuple(names))}
    own |= {block: ("cpu", "disk")[i % 2] for i, block in enumerate(names)}
    placed = replace(
        model, network=dispatch_model(network, own, main_device="cpu", offload_dir=tmp_path), loaded=False
    )
    assert {p.device.type for p in placed.network.parameters()} == {"cpu", "meta"}

    prompts = load_profile("smoke").head(5)
    before, after = (extract(one, prompts, points(one), progress=False) for one in (model, placed))
    for point, values in before.values.items():
        torch.testing.assert_close(after.values[point], values, atol=1e-5, rtol=1e-5)

    vector = before.at("end")[1][:, 2].mean(dim=0)
    conditions = [UNTOUCHED, steering("steered", vector, 2, 1.0)]
    texts = [
        generate(one, prompts["text"].tolist(), conditions, Sampling(6), progress=False)["text"].tolist()
        for one in (model, placed)
    ]
    assert texts[0] == texts[1]
    assert len(set(texts[0])) > 1

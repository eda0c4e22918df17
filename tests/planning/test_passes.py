"""Forward passes: their cost by hand, and what the counted sections of chapters really send through a model."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from emotion_utils.activations import batch_invariance, findings, residual_norms, throughput
from emotion_utils.activations.prompt_sets import read_sets
from emotion_utils.models.hooks import eager
from emotion_utils.models.loading import token_counter
from emotion_utils.models.model import load
from emotion_utils.planning import chapters
from emotion_utils.planning.constants import Constants
from emotion_utils.planning.devices import Device
from emotion_utils.planning.passes import BACKWARD, Passes
from emotion_utils.planning.shapes import Shape, shape_of
from emotion_utils.planning.texts import counted, of_set
from emotion_utils.prompts.loading import load_profile

SHAPE = Shape("llama", 2, 8, 16, 2, 1, 4, 100)
CONSTANTS = Constants("", "", "", {}, 1.0, 0.25, {})


def test_seconds_are_those_of_operations_weights_and_blocks():
    passes = Passes(tokens=20, passes=4, length=5, logits=3)
    device = Device("made up", (1.0,), (1000.0,), 100.0, 1.0)
    flops = 20 * 2 * (2 * 576 + 4 * 5 * 8) + 3 * 2 * 800
    between = 20 * 2 * (16 * 8 + 6 * 16)
    moved = 2 * (4 * (2 * 576 + 800) + between) + 4 * 3 * 100 * 4
    assert passes.flops(SHAPE) == flops
    assert passes.bytes(SHAPE, "bfloat16") == moved
    seconds = passes.seconds(SHAPE, "bfloat16", device, CONSTANTS)
    assert seconds == pytest.approx(flops / 1000 + moved / 100 + 4 * 2 * 0.25)


def test_passes_without_logits_do_not_read_the_unembedding():
    between = 20 * 2 * (16 * 8 + 6 * 16)
    assert Passes(20, 4, 5).bytes(SHAPE, "float32") == 4 * (4 * 2 * 576 + between)


def test_a_token_reads_the_keys_and_values_of_its_text():
    """Two layers with one head of four dimensions: 16 numbers for each of five tokens."""
    more = Passes(20, 4, 5, cached=20).bytes(SHAPE, "float32") - Passes(20, 4, 5).bytes(SHAPE, "float32")
    assert more == 20 * 5 * 16 * 4


def test_gradients_cost_three_forward_passes():
    model, length = load("small-llama3"), 30
    weights = model.network.get_input_embeddings()(torch.ones(2, length, dtype=torch.long)).detach()
    with eager(model.network), FlopCounterMode(display=False) as counter:
        model.network(inputs_embeds=weights.requires_grad_(), use_cache=False).logits.sum().backward()
    passes = Passes(2 * length, 1, length, logits=2 * length, backward=True)
    assert passes.flops(shape_of("small-llama3")) == pytest.approx(counter.get_total_flops(), rel=0.02)
    assert BACKWARD == 3.0


def test_a_rate_stands_between_those_of_its_neighbours():
    device = Device("made up", (128.0, 512.0), (10.0, 30.0), 1.0, 1.0)
    assert device.rate(256) == pytest.approx(20.0)
    assert (device.rate(64), device.rate(4096)) == (10.0, 30.0)


@pytest.mark.parametrize("name", ["small-gpt2", "small-llama3"])
def test_words_and_signs_stand_for_tokens(name):
    count = token_counter(name, special=True)
    for prompts in ("baseline", "implicit", "unfamiliar"):
        real = sum(count(load_profile(prompts)["text"].tolist()))
        assert of_set(prompts).tokens == pytest.approx(real, rel=0.1), prompts


@contextmanager
def seen(model):
    """Tokens, padding among them, and passes that reach the first block."""
    found = {"tokens": 0, "passes": 0}

    def note(_, inputs, __):
        found["tokens"] += inputs[0].shape[0] * inputs[0].shape[1]
        found["passes"] += 1

    handle = model.network.get_decoder().layers[0].register_forward_hook(note)
    try:
        yield found
    finally:
        handle.remove()


def agrees(found, passes, rel):
    assert found["tokens"] == pytest.approx(passes.tokens, rel=rel)
    assert found["passes"] == pytest.approx(passes.passes, abs=1, rel=0.1)


def test_the_checks_of_chapter_two_send_what_is_counted():
    model, few = load("small-llama3"), load_profile("baseline").head(chapters.FEW).reset_index(drop=True)
    counts = counted(few)
    with seen(model) as found:
        batch_invariance.batch_invariance(model, few)
    agrees(found, chapters._ways(counts), 0.25)  # padded rows are longer
    with seen(model) as found:
        batch_invariance.traps(model, few)
    agrees(found, chapters._all_logits(counts, 5, chapters.FEW + 4), 0.25)


def test_the_loops_of_chapter_two_send_what_is_counted():
    model, prompts = load("small-llama3"), load_profile("baseline")
    with seen(model) as found:
        residual_norms.token_norms(model, prompts)
    agrees(found, chapters.forwarded(of_set("baseline")), 0.15)
    asked = chapters.Asked(["small-llama3"], "baseline")
    with seen(model) as found:
        read_sets(model, {"implicit": load_profile("implicit")}, "baseline")
    agrees(found, chapters.extracted(asked, of_set("implicit")), 0.15)


def test_the_measurement_of_speed_sends_what_is_counted():
    model, prompts = load("small-llama3"), load_profile("smoke")
    with seen(model) as found:
        throughput.throughput(model, prompts)
    agrees(found, chapters._speed(shape_of("small-llama3"), of_set("smoke")), 0.3)


def test_a_large_model_is_asked_for_less():
    shape = shape_of("llama3-8b")
    few = chapters._speed(shape, of_set("baseline"))
    assert few.tokens == pytest.approx(chapters.TURNS * chapters.WAYS * throughput.FEWEST * 8, rel=0.1)
    assert findings.separator_effect(load("small-llama3"), load_profile("smoke")) is None
    assert chapters._separator(chapters.Asked(["small-llama3"], "baseline")) == ()
    assert len(chapters._separator(chapters.Asked(["gpt2"], "baseline"))) == 2

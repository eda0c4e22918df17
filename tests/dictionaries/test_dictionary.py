"""A dictionary reads and writes states as a plain loop over its formula does, and refuses parts that do not fit."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.dictionaries.dictionary import Dictionary


def made(seed=0, width=3, features=5, **parts) -> Dictionary:
    draw = torch.Generator().manual_seed(seed)
    shapes = {
        "encoder": (width, features),
        "encoder_bias": (features,),
        "decoder": (features, width),
        "decoder_bias": (width,),
    }
    drawn = {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}
    return Dictionary(**{**drawn, "threshold": torch.rand(features, generator=draw), **parts})


def by_hand(own: Dictionary, state: np.ndarray) -> tuple[list[float], list[float]]:
    activations = []
    for j in range(own.n_features):
        total = float(own.encoder_bias[j])
        for i in range(own.width):
            shift = float(own.decoder_bias[i]) if own.centred else 0.0
            total += (own.scale * state[i] - shift) * float(own.encoder[i, j])
        activations.append(total if total > max(0.0, float(own.threshold[j])) else 0.0)
    written = []
    for i in range(own.width):
        total = sum(a * float(own.decoder[j, i]) for j, a in enumerate(activations))
        written.append((total + float(own.decoder_bias[i])) / own.scale)
    return activations, written


@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("least", [0.0, 0.7, -0.5])
def test_states_are_read_and_written_as_the_formula_says(scale, centred, least):
    own = made(scale=scale, centred=centred, threshold=torch.full((5,), least))
    states = torch.randn(40, 3, generator=torch.Generator().manual_seed(1)) * 2
    codes, back = own.encode(states), own.reconstruct(states)
    hand = [by_hand(own, state) for state in states.numpy()]
    assert codes.numpy() == pytest.approx(np.array([a for a, _ in hand]), abs=1e-5)
    assert back.numpy() == pytest.approx(np.array([w for _, w in hand]), abs=1e-4)
    assert (codes >= 0).all()
    assert 0 < (codes > 0).float().mean() < 1


def test_what_is_written_is_the_reconstruction_without_the_bias():
    own = made(scale=0.5)
    codes = own.encode(torch.randn(2, 4, 3))
    assert codes.shape == (2, 4, 5)
    torch.testing.assert_close(own.written(codes), own.decode(codes) - own.decoder_bias / 0.5)


def test_a_threshold_keeps_out_what_only_reaches_it():
    own = made(
        width=1,
        features=1,
        encoder=torch.ones(1, 1),
        encoder_bias=torch.zeros(1),
        decoder_bias=torch.zeros(1),
        threshold=torch.ones(1),
    )
    assert own.encode(torch.tensor([[1.0], [1.5]])).tolist() == [[0.0], [1.5]]


def test_states_in_half_precision_are_read_in_single():
    own = made()
    states = torch.randn(6, 3).to(torch.bfloat16)
    assert own.encode(states).dtype == torch.float32
    torch.testing.assert_close(own.encode(states), own.encode(states.float()))
    assert own.to("cpu").scale == own.scale


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="1 numbers of threshold are not finite"):
        made(threshold=torch.tensor([0.0, 1, 2, 3, float("nan")]))
    with pytest.raises(UserError, match="scaled by 0"):
        replace(made(), scale=0.0)
    with pytest.raises(UserError, match="4 dimensions, and the dictionary reads 3"):
        made().encode(torch.zeros(2, 4))


def test_without_checks_of_types_shapes_are_compared():
    """In a notebook nothing checks annotations."""
    script = """
import torch
from emotion_utils.dictionaries.dictionary import Dictionary
zeros = torch.zeros
for parts in [(zeros(3, 5), zeros(5), zeros(5, 3), zeros(4), zeros(5)), (zeros(3), *[zeros(3)] * 4)]:
    try:
        Dictionary(*parts)
    except ValueError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first.endswith("decoder_bias has the shape (3,): it has (4,).")
    assert second == "An encoder has two dimensions, and this one has 1."

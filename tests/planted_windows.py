"""States of planted processes as if a model had given them."""

from __future__ import annotations

import numpy as np
import torch

from emotion_utils.parts.states import WindowStates


def planted_states(process, windows, length, seed, change=None, layers=(0,)):
    """Independent windows at each layer; every token is 0, since no token has anything to do with them."""
    values = {}
    for layer in layers:
        drawn = process.draw(windows, length, np.random.default_rng([seed, layer]))
        drawn = drawn if change is None else change(drawn, np.random.default_rng([seed, layer, 1]))
        values[layer] = torch.from_numpy(drawn).float()
    origin = {"planted": seed, "windows": windows, "length": length}
    return WindowStates(tuple(layers), values, torch.zeros(windows, length), origin)


def thirds(windows):
    """Numbers of windows for training (60 %), validation and test."""
    return np.split(np.arange(windows), [int(0.6 * windows), int(0.8 * windows)])

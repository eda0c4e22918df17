"""Training of the report's predictors on a GPU: windows per second, and what 30,000 steps at five layers would take.

The model has the architecture of Pythia-410M and random weights, which need no download and are as fast as trained
ones. Windows of 256 random tokens, 32 in a batch, go through it once for the layers 0, 6, 12, 18 and 23; each layer has
its own predictor, one layer of causal attention with 32 heads x 128. Measured are the steps of all predictors with the
states computed anew in each step (`live`), and with one batch of states that is kept (`cached`): what lies between them
is the model's own pass.

The result goes to `benchmarks/gpu/predictor.json`, with device, date, commit and versions. It has not been run on a GPU
yet. `--dry-run` runs the same code at toy size on the CPU; its numbers mean nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import GPTNeoXConfig

from emotion_utils.core.files import write_atomically
from emotion_utils.core.paths import BUILD
from emotion_utils.models.model import Model
from emotion_utils.parts.baselines import fit_baselines
from emotion_utils.parts.learner import Fitting, Learner
from emotion_utils.parts.predictor import PUBLISHED, Architecture
from emotion_utils.parts.states import LiveStates, WindowStates

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import hardware  # noqa: E402 - beside this file, found by the line above
import random_models  # noqa: E402

RESULT, DRY_RESULT = HERE / "predictor.json", BUILD / "gpu_predictor.json"
STEPS = 30_000
"""Of the report."""
WARM, TIMED = 3, 20


@dataclass(frozen=True)
class Size:
    """What is measured.

    Attributes
    ----------
    config
        Of the model, by transformers.
    architecture
        Of the predictors.
    layers
        At which they are trained.
    length, batch
        Tokens of a window, windows of a step.
    """

    config: Any
    architecture: Architecture
    layers: tuple[int, ...]
    length: int
    batch: int


def size_of(toy: bool) -> Size:
    """The report's size, or a toy's."""
    if toy:
        small = {
            "hidden_size": 64,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "intermediate_size": 128,
        }
        config = GPTNeoXConfig(**small, vocab_size=512, max_position_embeddings=64)
        return Size(config, replace(PUBLISHED, heads=2, d_head=8), (0, 2), 16, 4)
    large = {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
    }
    config = GPTNeoXConfig(**large, vocab_size=50_304, max_position_embeddings=2048)
    return Size(config, PUBLISHED, (0, 6, 12, 18, 23), 256, 32)


class Training:
    """The predictors of all layers, and one step of them."""

    def __init__(self, size: Size, device: str) -> None:
        self.size, self.device = size, device
        case = random_models.Case(
            "pythia-410m", size.config, "float32" if device == "cpu" else "bfloat16", 0, 0, ()
        )
        self.model = Model(random_models.build(case, device), random_models.tokenizer(case))
        generator = torch.Generator().manual_seed(0)
        shape = (4 * size.batch, size.length)
        self.ids = torch.randint(1, size.config.vocab_size, shape, generator=generator)
        self.live = LiveStates(self.model, self.ids, size.layers)
        rows = np.arange(len(self.ids))
        kept = WindowStates(size.layers, self.live.at(rows), torch.zeros(shape))
        baselines = fit_baselines(kept, self.ids, rows, rows)
        fitting = Fitting(steps=STEPS, batch=size.batch)
        self.learners = [Learner(at, baselines[at], size.architecture, fitting, device) for at in size.layers]
        self.kept = {layer: h.to(device) for layer, h in kept.at(rows[: size.batch]).items()}

    def step(self, *, live: bool, number: int) -> None:
        """A step of every predictor."""
        start = number % 4 * self.size.batch
        states = self.live.at(np.arange(start, start + self.size.batch)) if live else self.kept
        for learner in self.learners:
            learner.step(states[learner.layer], 1e-3)

    def seconds(self, *, live: bool) -> float:
        """Of a step, the mean over :data:`TIMED` of them after a few others."""
        for number in range(WARM):
            self.step(live=live, number=number)
        run = lambda: [self.step(live=live, number=number) for number in range(TIMED)]  # noqa: E731
        return hardware.timed(self.device, run)[1] / TIMED


def measure(size: Size, device: str, dry_run: bool) -> dict[str, Any]:
    """All that is measured, as JSON."""
    training = Training(size, device)
    hardware.reset_peak(device)
    seconds = {"live": training.seconds(live=True), "cached": training.seconds(live=False)}
    weights = sum(part.numel() for part in training.learners[0].predictor.parameters())
    return {
        "about": hardware.about(device, dry_run),
        "model_weights": sum(part.numel() for part in training.model.network.parameters()),
        "predictor_weights": weights,
        "layers": list(size.layers),
        "window": size.length,
        "batch": size.batch,
        "seconds_per_step": seconds,
        "windows_per_second": {name: size.batch / each for name, each in seconds.items()},
        "hours_of_30000_steps": {name: STEPS * each / 3600 for name, each in seconds.items()},
        "peak_memory_gib": hardware.peak_memory(device),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda", help="cuda, or cuda:1; a dry run is on the cpu")
    parser.add_argument("--dry-run", action="store_true", help="a toy model on the CPU, into build/")
    parser.add_argument("--output", type=Path, help="the file for the result")
    asked = parser.parse_args()
    device = "cpu" if asked.dry_run else asked.device
    if not asked.dry_run and not torch.cuda.is_available():
        raise SystemExit(
            f'torch finds no CUDA device "{device}" on this machine: run this where there is one and torch was built '
            "for it, or try the same code at toy size with --dry-run."
        )
    if asked.dry_run:
        print("A dry run: a toy model on the CPU, whose speed means nothing.", flush=True)
    found = measure(size_of(asked.dry_run), device, asked.dry_run)
    path = asked.output or (DRY_RESULT if asked.dry_run else RESULT)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(found, indent=1) + "\n")
    print(json.dumps(found["windows_per_second"]), f"windows per second; written to {path}.", flush=True)


if __name__ == "__main__":
    main()

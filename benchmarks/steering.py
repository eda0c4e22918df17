"""Steered generation, packed, against one condition at a time with and without a KV cache.

36 conditions (layers x strengths x emotions, the unit being the norm of the residual stream) x 30 new tokens.

- `loop`: one condition at a time over batched prompts with a KV cache and a hook, by transformer-lens.
- the same by the `generate` of Hugging Face, which is printed and not judged. It is the harder one to beat: in trials
  on a busy machine it took a third to nine tenths of the time of transformer-lens for the same tokens.
- `published`: the reports' way, from its description: one condition at a time, batches of 16 prompts, the whole text
  computed again for every token.
- `bare`: the same number of rows, in batches of the same size, and steps without any hook.

That all give the same tokens is checked before any time is taken.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from steering_ways import bare, boot_lens, lens_loop, library_loop, packed, published, same_rows

from emotion_utils.engine.generation import CPU_BATCH_ROWS
from emotion_utils.engine.interventions import UNTOUCHED, Condition, steering
from emotion_utils.engine.requests import prompt_ids
from emotion_utils.models.families import n_layers
from emotion_utils.models.model import load
from emotion_utils.models.registry import resolve_model
from emotion_utils.prompts import loading
from emotion_utils.runtime.benchmarking import Row, in_turns, record

MODEL, NEW, REPEATS = "small-gpt2", 30, 5
ALPHAS, EMOTIONS = (0.5, 1.0, 2.0), 3


def conditions(model: Any) -> list[Condition]:
    """36 for a model of four layers."""
    width = model.config.get_text_config().hidden_size
    units = torch.nn.functional.normalize(
        torch.randn(EMOTIONS, width, generator=torch.Generator().manual_seed(0))
    )
    return [
        steering(f"{emotion} {layer} {alpha}", 10 * units[emotion], layer, alpha)
        for emotion, layer, alpha in product(range(EMOTIONS), range(n_layers(model)), ALPHAS)
    ]


def agree(a: np.ndarray, b: np.ndarray, what: str) -> None:
    """Refuse to time a way that gives other texts."""
    share = same_rows(a, b)
    print(f"rows with the same {NEW} tokens as {what}: {share:.2%}")
    if share < 0.99:
        raise SystemExit(f"{what} gives other texts: {share:.2%} of rows agree.")


def compare(name: str, ours: Callable[[], Any], other: Callable[[], Any], what: str, repeats: int) -> None:
    """Time both in turns and record the row; ``what`` says which is divided by which."""
    a, b = in_turns(ours, other, repeats)
    record(Row(name, a, b, a / b if name == "steering_overhead" else b / a, f"{what}; seconds", repeats))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(2)
    model = load(MODEL)
    bridge = boot_lens(resolve_model(MODEL).location, device="cpu")
    every = conditions(model.network)
    texts = loading.load_profile("baseline")["text"].tolist()[:64]
    for n in (8, 64):
        ids = prompt_ids(model, texts[:n], NEW)
        ours = partial(packed, model, ids, every, NEW)
        lens, library = (
            partial(loop, runner, ids, every, NEW)
            for loop, runner in ((lens_loop, bridge), (library_loop, model.network))
        )
        found = ours()
        agree(found, lens(), f"the loop of transformer-lens over {n} prompts")
        agree(found, library(), f"the loop of Hugging Face over {n} prompts")
        what = f"transformer-lens, one condition at a time, over packed, {n} prompts"
        compare(f"steering_packed_vs_loop_{n}", ours, lens, what, repeats)
        a, b = in_turns(ours, library, repeats)
        print(f"not judged: Hugging Face, one condition at a time, over packed, {n} prompts: {b / a:.3g}")
    way = partial(published, model.network, ids, every, NEW)
    agree(found, way(), "the published way")
    compare(
        "steering_packed_vs_published",
        ours,
        way,
        "the published way over packed, 64 prompts",
        min(3, repeats),
    )
    rows = [row for row in ids for _ in every]
    compare(
        "steering_overhead",
        ours,
        partial(bare, model.network, rows, NEW, CPU_BATCH_ROWS),
        "packed over the same rows and steps without a hook",
        repeats,
    )
    untouched = packed(model, ids, [UNTOUCHED], NEW)
    print(f"texts that steering changes: {float((untouched != found).any(axis=-1).mean()):.0%}")


if __name__ == "__main__":
    main()

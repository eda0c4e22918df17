"""Steered generation, packed, against one condition at a time with and without a KV cache.

36 conditions (layers x strengths x emotions, the unit being the norm of the residual stream) x 30 new tokens.

- `loop`: one condition at a time over batched prompts with a KV cache and a hook, by the library's `generate`.
- `published`: the reports' way, from its description: one condition at a time, batches of 16 prompts, the whole text
  computed again for every token.
- `bare`: the same number of rows, in batches of the same size, and steps without any hook.

That all give the same tokens is checked before any time is taken.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import numpy as np
import torch

from emotion_utils import prompts
from emotion_utils.activations import model_inputs
from emotion_utils.benchmarking import Row, in_turns, record
from emotion_utils.generation import CPU_BATCH_ROWS, Sampling, generate, prompt_ids
from emotion_utils.hooks import attached, n_layers
from emotion_utils.interventions import UNTOUCHED, Condition, steering
from emotion_utils.models import context_length, load_model, load_tokenizer

MODEL, NEW, REPEATS, BATCH = "small-gpt2", 30, 5, 16
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


@contextmanager
def one(condition: Condition) -> Iterator[dict[Any, Any]]:
    """The hook of one condition, as one would write it: the same vector for every row and position."""
    edit = condition.edits[0]
    yield {edit.point: lambda hidden: hidden + edit.scale * edit.value}


@torch.no_grad()
def loop(model: Any, batch: dict[str, torch.Tensor], every: list[Condition]) -> np.ndarray:
    """Tokens of every condition in turn, by the library with a KV cache."""
    out = []
    for condition in every:
        with one(condition) as hooks, attached(model, hooks):
            made = model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=NEW,
                min_new_tokens=NEW,
                do_sample=False,
                eos_token_id=None,
                pad_token_id=1,
            )
        out.append(made[:, -NEW:].numpy())
    return np.stack(out, axis=1)


@torch.no_grad()
def published(model: Any, ids: list[list[int]], every: list[Condition]) -> np.ndarray:
    """Tokens of every condition in turn, everything computed again for each token, 16 prompts at a time."""
    out = []
    for condition in every:
        rows = []
        for start in range(0, len(ids), BATCH):
            part = model_inputs(ids[start : start + BATCH], 1, "left")
            for _ in range(NEW):
                with one(condition) as hooks, attached(model, hooks):
                    new = model(**part, use_cache=False).logits[:, -1].argmax(dim=-1)[:, None]
                part["input_ids"] = torch.cat([part["input_ids"], new], dim=1)
                part["attention_mask"] = torch.cat([part["attention_mask"], torch.ones_like(new)], dim=1)
                part["position_ids"] = torch.cat(
                    [part["position_ids"], part["position_ids"][:, -1:] + 1], dim=1
                )
            rows.append(part["input_ids"][:, -NEW:])
        out.append(torch.cat(rows).numpy())
    return np.stack(out, axis=1)


def ours(model: Any, tokenizer: Any, ids: list[list[int]], every: list[Condition], **how: Any) -> np.ndarray:
    """Tokens of all conditions at once, shape (prompt, condition, token)."""
    sampling = Sampling(NEW, stop_at_end=False)
    table = generate(model, tokenizer, ids, every, sampling, progress=False, **how)
    return np.array(table["ids"].tolist()).reshape(len(ids), len(every), NEW)


@torch.no_grad()
def bare(model: Any, ids: list[list[int]], copies: int, size: int) -> None:
    """As many rows and steps as ours, in batches of one size, by the library without any hook."""
    rows = [row for row in ids for _ in range(copies)]
    for start in range(0, len(rows), size):
        part = model_inputs(rows[start : start + size], 1, "left")
        part.pop("position_ids")
        model.generate(
            **part, max_new_tokens=NEW, min_new_tokens=NEW, do_sample=False, eos_token_id=None, pad_token_id=1
        )


def agree(a: np.ndarray, b: np.ndarray, what: str) -> None:
    share = float((a == b).all(axis=-1).mean())
    print(f"rows with the same {NEW} tokens as {what}: {share:.2%}")
    if share < 0.99:
        raise SystemExit(f"{what} gives other texts: {share:.2%} of rows agree.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(2)
    model, tokenizer = load_model(MODEL), load_tokenizer(MODEL)
    every = conditions(model)
    texts = prompts.load_profile("baseline")["text"].tolist()[:64]
    for n in (8, 64):
        ids = prompt_ids(tokenizer, texts[:n], context_length(MODEL), NEW)
        batch = model_inputs(ids, int(tokenizer.pad_token_id), "left")
        found = ours(model, tokenizer, ids, every)
        agree(found, loop(model, batch, every), f"the loop over {n} prompts")
        a, b = in_turns(
            lambda ids=ids: ours(model, tokenizer, ids, every),
            lambda batch=batch: loop(model, batch, every),
            repeats,
        )
        record(
            Row(
                f"steering_packed_vs_loop_{n}",
                a,
                b,
                b / a,
                f"loop over packed, {n} prompts; seconds",
                repeats,
            )
        )
    agree(found, published(model, ids, every), "the published way")
    a, b = in_turns(lambda: ours(model, tokenizer, ids, every), lambda: published(model, ids, every), 3)
    record(
        Row(
            "steering_packed_vs_published",
            a,
            b,
            b / a,
            "the published way over packed, 64 prompts; seconds",
            3,
        )
    )
    a, b = in_turns(
        lambda: ours(model, tokenizer, ids, every),
        lambda: bare(model, ids, len(every), CPU_BATCH_ROWS),
        repeats,
    )
    record(
        Row(
            "steering_overhead",
            a,
            b,
            a / b,
            "packed over the same rows and steps without a hook; seconds",
            repeats,
        )
    )
    untouched = ours(model, tokenizer, ids, [UNTOUCHED])
    print(f"texts that steering changes: {float((untouched != found).any(axis=-1).mean()):.0%}")


if __name__ == "__main__":
    main()

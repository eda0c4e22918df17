"""Extraction of all layers against the bare forward pass, and against one prompt at a time with everything kept."""

from __future__ import annotations

import torch

from emotion_utils import prompts
from emotion_utils.activations import extract, model_inputs, points
from emotion_utils.benchmarking import Row, in_turns, record
from emotion_utils.hooks import WRITABLE, attached
from emotion_utils.models import load_model, load_tokenizer
from emotion_utils.positions import encode

MODEL, PROMPTS, REPEATS = "small-gpt2", 256, 15


def main() -> None:
    torch.set_num_threads(2)
    model, tokenizer = load_model(MODEL), load_tokenizer(MODEL)
    table = prompts.load_profile("powered").head(PROMPTS).reset_index(drop=True)
    encoded = encode(tokenizer, table["text"].tolist())
    batch = model_inputs(encoded.ids, tokenizer.pad_token_id)
    whole = batch["input_ids"].numel()

    def ours() -> None:
        extract(model, tokenizer, table, points(model), ["end", "mean"], batch_tokens=whole, progress=False)

    @torch.no_grad()
    def bare() -> None:
        model(**batch, use_cache=False)

    @torch.no_grad()
    def single() -> None:
        every = points(model, WRITABLE)
        for ids in encoded.ids:
            kept: dict[object, torch.Tensor] = {}
            with attached(model, {p: lambda t, p=p, kept=kept: kept.update({p: t.clone()}) for p in every}):
                model(torch.tensor([ids]), use_cache=False)

    a, b = in_turns(ours, bare, REPEATS)
    record(Row("extraction_overhead", a, b, a / b, "ours over bare forward", REPEATS))
    a, b = in_turns(ours, single, 5)
    record(Row("extraction_vs_single", a, b, b / a, "one prompt at a time over ours", 5))


if __name__ == "__main__":
    main()

"""Extraction of all layers against the bare forward pass, and against one prompt at a time with everything kept.

Both sides start from texts where they are compared as a user would run them: `ours` tokenizes all prompts, finds the
reads and gives float32 tensors; `single` tokenizes, runs and caches every hook point that can be written to, prompt by
prompt, and takes the same reads out of the cache. That both give the same numbers is checked before any time is taken.
`bare` is the model alone on the one padded batch, already tokenized: what is left of the ratio is the cost of reading,
less the unembedding that extraction leaves out.
"""

from __future__ import annotations

import torch

from emotion_utils.activations.extraction import Activations, extract, points
from emotion_utils.models.hooks import WRITABLE, HookPoint, attached
from emotion_utils.models.model import load
from emotion_utils.prompts import loading
from emotion_utils.runtime.benchmarking import Row, in_turns, record

MODEL, PROMPTS, REPEATS, SINGLE_REPEATS = "small-gpt2", 256, 31, 11


def main() -> None:
    torch.set_num_threads(2)
    model = load(MODEL)
    table = loading.load_profile("powered").head(PROMPTS).reset_index(drop=True)
    texts, where, every = table["text"].tolist(), points(model), points(model, WRITABLE)
    batch = model.padded(list(model.encode(texts).ids))
    whole = batch["input_ids"].numel()

    def ours(batch_tokens: int | None = None) -> Activations:
        return extract(model, table, where, ["end", "mean"], batch_tokens=batch_tokens, progress=False)

    @torch.no_grad()
    def bare() -> None:
        model.network(**batch, use_cache=False)

    @torch.no_grad()
    def single() -> torch.Tensor:
        """Shape (prompt, position, layer, d_model)."""
        rows = []
        for text in texts:
            kept: dict[HookPoint, torch.Tensor] = {}
            keepers = {p: lambda t, p=p, kept=kept: kept.update({p: t.clone()}) for p in every}
            with attached(model.network, keepers):
                model.network(**model.tokenizer(text, return_tensors="pt"), use_cache=False)
            layers = [kept[point][0] for point in where]
            rows.append([torch.stack([h[-1] for h in layers]), torch.stack([h[1:].mean(0) for h in layers])])
        return torch.stack([torch.stack(row) for row in rows])

    found = ours()
    same = torch.stack([found.at("end")[1], found.at("mean")[1]], dim=1)
    torch.testing.assert_close(same, single(), atol=1e-4, rtol=1e-4)
    a, b = in_turns(lambda: ours(whole), bare, REPEATS)
    record(Row("extraction_overhead", a, b, a / b, "ours over bare forward, same batch; seconds", REPEATS))
    a, b = in_turns(ours, single, SINGLE_REPEATS)
    record(
        Row("extraction_vs_single", a, b, b / a, "one prompt at a time over ours; seconds", SINGLE_REPEATS)
    )


if __name__ == "__main__":
    main()

"""Screening all heads of a model: by one gradient, exactly from the ablated layer on, and by full forward passes.

All three measure what each head adds to the difference between the prompts of the same pairs. The exact screening and
the loop must give the same numbers, which is checked before any time is taken. The loop is what one writes first: for
each head a hook on the input of the output projection, and a full forward pass of every batch of prompts, padded. A
loop that asks for the logits of the last position alone is printed too.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.circuits.ablation import ablated, means_of
from emotion_utils.circuits.attribution import attribution_patching
from emotion_utils.heads.pairs import Pairs, emotional_pairs
from emotion_utils.models.families import blocks, output_projection
from emotion_utils.models.model import load
from emotion_utils.prompts.loading import load_profile
from emotion_utils.runtime.benchmarking import Row, in_turns, record

MODEL, REPEATS, BATCH = "small-gpt2", 5, 64


@torch.no_grad()
def loop(
    pairs: Pairs, means: Float[Tensor, "layer n_head d_head"], keep: int = 0
) -> Float[np.ndarray, "side pair head"]:
    """Effects of all heads by one full forward pass per head and batch, with the last logits or (0) with all."""
    ids, model = pairs.ids, pairs.model
    order = np.argsort([len(row) for row in ids], kind="stable")
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    inputs = [model.padded([ids[i] for i in rows.tolist()], "left") for rows in batches]

    def odds() -> np.ndarray:
        found = np.empty(len(ids))
        for rows, given in zip(batches, inputs, strict=True):
            logits = model.network(**given, use_cache=False, logits_to_keep=keep).logits[:, -1]
            found[rows] = pairs.log_odds_of(logits, rows.tolist()).double().numpy()
        return found

    plain, parts = odds(), []
    width = means.shape[2]
    for layer, head in pairs.heads:
        own, value = slice(head * width, (head + 1) * width), means[layer, head]

        def cut(
            _: object, args: tuple[Tensor, ...], own: slice = own, value: Tensor = value
        ) -> tuple[Tensor]:
            z = args[0].clone()
            z[..., own] = value
            return (z,)

        handle = output_projection(blocks(model.network)[layer]).register_forward_pre_hook(cut)
        parts.append(plain - odds())
        handle.remove()
    return np.stack(parts, axis=1).reshape(2, len(pairs), -1)


def main() -> None:
    torch.set_num_threads(2)
    pairs = emotional_pairs(load(MODEL), load_profile("implicit")).of("build")
    means, heads = means_of(pairs), len(pairs.heads)
    np.testing.assert_allclose(ablated(pairs, "mean", means=means), loop(pairs, means), atol=1e-3)
    exact, full = in_turns(lambda: ablated(pairs, "mean", means=means), lambda: loop(pairs, means), REPEATS)
    tuned = in_turns(lambda: loop(pairs, means, 1), lambda: ablated(pairs, "mean", means=means), REPEATS)
    print(f"not judged: full forwards with the last logits alone, over resumed: {tuned[0] / tuned[1]:.3g}")
    cheap, again = in_turns(
        lambda: attribution_patching(pairs, means), lambda: ablated(pairs, "mean", means=means), REPEATS
    )
    unit = f"{2 * len(pairs)} prompts, {heads} heads, two threads; seconds"
    record(
        Row("head_resume_vs_loop", exact, full, full / exact, f"full forwards over resumed; {unit}", REPEATS)
    )
    record(
        Row(
            "head_attribution_vs_exact",
            cheap,
            again,
            again / cheap,
            f"exact over attribution; {unit}",
            REPEATS,
        )
    )


if __name__ == "__main__":
    main()

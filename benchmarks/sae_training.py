"""Training of a sparse autoencoder against the bare steps of an encoder and a decoder of its size.

Both sides start from states in memory, as wide as those of the bundled models. `ours` is all that a chapter runs:
batches drawn by the seed, BatchTopK with its second loss, atoms of length one, the curve and the threshold. `bare` is
two matrix products, the squared error, backward and the step of the optimiser on one batch that was taken out of the
states before; nothing is sparse. One thread.
"""

from __future__ import annotations

import torch

from emotion_utils.dictionaries.settings import BatchTopK
from emotion_utils.dictionaries.training import TrainedDictionary, train
from emotion_utils.runtime.benchmarking import Row, in_turns, record

WIDTH, STATES, REPEATS = 128, 51_200, 7
HOW = BatchTopK(batch=512, epochs=2)
STEPS = HOW.epochs * (STATES // HOW.batch)


def main() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(WIDTH, WIDTH, generator=generator)
    states = torch.randn(STATES, WIDTH, generator=generator) @ mixing
    batch = states[: HOW.batch]

    def ours() -> TrainedDictionary:
        return train({0: states}, HOW, progress=False)[0][0]

    def bare() -> None:
        encoder = torch.randn(WIDTH, HOW.features_of(WIDTH), generator=generator).requires_grad_()
        decoder = encoder.detach().T.contiguous().requires_grad_()
        optimiser = torch.optim.Adam([encoder, decoder], lr=HOW.rate, fused=True)
        for _ in range(STEPS):
            (batch @ encoder @ decoder - batch).square().mean().backward()
            optimiser.step()
            optimiser.zero_grad()

    assert ours().curve["step"].max() == STEPS  # noqa: S101 - both sides take all steps
    a, b = in_turns(ours, bare, REPEATS)
    record(Row("sae_training", a, b, b / a, "bare steps over our training; seconds", REPEATS))


if __name__ == "__main__":
    main()

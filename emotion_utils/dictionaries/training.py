"""Training of sparse autoencoders on states in memory, for several layers and seeds in one call.

No library does it here: those that train sparse autoencoders want another transformer-lens than ours. What is trained
is in :mod:`settings`, one step of it in :mod:`learner`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from emotion_utils.core.errors import UserError
from emotion_utils.core.sources import code_of
from emotion_utils.core.store import Store
from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.dictionaries.learner import Learner, smallest_kept
from emotion_utils.dictionaries.settings import PUBLISHED, BatchTopK, Recipe
from emotion_utils.dictionaries.tensors import dictionary_of, tensors_of

COLUMNS = ("step", "explained", "l0", "dead")
"""Of the curve: steps done; share of variance explained in the training batches since the row before; active features
of a state, in the last batch; share of features that have not fired of late."""
EVERY = 50
"""Steps between two rows of the curve."""
CUTS = 100
"""Batches, at most, over which the threshold of BatchTopK is averaged."""


@dataclass(frozen=True, eq=False)
class TrainedDictionary:
    """A dictionary and how it came to be.

    Attributes
    ----------
    dictionary
        On the CPU.
    curve
        Columns :data:`COLUMNS`.
    how
    layer, seed
    """

    dictionary: Dictionary
    curve: pd.DataFrame = field(repr=False)
    how: Recipe
    layer: int
    seed: int


def train(
    states: Mapping[int, Float[Tensor, "_ d_model"]],
    how: Recipe = PUBLISHED,
    *,
    seeds: Sequence[int] = (0,),
    device: str = "cpu",
    store: Store | None = None,
    states_key: str = "",
    progress: bool = True,
) -> dict[int, list[TrainedDictionary]]:
    """Train one dictionary for each layer and seed.

    Parameters
    ----------
    states
        Layer to states, as the model has them; token by token, in any order.
    how
        :class:`settings.L1` or :class:`settings.BatchTopK`.
    seeds
        Of weights and order.
    device
        Where training runs. The states of one layer are copied there whole.
    store
        Keeps each dictionary.
    states_key
        What the states were made from, as text; needed with a store.
    progress
        Show a bar where it takes longer than two seconds.

    Returns
    -------
    Layer to its dictionaries in the order of the seeds. Equal for equal seeds on one machine with one number of
    threads, whatever other layers and seeds stand beside it.

    Raises
    ------
    UserError
        For a layer whose states are not finite, do not vary, or fill no batch; for more activations than features; for
        no layer or seed, a seed twice, and a store without a key of the states.
    """
    if not states or not seeds or len(set(seeds)) < len(seeds):
        raise UserError(
            f"There are {len(states)} layers and the seeds {list(seeds)}: name one of each at least, and each once."
        )
    if store is not None and not states_key:
        raise UserError("A store needs to know what the states were made from: pass states_key.")
    for layer, own in states.items():
        _check(own, layer, how)
    steps = sum(how.epochs * (len(own) // how.batch) for own in states.values()) * len(seeds)
    found: dict[int, list[TrainedDictionary]] = {}
    with tqdm(total=steps, desc="dictionaries", disable=not progress, delay=2) as bar:
        for layer, own in states.items():
            data = _Data(own, device)
            found[layer] = [
                _kept(data, how, layer, seed, store, f"{states_key}, layer {layer}", bar) for seed in seeds
            ]
    return found


def _check(states: Tensor, layer: int, how: Recipe) -> None:
    at = f"of layer {layer}"
    if states.ndim != 2 or len(states) < how.batch:
        raise UserError(
            f"The states {at} have the shape {tuple(states.shape)}, and a batch has {how.batch} of them, one a row: "
            "give more states, or a smaller batch."
        )
    if bad := int((~torch.isfinite(states.sum(dim=1, dtype=torch.float32))).sum()):
        raise UserError(
            f"{bad} of the {len(states):,} states {at} are not finite: read them again in float32."
        )
    least, most = states.aminmax(dim=0)
    if torch.equal(least, most):
        raise UserError(f"All {len(states):,} states {at} are the same: there is nothing to learn from them.")
    n = how.features_of(states.shape[1])
    if isinstance(how, BatchTopK) and how.k > n:
        raise UserError(f"A dictionary of {n} features cannot keep {how.k} of a state: choose a smaller k.")


class _Data:
    """States of one layer on the device, with what is known of all of them."""

    def __init__(self, states: Tensor, device: str) -> None:
        self.states = states.float().to(device)
        variance, self.mean = torch.var_mean(self.states, dim=0, correction=0)
        self.variance = float(variance.sum())
        self.square = self.variance + float(self.mean.square().sum())
        self.device = device

    def batches(self, how: Recipe, seed: int) -> Iterator[Tensor]:
        """Of all epochs."""
        for epoch in range(how.epochs):
            order = torch.from_numpy(np.random.default_rng([seed, epoch]).permutation(len(self.states)))
            for rows in order.to(self.device).split(how.batch):
                if len(rows) == how.batch:
                    yield self.states[rows]


def _kept(
    data: _Data, how: Recipe, layer: int, seed: int, store: Store | None, states_key: str, bar: Any
) -> TrainedDictionary:
    def compute() -> dict[str, Tensor]:
        dictionary, rows = _train_one(data, how, seed, bar)
        return {**tensors_of(dictionary), "curve": torch.tensor(rows, dtype=torch.float64)}

    made_from = {
        "states": states_key,
        "recipe": type(how).__name__,
        "how": asdict(how),
        "seed": seed,
        "code": code_of(__name__),
    }
    tensors = compute() if store is None else store.compute("sparse_dictionary", made_from, compute)
    curve = pd.DataFrame(tensors["curve"].numpy(), columns=list(COLUMNS)).astype({"step": int})
    return TrainedDictionary(dictionary_of(tensors), curve, how, layer, seed)


def _train_one(data: _Data, how: Recipe, seed: int, bar: Any) -> tuple[Dictionary, list[tuple[float, ...]]]:
    steps = how.epochs * (len(data.states) // how.batch)
    learner = Learner(data.mean, data.square, how, steps, seed, data.device)
    variance = data.variance * learner.scale**2
    rows: list[tuple[float, ...]] = []
    errors: list[Tensor] = []
    for at, batch in enumerate(data.batches(how, seed), start=1):
        error, activations = learner.step(batch)
        errors.append(error)
        if at % EVERY == 0 or at == steps:
            bar.update(len(errors))
            explained = 1 - float(torch.stack(errors).mean()) / variance
            bar.set_postfix_str(f"explained {explained:.3f}")
            active = float((activations > 0).sum()) / len(batch)
            rows.append((at, explained, active, float(learner.dead.float().mean())))
            errors = []
    return learner.finished(_threshold(data, learner, how, seed)), rows


@torch.no_grad()
def _threshold(data: _Data, learner: Learner, how: Recipe, seed: int) -> float:
    """Mean over batches of where the finished weights cut them."""
    if not isinstance(how, BatchTopK):
        return 0.0
    cuts = []
    for batch, _ in zip(data.batches(how, seed), range(CUTS), strict=False):
        cuts.append(smallest_kept(learner.pre(batch * learner.scale), how.k * len(batch)))
    return float(np.mean(cuts))

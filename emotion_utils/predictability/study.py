"""Windows, states, baselines, predictors and held-out errors of one model: everything that its tables are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotion_utils.corpora.documents import Corpus
from emotion_utils.corpora.windows import Windows, cut
from emotion_utils.models.reading import own_start
from emotion_utils.parts.baselines import WINDOWS, Baselines, Prediction, fit_baselines
from emotion_utils.parts.error_sums import Errors, sum_errors
from emotion_utils.parts.predictor import DEFAULT, Architecture, Predictor
from emotion_utils.parts.split import Parts, split
from emotion_utils.parts.states import WindowStates, read_states
from emotion_utils.parts.training import Trained, train
from emotion_utils.predictability.sizes import Sizes

if TYPE_CHECKING:
    from emotion_utils.core.store import Store
    from emotion_utils.models.model import Model

PREDICTOR, OTHER_TEXT = "predictor", "past of another text"
"""The second is the null: what the predictor makes of the past of another document at the same positions."""
USES = ("training", "probing", "validation", "test")
FROM = {"training": "train", "probing": "train", "validation": "validation", "test": "test"}
"""The split that windows of a use come from."""


def windows_of(model: Model, corpus: Corpus, sizes: Sizes, seed: int = 0) -> Windows:
    """Cut a corpus to windows that the model reads as it reads any text, after its own first token if it needs one.

    Raises
    ------
    UserError
        For texts that cannot be cut or split: see :func:`emotion_utils.corpora.windows.cut`.
    """
    before = own_start(model.tokenizer) if model.reading.separator is None else [model.reading.separator]
    start = before[0] if before else None
    return cut(
        corpus.documents, model.tokenizer, sizes.length, seed=seed, limit_tokens=sizes.tokens, start=start
    )


def chosen(windows: Windows, sizes: Sizes, seed: int = 0) -> dict[str, Int[np.ndarray, " window"]]:
    """Numbers of the windows of each use, drawn without replacement; documents take turns in each.

    Neighbours among test windows are of different documents, which the null relies on: windows that a document has
    beyond all others are left out there.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, len(windows)]))
    found = {}
    left = {
        split: rng.permutation(np.flatnonzero(windows.split == split))
        for split in dict.fromkeys(FROM.values())
    }
    for use in USES:
        split, n = FROM[use], getattr(sizes, use)
        if use == "training":  # probes get their share where windows are few
            n = min(n, len(left[split]) * n // (n + sizes.probing))
        found[use], left[split] = _in_turn(left[split][:n], windows.document), left[split][n:]
    turns = pd.Series(_turn(found["test"], windows.document))
    shared = (turns.groupby(turns).transform("size") > 1).to_numpy()
    if shared.any():  # else there is one document, of which intervals say that it is too few
        found["test"] = found["test"][shared]
    if len(found["test"]) % WINDOWS == 1:  # a window that is alone in its chunk would get its own past
        found["test"] = found["test"][:-1]
    return found


def _in_turn(rows: Int[np.ndarray, " row"], documents: np.ndarray) -> Int[np.ndarray, " row"]:
    return rows[np.lexsort((documents[rows], _turn(rows, documents)))]


def _turn(rows: Int[np.ndarray, " row"], documents: np.ndarray) -> Int[np.ndarray, " row"]:
    """How many rows before each one are of the same document."""
    turn: np.ndarray = pd.Series(rows).groupby(documents[rows]).cumcount().to_numpy()
    return turn


@dataclass(frozen=True, eq=False)
class Study:
    """What was read and trained for one model.

    Attributes
    ----------
    model
    windows
        Those that are used, of all uses.
    rows
        Use to the numbers of its windows.
    states, baselines, trained, errors
        By layer; errors are of the test windows.
    sizes, seed
    """

    model: Model = field(repr=False)
    windows: Windows = field(repr=False)
    rows: Mapping[str, Int[np.ndarray, " window"]] = field(repr=False)
    states: WindowStates = field(repr=False)
    baselines: Mapping[int, Baselines] = field(repr=False)
    trained: Trained = field(repr=False)
    errors: Mapping[int, Errors] = field(repr=False)
    sizes: Sizes
    seed: int

    @property
    def layers(self) -> tuple[int, ...]:
        """Those that were read, counted from 0."""
        return self.states.layers

    @property
    def best(self) -> dict[int, str]:
        """Layer to the baseline that did best on validation windows."""
        return {layer: own.best for layer, own in self.baselines.items()}

    @property
    def test(self) -> Windows:
        """The windows that everything is tested on."""
        return self.windows.take(self.rows["test"])

    @property
    def surprisal(self) -> Float[np.ndarray, "window target"]:
        """Of the tokens 1, 2, ... of test windows, nats."""
        return self.states.surprisal[torch.from_numpy(self.rows["test"])][:, 1:].double().numpy()

    @cached_property
    def parts(self) -> dict[int, Parts]:
        """Layer to both parts of the states of test windows."""
        return split(self.states, self.trained.predictors, self.rows["test"])

    @cached_property
    def norms(self) -> dict[int, Float[np.ndarray, "window target"]]:
        """Layer to the lengths of r at the positions 1, 2, ... of test windows."""
        return {layer: own.novel.double().norm(dim=-1).numpy() for layer, own in self.parts.items()}


def study(
    model: Model,
    windows: Windows,
    layers: Sequence[int],
    sizes: Sizes,
    *,
    architecture: Architecture = DEFAULT,
    store: Store | None = None,
    seed: int = 0,
    dtype: str = "float32",
    progress: bool = True,
) -> Study:
    """Read the states of a model, fit the baselines, train the predictors, and gather the errors on test windows.

    Parameters
    ----------
    model
    windows
        From :func:`windows_of`; those that are used are drawn from them.
    layers
        Blocks after which states are read, counted from 0.
    sizes
    architecture
        Of the predictors.
    store
        Keeps states and checkpoints.
    seed
        Of the windows that are drawn, and of the predictors.
    dtype
        In which states are kept.
    progress
        Show bars.

    Raises
    ------
    UserError
        As of the functions of :mod:`emotion_utils.parts`.
    """
    drawn = chosen(windows, sizes, seed)
    used = windows.take(np.concatenate([drawn[use] for use in USES]))
    ends = np.cumsum([0, *(len(drawn[use]) for use in USES)])
    rows = {use: np.arange(ends[i], ends[i + 1]) for i, use in enumerate(USES)}
    states = read_states(model, used.ids, layers, dtype=dtype, store=store, progress=progress)
    learn, check = rows["training"], rows["validation"]
    baselines = fit_baselines(states, used.ids, learn, check)
    fitting = replace(sizes.fitting, seed=seed)
    trained = train(
        states,
        baselines,
        learn,
        check,
        architecture,
        fitting,
        store=store,
        device=str(model.device),
        progress=progress,
    )
    predictions = {
        layer: predictions_of(baselines[layer], trained.predictors[layer]) for layer in states.layers
    }
    errors = sum_errors(states, used.ids, rows["test"], used.document, predictions, baselines)
    return Study(model, used, rows, states, baselines, trained, errors, sizes, seed)


def predictions_of(baselines: Baselines, predictor: Predictor) -> dict[str, Prediction]:
    """What is compared at a layer: the predictor, its null, and all baselines."""

    def own(h: Tensor, ids: Tensor) -> Tensor:
        with torch.no_grad():
            return predictor.predict(h)

    def of_another(h: Tensor, ids: Tensor) -> Tensor:
        return own(h.roll(1, dims=0), ids)

    return {PREDICTOR: own, OTHER_TEXT: of_another, **baselines.predictions()}

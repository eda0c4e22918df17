"""Tables of a study, each with a row per layer: what a page shows, and what a record keeps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.novelty import tokens as novel_tokens
from emotion_utils.novelty.resampled import PositionCurve
from emotion_utils.novelty.surprisal_correlation import log_frequencies, surprisal_correlations
from emotion_utils.novelty.token_types import token_texts, token_types, types_at
from emotion_utils.parts.r2 import by_dimension, by_position, r2_table
from emotion_utils.parts.split import loss_recovered, written_back
from emotion_utils.predictability.study import Study

PER_DIMENSION = "per dimension"
"""The mean over dimensions of the R2 of each, so that each counts alike."""
WRITTEN = 48
"""Windows in which parts are written back."""


def explained(one: Study) -> pd.DataFrame:
    """R2 of every prediction by every measure: :func:`emotion_utils.parts.r2.r2_table`.

    Rows of :data:`PER_DIMENSION` are added, which have no gain.
    """
    pooled = r2_table(one.errors, one.best, seed=one.seed)
    each = by_dimension(one.errors, seed=one.seed)
    renamed = {"mean": "r2", "mean_low": "low", "mean_high": "high"}
    added = each.rename(columns=renamed)[["layer", "prediction", "r2", "low", "high"]]
    documents = pooled["documents"].iloc[0]
    return pd.concat([pooled, added.assign(measure=PER_DIMENSION, documents=documents)], ignore_index=True)


def shares(one: Study) -> pd.DataFrame:
    """How the variance of test states is spread: columns ``layer``, the names of `Errors.shares`, ``massive``."""
    rows = [
        {"layer": layer, **own.shares, "massive": int(own.massive.sum())} for layer, own in one.errors.items()
    ]
    return pd.DataFrame(rows)


def positions(one: Study) -> pd.DataFrame:
    """R2 and error of every prediction at each position, pooled: :func:`emotion_utils.parts.r2.by_position`."""
    return by_position(one.errors)


def curve(one: Study) -> pd.DataFrame:
    """Learning curves: :data:`emotion_utils.parts.training.COLUMNS`, and ``kept``, the step of the kept weights."""
    found = one.trained.curve
    return found.assign(kept=found["layer"].map(one.trained.best_step))


def frequencies(one: Study) -> Float[np.ndarray, "window target"]:
    """Logarithm of how often each token 1, 2, ... of test windows stands in training windows."""
    ids = one.windows.ids.numpy()
    return log_frequencies(ids[one.rows["training"]], ids[one.rows["test"]][:, 1:])


def correlations(one: Study) -> tuple[pd.DataFrame, dict[int, PositionCurve]]:
    """Length of r against surprisal: :func:`emotion_utils.novelty.surprisal_correlation.surprisal_correlations`."""
    return surprisal_correlations(
        one.norms,
        one.surprisal,
        frequencies(one),
        one.test.document,
        first=one.sizes.first,
        n_permutations=one.sizes.permutations,
        n_resamples=one.sizes.resamples,
        seed=one.seed,
    )


def rho_by_position(curves: Mapping[int, PositionCurve]) -> pd.DataFrame:
    """The curves of :func:`correlations`: columns ``layer, position, value, low, high``."""
    return by_layer({layer: own.table() for layer, own in curves.items()})


def tokens(one: Study, layer: int, n: int = 10) -> pd.DataFrame:
    """The tokens that were foreseen least and most: :func:`emotion_utils.novelty.tokens.extremes`."""
    texts = token_texts(one.model.tokenizer)
    return novel_tokens.extremes(one.norms[layer], one.test.ids.numpy(), one.surprisal, texts, n)


def by_type(one: Study, layer: int) -> pd.DataFrame:
    """Novelty of each type of token: :func:`emotion_utils.novelty.tokens.by_type`."""
    types = types_at(one.test.ids.numpy()[:, 1:], token_types(one.model.tokenizer))
    return novel_tokens.by_type(one.norms[layer], types, one.test.document, one.seed)


def by_frequency(one: Study, layer: int) -> pd.DataFrame:
    """Novelty of rare and of frequent tokens: :func:`emotion_utils.novelty.tokens.by_frequency`."""
    return novel_tokens.by_frequency(one.norms[layer], frequencies(one), one.test.document, seed=one.seed)


def coloured(one: Study, layer: int, n: int = 3) -> list[tuple[str, list[str], Float[np.ndarray, " token"]]]:
    """Test windows with the novelty of each token, for the viewer of tokens.

    Returns
    -------
    Domain, tokens and novelty of the first window of each of the first ``n`` domains.
    """
    texts, ids, test = token_texts(one.model.tokenizer), one.test.ids.numpy(), one.test
    _, first = np.unique(test.domain, return_index=True)
    return [
        (str(test.domain[at]), *novel_tokens.coloured(one.norms[layer], ids, texts, int(at)))
        for at in first[:n]
    ]


def written(one: Study, layer: int) -> pd.DataFrame:
    """What the model does with parts of its states in their place: :func:`emotion_utils.parts.split.loss_recovered`.

    Columns ``way, loss, recovered, low, high``, and ``largest``, the largest change of a logit by writing both
    parts, which is rounding.
    """
    test, own = one.test, one.baselines[layer]
    some = test.take(np.arange(min(WRITTEN, len(test))))
    losses = written_back(one.model, some.ids, layer, one.trained.predictors[layer], own)
    found = loss_recovered(losses, some.document, seed=one.seed)
    return found.assign(largest=losses["largest"].max())


def by_layer(tables: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Tables of several layers as one, with a first column ``layer``."""
    return _stacked(tables, "layer")


def beside(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Tables of several models as one, with a first column ``model``."""
    return _stacked(tables, "model")


def _stacked(tables: Mapping[int, pd.DataFrame] | Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    parts = [table.copy() for table in tables.values()]
    for key, part in zip(tables, parts, strict=True):
        part.insert(0, name, key)
    return pd.concat(parts, ignore_index=True)

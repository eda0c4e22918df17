"""What a classifier loses when the states after one block are replaced by what a dictionary makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy.special import log_softmax
from torch import Tensor

from emotion_utils.classification.classifier import BATCH, TextClassifier
from emotion_utils.core.errors import UserError
from emotion_utils.dictionaries.loss import ABLATED, CLEAN, Replacement, constant
from emotion_utils.dictionaries.rivals import Coder
from emotion_utils.engine.backoff import in_pieces
from emotion_utils.features.knockout import hidden_after, own_tokens, resumed_logits
from emotion_utils.models.batches import similar_lengths
from emotion_utils.siblings.circuit import Posts


def classifier_losses(
    classifier: TextClassifier,
    posts: Posts,
    layer: int,
    replacements: Mapping[str, Replacement],
    mean: Float[Tensor, " d_model"],
    *,
    batch: int = BATCH,
) -> pd.DataFrame:
    """Losses of posts, with the residual stream after one block replaced at every token that is no special one.

    Parameters
    ----------
    classifier
    posts
        That nothing was trained on.
    layer
        Block after which states are replaced, counted from 0.
    replacements
        Name to a function such as ``Dictionary.reconstruct``.
    mean
        What takes the place of every state where it is ablated: the mean of training states.
    batch
        Posts of a forward pass.

    Returns
    -------
    One row per post, as :func:`emotion_utils.dictionaries.loss.recovered` takes them: ``layer, tokens`` (1: a post has
    one label) and the loss of its label in nats: ``clean``, ``ablated`` and each replacement.

    Raises
    ------
    UserError
        For a layer that the model does not have, and a name that is taken.
    """
    model = classifier.model
    model.check_mode()
    if not 0 <= layer < model.n_layers:
        raise UserError(f"There is no layer {layer}: {model.label} has the layers 0 to {model.n_layers - 1}.")
    if taken := sorted({CLEAN, ABLATED, "layer", "tokens"} & set(replacements)):
        raise UserError(f'A replacement cannot be called "{taken[0]}": choose another name.')
    ways: dict[str, Replacement] = {ABLATED: partial(constant, mean), **replacements}
    found = {name: np.zeros(len(posts.label)) for name in (CLEAN, *ways)}
    for together in similar_lengths([len(row) for row in posts.ids], batch):
        work = partial(_losses, classifier, posts, layer, ways)
        for piece, losses in in_pieces(together.tolist(), len(together), work):
            for name, own in losses.items():
                found[name][list(piece)] = own
    return pd.DataFrame({"layer": layer, "tokens": 1, **found})


def written_back(coder: Coder) -> Replacement:
    """The replacement of states by what a dictionary, or a rival of it, makes of them."""
    return lambda states: coder.decode(coder.encode(states))


@torch.no_grad()
def _losses(
    classifier: TextClassifier,
    posts: Posts,
    layer: int,
    ways: Mapping[str, Replacement],
    rows: Sequence[int],
) -> dict[str, np.ndarray]:
    ids, label = [list(posts.ids[row]) for row in rows], posts.label[list(rows)]
    inputs = classifier.model.padded(ids)
    own = own_tokens(classifier, ids, inputs["input_ids"].shape[1])
    hidden = hidden_after(classifier, layer, inputs)
    found = {CLEAN: _of_label(resumed_logits(classifier, layer, hidden, inputs), label)}
    for name, replace in ways.items():
        new = hidden.clone()
        new[own] = replace(hidden[own].float()).to(hidden.dtype)
        found[name] = _of_label(resumed_logits(classifier, layer, new, inputs), label)
    return found


def _of_label(logits: Float[np.ndarray, "post label"], label: np.ndarray) -> np.ndarray:
    losses: np.ndarray = -log_softmax(logits.astype(np.float64), axis=1)[np.arange(len(label)), label]
    return losses

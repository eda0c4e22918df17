"""Logits of a classifier without some features: what they write is taken out of the residual stream after one block.

The report sets the activations of features to zero (section 4.3) and does not say what becomes of the rest of the
state. Here what the features write is subtracted, so that the dictionary's error stays where it was and taking out
nothing changes nothing (:data:`KEPT`). Beside it stands the whole state replaced by its reconstruction without these
features, the error dropped (:data:`DROPPED`), where nothing taken out changes a good deal as well.

States after the block are read once for a text. Each set of features then costs the blocks above it alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotion_utils.classification.classifier import BATCH, TextClassifier
from emotion_utils.core.errors import UserError, listing
from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.engine.backoff import in_pieces
from emotion_utils.features.reading import TokenIds, only, pieces, text_tokens
from emotion_utils.models.batches import similar_lengths
from emotion_utils.models.hooks import HookPoint, forward_until, resumed

KEPT, DROPPED = "error kept", "error dropped"
WAYS = (KEPT, DROPPED)
Features = Int[np.ndarray, " _"]


def knocked_out_logits(
    classifier: TextClassifier,
    dictionary: Dictionary,
    layer: int,
    ids: TokenIds,
    sets: Sequence[Features],
    *,
    way: str = KEPT,
    batch: int = BATCH,
) -> Float[np.ndarray, "set text label"]:
    """Run texts without each of several sets of features, at every token that is no special one.

    Parameters
    ----------
    classifier, dictionary, layer
        The dictionary is one of states after this layer, counted from 0.
    ids
        Token ids of the texts, from :meth:`TextClassifier.encode`.
    sets
        Numbers of the features of each; an empty one takes nothing out.
    way, batch
        :data:`KEPT` or :data:`DROPPED`; texts of a forward pass, at most.

    Returns
    -------
    Logits (nats), labels in the classifier's order.

    Raises
    ------
    UserError
        In training mode, for a layer, a feature or a way that does not exist, and a dictionary of another width.
    """
    _check(classifier, dictionary, layer, sets, way)
    found = np.zeros((len(sets), len(ids), len(classifier.labels)), dtype=np.float32)
    union = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *sets]))
    read = only(dictionary, union)
    places = [np.searchsorted(union, own) for own in sets]

    @torch.no_grad()
    def run(rows: Sequence[int]) -> Float[np.ndarray, "set row label"]:
        inputs = classifier.model.padded([list(ids[row]) for row in rows])
        own = own_tokens(classifier, [ids[row] for row in rows], inputs["input_ids"].shape[1])
        hidden = hidden_after(classifier, layer, inputs)
        states = hidden[own].float()
        base = states if way == KEPT else _reconstructed(dictionary, states)
        logits = []
        for features in places:
            new = hidden.clone()
            if len(features) or way == DROPPED:
                new[own] = (base - _written(read, states, features)).to(hidden.dtype)
            logits.append(resumed_logits(classifier, layer, new, inputs))
        return np.stack(logits)

    for together in similar_lengths([len(row) for row in ids], batch):
        for piece, logits in in_pieces(together.tolist(), len(together), run):
            found[:, list(piece)] = logits
    return found


def _check(
    classifier: TextClassifier, dictionary: Dictionary, layer: int, sets: Sequence[Features], way: str
) -> None:
    classifier.model.check_mode()
    layers, width = classifier.model.n_layers, classifier.model.d_model
    if not 0 <= layer < layers:
        raise UserError(
            f"Features are taken out after layer {layer}, and the model has layers 0 to {layers - 1}."
        )
    if dictionary.width != width:
        raise UserError(
            f"The dictionary reads {dictionary.width} dimensions, and the states of this classifier have {width}: it "
            "was made for another model."
        )
    if way not in WAYS:
        raise UserError(f'There is no way "{way}" to take features out: choose of {listing(WAYS)}.')
    for own in sets:
        if len(own) and not (own.min() >= 0 and own.max() < dictionary.n_features):
            raise UserError(
                f"Feature {own.max() if own.min() >= 0 else own.min()} is to be taken out, and the dictionary has 0 to "
                f"{dictionary.n_features - 1}."
            )


def own_tokens(
    classifier: TextClassifier, rows: Sequence[Sequence[int]], width: int
) -> Bool[Tensor, "row position"]:
    """Tokens that are no special ones, padding left out."""
    found = torch.zeros(len(rows), width, dtype=torch.bool)
    for at, row in enumerate(rows):
        found[at, : len(row)] = torch.from_numpy(text_tokens(classifier.model, row))
    return found.to(classifier.model.device)


def hidden_after(classifier: TextClassifier, layer: int, inputs: dict[str, Tensor]) -> Tensor:
    """States after the block at every position of a batch."""
    caught: list[Tensor] = []
    forward_until(classifier.model.network, {HookPoint(layer, "resid_post"): caught.append}, **inputs)
    return caught[0]


def resumed_logits(
    classifier: TextClassifier, layer: int, hidden: Tensor, inputs: dict[str, Tensor]
) -> Float[np.ndarray, "row label"]:
    """Logits of a batch from its states after a block."""
    network = classifier.model.network
    with resumed(network, layer + 1, hidden):
        logits: np.ndarray = network(**inputs, use_cache=False).logits.float().cpu().numpy()
    return logits


def _written(
    read: Dictionary, states: Float[Tensor, "token d_model"], features: Features
) -> Float[Tensor, "token d_model"]:
    """What some features of a dictionary write into states."""
    one = only(read, features)
    return one.written(one.encode(states))


def _reconstructed(
    dictionary: Dictionary, states: Float[Tensor, "token d_model"]
) -> Float[Tensor, "token d_model"]:
    parts = [dictionary.reconstruct(states[some]) for some in pieces(len(states), dictionary.n_features)]
    return torch.cat(parts)

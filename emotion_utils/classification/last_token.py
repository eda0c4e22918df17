"""Logits of a classifier whose last token is written to, under many settings of each text.

The head reads the last token, and what is written there changes no token before it. So what stands before is read once
for a text, and each setting costs one token. :func:`emotion_utils.classification.conditioned.conditioned_logits`
gives the same for any position, reading every token of every run.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.classification.classifier import BATCH, TextClassifier
from emotion_utils.core.errors import UserError
from emotion_utils.engine.backoff import in_pieces
from emotion_utils.models.batches import similar_lengths
from emotion_utils.models.hooks import HookFunction, HookPoint, attached

Written = Mapping[HookPoint, Tensor]
"""Where something is written, and what: shape (d_model) for all texts, or (text, d_model)."""


def logits_at_last(
    classifier: TextClassifier,
    ids: Sequence[Sequence[int]],
    settings: Sequence[Written],
    *,
    batch: int = BATCH,
) -> Float[np.ndarray, "setting text label"]:
    """Run texts under settings.

    Parameters
    ----------
    classifier
    ids
        Token ids of the texts, from :meth:`TextClassifier.encode`.
    settings
        What is set at the last token. An empty one leaves the model as it is.
    batch
        Texts of a forward pass; one that does not fit into memory comes in parts.

    Raises
    ------
    UserError
        In training mode, for values that are not finite or have another shape.

    Returns
    -------
    Logits (nats), labels in the classifier's order.
    """
    classifier.model.check_mode()
    width = int(classifier.model.network.config.get_text_config().hidden_size)
    for number, written in enumerate(settings):
        _check(written, len(ids), width, number)
    found = np.zeros((len(settings), len(ids), len(classifier.labels)))
    for together in similar_lengths([len(own) for own in ids], batch):
        for texts, logits in in_pieces(
            together.tolist(), len(together), lambda own: _of_texts(classifier, ids, settings, own)
        ):
            found[:, list(texts)] = logits
    return found


def _check(written: Written, n: int, width: int, number: int) -> None:
    for point, values in written.items():
        if tuple(values.shape) not in {(width,), (n, width)}:
            raise UserError(
                f"Setting {number} writes values of shape {tuple(values.shape)} at {point}: give ({width},), or "
                f"({n}, {width}), a row for each text."
            )
        if not bool(torch.isfinite(values).all()):
            raise UserError(f"Setting {number} writes values at {point} that are not finite.")


@torch.no_grad()
def _of_texts(
    classifier: TextClassifier,
    ids: Sequence[Sequence[int]],
    settings: Sequence[Written],
    texts: Sequence[int],
) -> Float[np.ndarray, "setting own label"]:
    """Logits of some texts under all settings."""
    network: Any = classifier.model.network
    inputs = classifier.model.padded([ids[text] for text in texts], "left")
    cache = None
    if min(len(ids[text]) for text in texts) > 1:
        before = {name: values[:, :-1] for name, values in inputs.items()}
        cache = network.base_model(**before, use_cache=True).past_key_values
        inputs |= {name: inputs[name][:, -1:] for name in ("input_ids", "position_ids")}
    found = []
    for written in settings:
        functions = {
            point: _setting(values if values.ndim == 1 else values[list(texts)])
            for point, values in written.items()
        }
        own = copy.deepcopy(cache)  # a forward pass writes into it
        with attached(network, functions):
            logits = network(**inputs, past_key_values=own, use_cache=own is not None).logits
        found.append(logits.float().cpu().numpy())
    return np.stack(found)


def _setting(values: Tensor) -> HookFunction:
    def at_the_end(hidden: Tensor) -> Tensor:
        changed = hidden.clone()
        changed[:, -1] = values.to(hidden)
        return changed

    return at_the_end

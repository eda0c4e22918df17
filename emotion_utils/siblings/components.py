"""Components of a classifier, an attention or MLP output at the last token, read, patched and taken out.

A classification head reads the last token alone, so that everything is done there (section 3.2 of the report).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotion_utils.activations.forward import last_token_states
from emotion_utils.classification.classifier import BATCH, TextClassifier
from emotion_utils.classification.last_token import Written, logits_at_last
from emotion_utils.models.batches import similar_lengths
from emotion_utils.models.families import n_layers
from emotion_utils.models.hooks import HookFunction, HookPoint, attached

KINDS = ("attn_out", "mlp_out")
EMBEDDING = HookPoint(0, "resid_pre")
"""What stands at the last token before any block: no component, but without it not everything is patched."""

TokenIds = Sequence[Sequence[int]]


def components(classifier: TextClassifier) -> tuple[HookPoint, ...]:
    """Attention and MLP of every layer, in the order in which they write."""
    layers = range(n_layers(classifier.model.network))
    return tuple(HookPoint(layer, kind) for layer in layers for kind in KINDS)


def last_outputs(
    classifier: TextClassifier, ids: TokenIds, where: Sequence[HookPoint]
) -> dict[HookPoint, Float[Tensor, "text d_model"]]:
    """What components write at the last token of texts, in float32 on the CPU.

    Parameters
    ----------
    classifier
    ids
        Token ids of the texts.
    where
        From :func:`components`; :data:`EMBEDDING` may be among them.
    """
    return last_token_states(classifier.model, ids, where)


def logits_of(
    classifier: TextClassifier, ids: TokenIds, written: Written | None = None
) -> Float[np.ndarray, "text label"]:
    """Logits of all labels, with other values written at the last token; None leaves the model as it is."""
    logits: np.ndarray = logits_at_last(classifier, ids, [written or {}])[0]
    return logits


def constant(
    classifier: TextClassifier,
    gone: Sequence[HookPoint],
    instead: Mapping[HookPoint, Float[Tensor, " d_model"]] | None = None,
) -> Written:
    """Set components to the same value in every text.

    Parameters
    ----------
    classifier
    gone
        Which.
    instead
        That value, such as the mean over texts; None is zero, as published.
    """
    width = int(classifier.model.network.config.get_text_config().hidden_size)
    return {point: torch.zeros(width) if instead is None else instead[point] for point in gone}


def slopes(
    classifier: TextClassifier,
    ids: TokenIds,
    label: Int[np.ndarray, " text"],
    where: Sequence[HookPoint],
    *,
    batch: int = BATCH,
) -> dict[HookPoint, Float[Tensor, "text d_model"]]:
    """Gradient of the logit of a label with respect to what components write at the last token.

    Parameters
    ----------
    classifier
    ids
        Token ids of the texts.
    label
        Whose logit, by text.
    where
        Components.
    batch
    """
    classifier.model.check_mode()
    width = int(classifier.model.network.config.get_text_config().hidden_size)
    found = {point: torch.zeros(len(ids), width) for point in where}
    for rows in similar_lengths([len(own) for own in ids], batch):
        inputs = classifier.model.padded([ids[row] for row in rows], "left")
        added = {
            point: torch.zeros(len(rows), width, device=inputs["input_ids"].device, requires_grad=True)
            for point in where
        }
        with (
            torch.enable_grad(),
            attached(classifier.model.network, {p: _adding(a) for p, a in added.items()}),
        ):
            logits = classifier.model.network(**inputs, use_cache=False).logits
            asked = logits[torch.arange(len(rows)), torch.from_numpy(label[rows])].sum()
        gradients = torch.autograd.grad(asked, list(added.values()))
        for point, gradient in zip(added, gradients, strict=True):
            found[point][rows] = gradient.float().cpu()
    return found


def _adding(values: Float[Tensor, "text d_model"]) -> HookFunction:
    def add_to_last(hidden: Tensor) -> Tensor:
        changed = hidden.clone()
        changed[:, -1] = changed[:, -1] + values.to(hidden)
        return changed

    return add_to_last

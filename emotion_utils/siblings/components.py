"""Components of a classifier, an attention or MLP output at the last token, read, patched and taken out.

A classification head reads the last token alone, so that everything is done there (section 3.2 of the report). Whatever
has a ``network`` with such a head and pads texts is a classifier here, of any family that hooks are defined for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotion_utils.activations.forward import BATCH, last_token_states
from emotion_utils.engine.backoff import in_pieces
from emotion_utils.models.batches import similar_lengths
from emotion_utils.models.families import n_layers
from emotion_utils.models.hooks import HookFunction, HookPoint, attached

if TYPE_CHECKING:
    from transformers import PreTrainedModel

KINDS = ("attn_out", "mlp_out")
EMBEDDING = HookPoint(0, "resid_pre")
"""What stands at the last token before any block: no component, but without it not everything is patched."""

TokenIds = Sequence[Sequence[int]]


@runtime_checkable
class Classifier(Protocol):
    """What is asked of a model with a classification head."""

    network: PreTrainedModel

    def padded(self, rows: TokenIds, side: str) -> dict[str, Tensor]:
        """Token ids as a batch on the model's device."""

    def check_mode(self) -> None:
        """Refuse a model in training mode, whose dropout would change every number."""


def components(classifier: Classifier) -> tuple[HookPoint, ...]:
    """Attention and MLP of every layer, in the order in which they write."""
    return tuple(HookPoint(layer, kind) for layer in range(n_layers(classifier.network)) for kind in KINDS)


def last_outputs(
    classifier: Classifier, ids: TokenIds, where: Sequence[HookPoint]
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
    return last_token_states(classifier, ids, where)  # type: ignore[arg-type]  # of a model it asks no more than this


def logits_of(
    classifier: Classifier,
    ids: TokenIds,
    written: Mapping[HookPoint, Float[Tensor, "text d_model"]] | None = None,
    *,
    batch: int = BATCH,
) -> Float[np.ndarray, "text label"]:
    """Logits of all labels, with other values written at the last token.

    Parameters
    ----------
    classifier
    ids
        Token ids of the texts.
    written
        What components are set to, text by text; None leaves the model as it is.
    batch
        Texts of a forward pass; one that does not fit into memory comes in parts.
    """
    classifier.check_mode()

    def read(rows: Sequence[int]) -> Tensor:
        functions = {point: _setting(values[list(rows)]) for point, values in (written or {}).items()}
        inputs = classifier.padded([ids[row] for row in rows], "left")
        with torch.no_grad(), attached(classifier.network, functions):
            return classifier.network(**inputs, use_cache=False).logits.float().cpu()

    parts: list[Tensor] = []
    order: list[int] = []
    for together in similar_lengths([len(own) for own in ids], batch):
        for piece, found in in_pieces(together.tolist(), len(together), read):
            order += piece
            parts.append(found)
    back = np.argsort(order)
    return torch.cat(parts).double().numpy()[back]


def _setting(values: Float[Tensor, "text d_model"]) -> HookFunction:
    def set_last(hidden: Tensor) -> Tensor:
        changed = hidden.clone()
        changed[:, -1] = values.to(hidden)
        return changed

    return set_last


def without(
    classifier: Classifier,
    ids: TokenIds,
    gone: Sequence[HookPoint],
    instead: Mapping[HookPoint, Float[Tensor, " d_model"]] | None = None,
) -> Float[np.ndarray, "text label"]:
    """Logits without some components.

    Parameters
    ----------
    classifier
    ids
        Token ids of the texts.
    gone
        Components that are set to the same value in every text.
    instead
        That value, such as the mean over texts; None is zero, as published.
    """
    width = int(classifier.network.config.get_text_config().hidden_size)
    values = {point: torch.zeros(width) if instead is None else instead[point] for point in gone}
    return logits_of(
        classifier, ids, {point: value.expand(len(ids), width) for point, value in values.items()}
    )


def slopes(
    classifier: Classifier,
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
    classifier.check_mode()
    width = int(classifier.network.config.get_text_config().hidden_size)
    found = {point: torch.zeros(len(ids), width) for point in where}
    for rows in similar_lengths([len(own) for own in ids], batch):
        inputs = classifier.padded([ids[row] for row in rows], "left")
        added = {
            point: torch.zeros(len(rows), width, device=inputs["input_ids"].device, requires_grad=True)
            for point in where
        }
        with torch.enable_grad(), attached(classifier.network, {p: _adding(a) for p, a in added.items()}):
            logits = classifier.network(**inputs, use_cache=False).logits
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

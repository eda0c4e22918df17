"""A sparse dictionary: what a sparse autoencoder has learned, whoever trained it.

A state x (d_model) is read as activations a of many features, few of which are not zero, and written back as a sum of
their directions::

    pre = scale (x - b_dec, if centred) W_enc + b_enc        a = pre where pre > threshold, else 0
    x_hat = (a W_dec + b_dec) / scale

Published dictionaries differ in which of these parts they have: with a threshold of zero this is a ReLU; thresholds by
feature are JumpReLU {cite:p}`rajamanoharan2024`; a BatchTopK dictionary is read with the one threshold that keeps as
many features on average as in training {cite:p}`bussmann2024`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.core.errors import UserError


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Features of one layer of one model; see the head of the module for what its parts do.

    Attributes
    ----------
    encoder, encoder_bias
        Shapes (d_model, feature) and (feature).
    decoder, decoder_bias
        Shapes (feature, d_model) and (d_model), in units of scaled states.
    threshold
        Shape (feature): activations up to it are none.
    scale
        States are multiplied by it before they are encoded.
    centred
        Whether the decoder's bias is taken off before a state is encoded.

    Raises
    ------
    UserError
        For parts whose shapes do not fit together, that are not finite, and a scale that is not positive.
    """

    encoder: Float[Tensor, "d_model feature"] = field(repr=False)
    encoder_bias: Float[Tensor, " feature"] = field(repr=False)
    decoder: Float[Tensor, "feature d_model"] = field(repr=False)
    decoder_bias: Float[Tensor, " d_model"] = field(repr=False)
    threshold: Float[Tensor, " feature"] = field(repr=False)
    scale: float = 1.0
    centred: bool = True

    def __post_init__(self) -> None:
        if self.encoder.ndim != 2:
            raise UserError(f"An encoder has two dimensions, and this one has {self.encoder.ndim}.")
        width, n = self.encoder.shape
        shapes = {
            "encoder_bias": (n,),
            "decoder": (n, width),
            "decoder_bias": (width,),
            "threshold": (n,),
        }
        for name, shape in shapes.items():
            if tuple(own := getattr(self, name).shape) != shape:
                raise UserError(
                    f"The encoder reads {width} dimensions into {n} features, so that {name} has the shape {shape}: "
                    f"it has {tuple(own)}."
                )
        for name in ("encoder", *shapes):
            if bad := int((~torch.isfinite(getattr(self, name))).sum()):
                raise UserError(f"{bad} numbers of {name} are not finite: this dictionary cannot be used.")
        if not self.scale > 0:
            raise UserError(f"States are scaled by {self.scale}: choose a positive number.")

    @property
    def width(self) -> int:
        """Of the states that it reads (d_model)."""
        return int(self.encoder.shape[0])

    @property
    def n_features(self) -> int:
        """All of them, those that never fire too."""
        return int(self.encoder.shape[1])

    def encode(self, states: Float[Tensor, "*row d_model"]) -> Float[Tensor, "*row feature"]:
        """Activations: not negative, in units of scaled states.

        Raises
        ------
        UserError
            For states of another width.
        """
        if states.shape[-1] != self.width:
            raise UserError(
                f"The states have {states.shape[-1]} dimensions, and the dictionary reads {self.width}: it was made "
                "for another model or another place in it."
            )
        scaled = states.float() * self.scale
        pre = (scaled - self.decoder_bias if self.centred else scaled) @ self.encoder + self.encoder_bias
        return torch.where(pre > self.threshold, pre.clamp(min=0), 0.0)

    def decode(self, activations: Float[Tensor, "*row feature"]) -> Float[Tensor, "*row d_model"]:
        """States that activations stand for, in units of the model."""
        return (activations @ self.decoder + self.decoder_bias) / self.scale

    def written(self, activations: Float[Tensor, "*row feature"]) -> Float[Tensor, "*row d_model"]:
        """What features alone write into a state, the bias left out: to take some out, subtract what they wrote."""
        return activations @ self.decoder / self.scale

    def reconstruct(self, states: Float[Tensor, "*row d_model"]) -> Float[Tensor, "*row d_model"]:
        """States as the features know them."""
        return self.decode(self.encode(states))

    def to(self, device: str) -> Dictionary:
        """The same on another device."""
        parts = {
            name: getattr(self, name).to(device)
            for name in ("encoder", "encoder_bias", "decoder", "decoder_bias", "threshold")
        }
        return Dictionary(**parts, scale=self.scale, centred=self.centred)

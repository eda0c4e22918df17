"""What forward passes cost: operations, bytes of weights that are read, and seconds on a device.

The time of a pass is that of its operations, plus that of reading the weights once, plus a share of time for each
block: few tokens cost as much as their weights, many as their operations.
"""

from __future__ import annotations

from dataclasses import dataclass

from emotion_utils.planning.constants import Constants
from emotion_utils.planning.devices import Device
from emotion_utils.planning.shapes import Shape

BYTES = {"float32": 4, "bfloat16": 2}
BACKWARD = 3.0
"""Operations of a pass with gradients, in units of one without."""
LOGIT_BYTES = 4
"""Logits are written, and read again, in float32."""


@dataclass(frozen=True)
class Passes:
    """Forward passes through a model.

    Attributes
    ----------
    tokens
        Positions that go through all blocks.
    passes
        In so many passes.
    length
        Tokens of a text, on average: what each attends to.
    logits
        Positions whose logits are computed.
    backward
        Whether gradients are taken.
    """

    tokens: float
    passes: float
    length: float
    logits: float = 0.0
    backward: bool = False

    def flops(self, shape: Shape) -> float:
        """Operations; a multiply and an add are two."""
        forward = self.tokens * shape.n_layers * shape.block_flops(self.length)
        forward += self.logits * shape.logit_flops
        return forward * (BACKWARD if self.backward else 1.0)

    def bytes(self, shape: Shape, dtype: str) -> float:
        """Bytes that are moved: the weights in each pass, and logits."""
        weights = shape.n_layers * shape.block_matrices + (shape.embedding if self.logits else 0)
        return self.passes * weights * BYTES[dtype] + 2 * self.logits * shape.vocabulary * LOGIT_BYTES

    def seconds(self, shape: Shape, dtype: str, device: Device, constants: Constants) -> float:
        """Time on a device."""
        blocks = self.passes * shape.n_layers * (BACKWARD if self.backward else 1.0)
        return (
            self.flops(shape) / device.rate(shape.d_model)
            + self.bytes(shape, dtype) / device.bandwidth
            + blocks * constants.block_seconds
        )

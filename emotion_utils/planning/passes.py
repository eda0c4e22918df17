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
LOGITS, LOGIT_BYTES = 4, 4
"""How often each logit is written or read, in float32: as it is made, checked, biased and chosen from."""
STREAM, NEURONS = 16, 6
"""How often numbers of the residual stream's width, and of the MLP's, are written or read in a block: norms, heads,
positions, sums and activations, each by itself."""


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
    cached
        Of the tokens, those that read keys and values of their text from a cache.
    """

    tokens: float
    passes: float
    length: float
    logits: float = 0.0
    backward: bool = False
    cached: float = 0.0

    def flops(self, shape: Shape) -> float:
        """Operations; a multiply and an add are two."""
        forward = self.tokens * shape.n_layers * shape.block_flops(self.length)
        forward += self.logits * shape.logit_flops
        return forward * (BACKWARD if self.backward else 1.0)

    def bytes(self, shape: Shape, dtype: str) -> float:
        """Bytes that are moved: the weights in each pass, what blocks write in between, caches, and logits."""
        weights = shape.n_layers * shape.block_matrices + (shape.embedding if self.logits else 0)
        between = self.tokens * shape.n_layers * (STREAM * shape.d_model + NEURONS * shape.d_mlp)
        kept = 2 * self.cached * self.length * shape.n_layers * shape.n_kv_heads * shape.d_head
        logits = LOGITS * self.logits * shape.vocabulary * LOGIT_BYTES
        return BYTES[dtype] * (self.passes * weights + between + kept) + logits

    def seconds(self, shape: Shape, dtype: str, device: Device, constants: Constants) -> float:
        """Time on a device."""
        blocks = self.passes * shape.n_layers * (BACKWARD if self.backward else 1.0)
        return (
            self.flops(shape) / device.rate(shape.d_model)
            + self.bytes(shape, dtype) / device.bandwidth
            + blocks * constants.block_seconds
        )

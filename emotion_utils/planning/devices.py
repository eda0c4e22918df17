"""How fast a device multiplies and reads, and how much it holds: measured for this machine, published for GPUs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import psutil

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.planning.constants import Constants

GB = 1e9
EFFICIENCY = 0.4
"""Share of the published peak that passes of a large model reach on a GPU: an assumption, not a measurement."""
READ = 0.7
"""Share of the published bandwidth that reading weights reaches, likewise assumed."""
USABLE = 0.9
"""Of a GPU's memory; the rest is for the driver and what is torn into pieces too small to use."""


@dataclass(frozen=True)
class Gpu:
    """What a maker publishes: dense matrix products without sparsity, in operations and bytes a second, and bytes."""

    bfloat16: float
    float32: float
    bandwidth: float
    memory: float


GPUS: dict[str, Gpu] = {
    "h200": Gpu(989e12, 67e12, 4.8e12, 141 * GB),
    "h100-80gb": Gpu(989e12, 67e12, 3.35e12, 80 * GB),
    "a100-80gb": Gpu(312e12, 19.5e12, 2.04e12, 80 * GB),
    "a100-40gb": Gpu(312e12, 19.5e12, 1.56e12, 40 * GB),
    "l40s": Gpu(362e12, 91.6e12, 0.86e12, 48 * GB),
    "l4": Gpu(121e12, 30.3e12, 0.30e12, 24 * GB),
    "rtx4090": Gpu(165e12, 82.6e12, 1.01e12, 24 * GB),
    "rtx3090": Gpu(71e12, 35.6e12, 0.94e12, 24 * GB),
    "rtx4060": Gpu(60e12, 15.1e12, 0.27e12, 8 * GB),
}
"""From the makers' data sheets; float32 without the shortened products of tensor cores."""
CPU = "cpu"
DEVICES = (CPU, *GPUS)


@dataclass(frozen=True)
class Device:
    """What work is planned for.

    Attributes
    ----------
    name
        Of :data:`DEVICES`.
    widths, rates
        Operations a second for matrices of a width, those of widths between them by interpolation.
    bandwidth
        Bytes of weights that are read a second.
    memory
        Bytes that weights and batches share, on one of them.
    """

    name: str
    widths: tuple[float, ...]
    rates: tuple[float, ...]
    bandwidth: float
    memory: float

    @property
    def is_cpu(self) -> bool:
        """Whether it is the processor of this machine."""
        return self.name == CPU

    def rate(self, width: float) -> float:
        """Operations a second in matrices of a width."""
        return float(np.interp(np.log(width), np.log(self.widths), self.rates))


def device_named(name: str, dtype: str, constants: Constants) -> Device:
    """A device to plan for.

    Parameters
    ----------
    name
        Of :data:`DEVICES`; ``cuda`` and ``mps`` are no names, since they do not say which one.
    dtype
        ``float32`` or ``bfloat16``.
    constants
        Of the machine that was measured.

    Raises
    ------
    UserError
        For an unknown name, with the near miss.
    """
    if name == CPU:
        widths = tuple(float(width) for width in constants.rates)
        return Device(
            CPU, widths, tuple(constants.rates.values()), constants.bandwidth, psutil.virtual_memory().total
        )
    if name not in GPUS:
        raise UserError(f'There is no device "{name}" to plan for: {suggestion(name, DEVICES)}')
    gpu = GPUS[name]
    peak = gpu.float32 if dtype == "float32" else gpu.bfloat16
    return Device(name, (1.0,), (EFFICIENCY * peak,), READ * gpu.bandwidth, USABLE * gpu.memory)

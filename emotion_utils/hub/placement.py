"""On which devices the weights of a model go: one, or several GPUs where it does not fit into the first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors import safe_open

from emotion_utils.core.errors import UserError

SHARE = 0.85
"""Of the free memory of a GPU that weights may take: the rest is for what a batch computes."""


def n_weights(folder: Path) -> int:
    """How many numbers the safetensors files of a directory hold, from their headers alone."""
    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="numpy") as file:
            total += sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    return total


def placement(folder: Path, bytes_each: int, device: str, name: str) -> dict[str, object] | None:
    """What ``from_pretrained`` is told of devices, so that weights go where they are used as they are read.

    Parameters
    ----------
    folder
        With the safetensors files.
    bytes_each
        Of a weight in the dtype that it is loaded in.
    device
        ``cuda`` may spread a model over all GPUs; ``cuda:1`` is that one alone.
    name
        Of the model, for the error.

    Returns
    -------
    ``device_map``, and ``max_memory`` where accelerate is to spread the model; None where there is no CUDA device in
    question, and the model is loaded first and moved then.

    Raises
    ------
    UserError
        Where the weights do not fit, with the bytes needed and free.
    """
    if not device.startswith("cuda"):
        return None
    import torch

    index = device.partition(":")[2]
    numbers = [int(index)] if index else range(torch.cuda.device_count())
    free = {number: int(torch.cuda.mem_get_info(number)[0]) for number in numbers}
    return spread(n_weights(folder) * bytes_each, free, name)


def spread(needed: int, free: Mapping[int, int], name: str) -> dict[str, object]:
    """All weights on the first GPU where they fit, else over all; see :func:`placement`.

    Parameters
    ----------
    needed
        Bytes of the weights.
    free
        Free bytes by GPU.
    name
        Of the model.
    """
    room = {number: int(SHARE * own) for number, own in free.items()}
    for number, own in room.items():
        if needed <= own:
            return {"device_map": {"": number}}
    if needed <= sum(room.values()):
        return {"device_map": "auto", "max_memory": room}
    raise UserError(_too_large(name, needed, list(free.values())))


def _too_large(name: str, needed: int, free: Sequence[int]) -> str:
    where = "the GPU has" if len(free) == 1 else f"the {len(free)} GPUs have together"
    return (
        f"The weights of {name} take {needed / 1e9:.1f} GB, and {where} room for {SHARE * sum(free) / 1e9:.1f} GB "
        f"beside what a batch computes ({sum(free) / 1e9:.1f} GB are free): choose bfloat16, or run where there are "
        "more GPUs with device cuda, which spreads a model over all of them."
    )

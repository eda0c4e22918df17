"""A dictionary as tensors by name, and in a file of our own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.files import read_bytes, write_atomically
from emotion_utils.dictionaries.dictionary import Dictionary

PARTS = ("encoder", "encoder_bias", "decoder", "decoder_bias", "threshold")
NAMES = (*PARTS, "scale", "centred")
"""Of the tensors."""


def tensors_of(dictionary: Dictionary) -> dict[str, Tensor]:
    """All of a dictionary, on the CPU: :data:`NAMES`."""
    parts = {name: getattr(dictionary, name).detach().cpu().contiguous() for name in PARTS}
    scale = torch.tensor(dictionary.scale, dtype=torch.float64)
    return {**parts, "scale": scale, "centred": torch.tensor(dictionary.centred)}


def dictionary_of(tensors: Mapping[str, Tensor]) -> Dictionary:
    """The dictionary again; further tensors are left alone."""
    parts = {name: tensors[name] for name in PARTS}
    return Dictionary(**parts, scale=float(tensors["scale"]), centred=bool(tensors["centred"]))


def save(dictionary: Dictionary, path: Path) -> Path:
    """Write a dictionary to a safetensors file, whole or not at all.

    Returns
    -------
    The path.
    """
    return write_atomically(path, save_safetensors(tensors_of(dictionary)))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises
    ------
    UserError
        Where there is no such file, and where it is something else.
    """
    try:
        return load_safetensors(read_bytes(path))
    except UserError:
        raise
    except Exception as error:  # its own class of error is not public
        raise UserError(f"{path} is damaged or no safetensors file ({error}): copy it again.") from error


def load(path: Path) -> Dictionary:
    """Read what :func:`save` wrote.

    Raises
    ------
    UserError
        Where the file cannot be read, and where a part is missing.
    """
    tensors = read_tensors(path)
    if missing := [name for name in NAMES if name not in tensors]:
        raise UserError(
            f"{path} has no {listing(missing)}: it was not written here; read it as a published dictionary."
        )
    return dictionary_of(tensors)

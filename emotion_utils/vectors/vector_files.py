"""Arrays of vectors in files of several formats, read without unpickling anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import safe_open

from emotion_utils.core.errors import UserError
from emotion_utils.core.gguf_header import read_header

CONTROL_VECTOR = "controlvector"
"""What llama.cpp calls the architecture of such a file."""
FIELDS = {"emotion": str, "method": str, "model": str, "kind": str, "n": int}
ABOUT = "emotion_circuits"
"""Under which a file of this package says what its vectors are."""


class Found(NamedTuple):
    """The arrays of a file, what it says of each vector, and the name of the one vector of a file that gives it."""

    arrays: Mapping[str, np.ndarray]
    about: Mapping[str, Mapping[str, Any]]
    name: str = ""


def _from_gguf(path: Path) -> Found:
    from gguf import GGUFReader
    from gguf.quants import dequantize

    header = read_header(path)
    if header.architecture != CONTROL_VECTOR:
        raise UserError(
            f'{path} is of the architecture "{header.architecture}", and a control vector is "{CONTROL_VECTOR}".'
        )
    reader = GGUFReader(path)
    field = reader.get_field(ABOUT)
    own = _told(path, json.loads(field.contents())) if field else {}
    arrays = {tensor.name: dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
    name = str(own.get("emotion", ""))
    return Found(arrays, {name: own}, name)


def _from_safetensors(path: Path) -> Found:
    with safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        about = json.loads((file.metadata() or {}).get(ABOUT, "{}"))
    arrays = {
        key: (tensor.float() if tensor.is_floating_point() else tensor).numpy()
        for key, tensor in tensors.items()
    }
    return Found(arrays, {str(name): _told(path, own) for name, own in about.items()})


def _from_npz(path: Path) -> Found:
    with np.load(path, allow_pickle=False) as file:
        return Found({key: np.asarray(file[key]) for key in file.files}, {})


def _told(path: Path, own: Any) -> dict[str, Any]:
    """What a file of this package says of a vector."""
    if isinstance(own, dict) and {name: type(value) for name, value in own.items()} == FIELDS:
        return own
    raise UserError(
        f"{path} is damaged: what it says of its vectors is not what is written there. Copy it again."
    )


READERS: Mapping[str, Callable[[Path], Found]] = {
    ".gguf": _from_gguf,
    ".safetensors": _from_safetensors,
    ".npz": _from_npz,
}


def arrays_in(path: Path) -> Found:
    """Read all arrays of a file; its name ends in a key of :data:`READERS`.

    Raises
    ------
    UserError
        For a file that is torn, of another kind than its name says, or holds objects.
    """
    try:
        return READERS[path.suffix.lower()](path)
    except UserError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path} is torn, or of another format than its name says ({type(error).__name__}: {reason}): copy or "
            "save it again."
        ) from error

"""Vectors in the formats of others: llama.cpp's control vectors (GGUF), safetensors, and npz files of plain arrays.

Nothing is unpickled: files that could run code when they are opened are refused. What is read says of each array which
layer it is of, and may say what it stands for; the names that other projects use are understood:

=============================  ===================================================================
name of an array               where such names come from
=============================  ===================================================================
``direction.<l>``              control vectors, as llama.cpp adds them and repeng makes them
``<l>``, ``layer_<l>``         a dictionary by layer, such as steering-vectors keeps
``layer_<l>__<name>``          several vectors in one file
``<name>.<l>``                 the same, as this package writes them
=============================  ===================================================================
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save

from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.files import write_atomically
from emotion_utils.models.loading import load_config
from emotion_utils.vectors.vector import EmotionVector
from emotion_utils.vectors.vector_files import ABOUT, CONTROL_VECTOR, FIELDS, READERS, Found, arrays_in

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

PICKLES = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt")
HINTS = {"gpt_neox": "gptneox", "gemma3_text": "gemma3"}
"""What llama.cpp calls families that transformers calls otherwise."""
PATTERNS = (
    re.compile(r"(?:direction\.|layer_)?(?P<layer>\d{1,4})"),
    re.compile(r"layer_(?P<layer>\d{1,4})__(?P<name>.+)"),
    re.compile(r"(?P<name>.+)\.(?P<layer>\d{1,4})"),
)
"""Of names of arrays."""


def read_vectors(
    path: str | Path, model: Model, *, name: str = "", hidden_states: bool = False
) -> dict[str, EmotionVector]:
    """Read vectors that this package, llama.cpp, repeng, steering-vectors or anybody else has saved.

    Parameters
    ----------
    path
        A ``.gguf`` file of the architecture ``controlvector``, a ``.safetensors`` file, or an ``.npz`` file of arrays
        without objects.
    model
        Whose residual stream they are directions in.
    name
        What a vector stands for whose file does not say; by default the name of the file.
    hidden_states
        Whether layers are counted as in the ``hidden_states`` of transformers, where 0 is the embedding and 1 comes
        after the first block. Otherwise layer 0 is the output of the first block, where llama.cpp adds what it counts
        as 0. (Its own generator measures ``direction.1`` after the first block, and adds it after the second.)

    Returns
    -------
    By name, one vector with a direction, shape (d_model,), at each layer of the file, float32.

    Raises
    ------
    UserError
        For a file that is torn, of another kind, of another model, or could run code; for a name without a layer, and
        an array that is no finite vector of the model's width.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import emotion_utils as eu
    >>> model, folder = eu.load("small-llama3"), pathlib.Path(tempfile.mkdtemp())
    >>> path = eu.write_vectors(folder / "thanks.gguf", eu.emotion_vector(model, "gratitude"), layers=[1, 2])
    >>> thanks = eu.read_vectors(path, model)["gratitude"]
    >>> thanks.layers, thanks.method
    ((1, 2), 'sentence end')
    """
    path = Path(path)
    found = read_arrays(path)
    placed: dict[str, dict[int, np.ndarray]] = {}
    for key, values in found.arrays.items():
        label, layer = place(key, path, found.name or name or path.stem)
        layer -= int(hidden_states)
        own = placed.setdefault(label, {})
        if layer in own:
            raise UserError(f"{path} has two directions of {label} at layer {layer}: keep one.")
        own[layer] = _direction(key, values, path, model, layer)
    if not placed:
        raise UserError(f"{path} holds no vector.")
    return {
        label: _vector(label, own, path, model, found.about.get(label, {})) for label, own in placed.items()
    }


def read_arrays(path: Path) -> Found:
    """All arrays of a file of one of the kinds that are read here.

    Raises
    ------
    UserError
        For a file that is not there, could run code, is of another kind, is torn, or holds objects.
    """
    if path.suffix.lower() in PICKLES:
        raise UserError(
            f"{path} can run code when it is opened, and is not: save its vectors as safetensors, for example with "
            "safetensors.torch.save_file({str(layer): vector for layer, vector in ...}, path)."
        )
    if path.suffix.lower() not in READERS:
        raise UserError(f'{path} ends in "{path.suffix}": vectors are read from {listing(READERS)} files.')
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    return arrays_in(path)


def write_vectors(
    path: str | Path,
    vectors: EmotionVector | Sequence[EmotionVector],
    *,
    layers: Iterable[int] | None = None,
    hint: str = "",
) -> Path:
    """Save vectors where others can read them: a llama.cpp control vector (``.gguf``), or ``.safetensors``.

    Parameters
    ----------
    path
        A control vector holds one vector; llama.cpp adds it to the output of each block that it has a direction for,
        so that one that steers at one layer is saved with that layer alone.
    vectors
        One or, as safetensors, several, each under another name.
    layers
        Some of theirs; by default all.
    hint
        What llama.cpp calls the architecture of the model, as the control vector is to say; by default that of the
        model that the vector names.

    Returns
    -------
    The path; a file that was there is replaced, in one step.

    Raises
    ------
    UserError
        For another ending, a folder that is not there, a control vector with layer 0 or of another hook than
        ``resid_post``, no layer, and vectors whose names are equal or could not be read back.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import emotion_utils as eu
    >>> thanks = eu.emotion_vector(eu.load("small-llama3"), "gratitude")
    >>> eu.write_vectors(pathlib.Path(tempfile.mkdtemp()) / "thanks.gguf", thanks, layers=[2]).name
    'thanks.gguf'
    """
    path, several = Path(path), [vectors] if isinstance(vectors, EmotionVector) else list(vectors)
    if path.suffix.lower() not in (".gguf", ".safetensors"):
        raise UserError(f'{path} ends in "{path.suffix}": vectors are saved as .gguf or .safetensors.')
    if not path.parent.is_dir():
        raise UserError(f"There is no folder {path.parent} to save {path.name} in: make it first.")
    names = [vector.emotion for vector in several]
    if not names or len({*names}) < len(names):
        raise UserError(f"Vectors to save together have different names, at least one, not {names}.")
    chosen = None if layers is None else list(layers)
    directions = {vector.emotion: _rows(vector, chosen) for vector in several}
    if path.suffix.lower() == ".safetensors":
        about = {vector.emotion: _about(vector) for vector in several}
        tensors = {f"{name}.{layer}": row for name, own in directions.items() for layer, row in own.items()}
        if odd := [
            name for name in names if (match := _match(f"{name}.1")) is None or match.get("name") != name
        ]:
            raise UserError(f'A vector called "{odd[0]}" could not be read back: call it otherwise.')
        return write_atomically(path, save(tensors, {ABOUT: json.dumps(about)}))
    if len(several) > 1:
        raise UserError(f"A control vector is one vector, and {len(several)} are to be saved in {path}.")
    return _write_control_vector(path, several[0], directions[names[0]], hint)


def _rows(vector: EmotionVector, layers: Sequence[int] | None) -> dict[int, torch.Tensor]:
    """The directions to save, by layer."""
    chosen = vector.layers if layers is None else layers
    if not chosen:
        raise UserError(f"No layer of {vector.emotion} is to be saved: name at least one of {vector.layers}.")
    return {layer: vector.at(layer).detach().float().cpu().clone() for layer in chosen}


def _about(vector: EmotionVector) -> dict[str, Any]:
    return {name: getattr(vector, name) for name in FIELDS}


def _write_control_vector(
    path: Path, vector: EmotionVector, directions: Mapping[int, torch.Tensor], hint: str
) -> Path:
    from gguf import GGUFWriter

    if 0 in directions:
        raise UserError(
            "llama.cpp adds nothing after its first block, layer 0: save the other layers, with "
            "layers=range(1, ...), or the one that steers."
        )
    if vector.kind != "resid_post":
        raise UserError(f"llama.cpp adds to the output of a block, resid_post, and this is of {vector.kind}.")
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / path.name
        writer = GGUFWriter(made, CONTROL_VECTOR)
        writer.add_string(f"{CONTROL_VECTOR}.model_hint", hint or _hint(vector.model))
        writer.add_uint32(f"{CONTROL_VECTOR}.layer_count", len(directions))
        writer.add_string(ABOUT, json.dumps(_about(vector)))
        for layer, row in directions.items():
            writer.add_tensor(f"direction.{layer}", row.numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return write_atomically(path, made.read_bytes())


def _hint(name: str) -> str:
    try:
        family = str(load_config(name).get_text_config().model_type)
    except UserError as error:
        raise UserError(
            f'{error} A control vector says which architecture it is for: name it by hint=, such as "llama".'
        ) from error
    return HINTS.get(family, family)


def _match(key: str) -> dict[str, str] | None:
    """What the name of an array says: its ``layer``, and perhaps a ``name``."""
    found = (pattern.fullmatch(key) for pattern in PATTERNS)
    return next((match.groupdict() for match in found if match), None)


def place(key: str, path: Path, name: str) -> tuple[str, int]:
    """Name and layer of an array, as its own name says; ``name`` where that says only a layer.

    Raises
    ------
    UserError
        For a name without a layer.
    """
    said = _match(key)
    if said is None:
        raise UserError(
            f'{path} has an array "{key[:80]}", whose name says no layer: name it such as "layer_3", "direction.3" or, '
            'of several vectors, "layer_3__joy".'
        )
    return said.get("name", name), int(said["layer"])


def _direction(key: str, values: np.ndarray, path: Path, model: Model, layer: int) -> np.ndarray:
    """The array as a vector, checked against the model."""
    if not 0 <= layer < model.n_layers:
        raise UserError(
            f'{path} has "{key}" for layer {layer}, and {model.label} has the layers 0 to {model.n_layers - 1}: see '
            "hidden_states, or choose the model that the vectors are of."
        )
    row = np.squeeze(values)
    if row.shape != (model.d_model,):
        raise UserError(
            f'{path}: "{key}" has the shape {values.shape}, and the residual stream of {model.label} has '
            f"{model.d_model} numbers: choose the model that the vectors are of."
        )
    if row.dtype.kind == "f":
        with np.errstate(over="ignore"):
            row = row.astype(np.float32)
        if np.isfinite(row).all():
            return row
    raise UserError(f'{path}: "{key}" is no vector of finite floating-point numbers.')


def _vector(
    label: str, rows: Mapping[int, np.ndarray], path: Path, model: Model, about: Mapping[str, Any]
) -> EmotionVector:
    layers = sorted(rows)
    values = torch.from_numpy(np.stack([rows[layer] for layer in layers]))
    told = {"method": f"read from {path.name}", "model": model.name} | dict(about) | {"emotion": label}
    vector = EmotionVector(layers=tuple(layers), values=values, **told)
    vector.check_model(model.name)
    return vector

"""Sets of emotion vectors of models that one cannot load: read from a file or an address, without the model.

A set is a file of arrays, npz or safetensors, one array of d_model numbers for each layer and emotion, under a name
that says both: ``layer_<l>__<emotion>``, ``<emotion>.<l>``, or another of `vectors.exchange`. Every emotion has a
vector at every layer, and all have one width. Which layer a number means is up to the file: published ones seldom say
whether they count blocks or hidden states, so that a depth is known to one block.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.core.files import read_bytes
from emotion_utils.core.paths import expanded
from emotion_utils.scaling.download import download, is_address
from emotion_utils.vectors.exchange import place, read_arrays

VARIABLE = "EMOTION_CIRCUITS_STORIES"
"""Names the folder with the stories, and the vectors that were made from them."""
DIGITS = 16
"""Of a hash that a sentence shows."""


@dataclass(frozen=True, eq=False)
class VectorSet:
    """Vectors of several emotions at several layers of one model.

    Attributes
    ----------
    name
        Of the model, for readers.
    emotions
        In the order of the second axis.
    layers
        As the file counts them, ascending.
    values
        One vector for each layer and emotion, float64; of a model that read stories, the mean over them.
    source, sha256
        Where the set comes from, without a folder, and the hash of the file; empty where there is none.
    parameters, blocks
        Of the model, where known: its number of parameters and of transformer blocks.
    """

    name: str
    emotions: tuple[str, ...]
    layers: tuple[int, ...]
    values: Float[np.ndarray, "layer emotion d_model"] = field(repr=False)
    source: str = ""
    sha256: str = ""
    parameters: float | None = None
    blocks: int | None = None

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return int(self.values.shape[2])

    @property
    def depths(self) -> Float[np.ndarray, " layer"]:
        """(layer + 1) / blocks, known to one block where the file does not say how it counts; NaN without blocks."""
        return (np.array(self.layers, dtype=np.float64) + 1) / (self.blocks or np.nan)

    def at(self, emotions: Sequence[str]) -> Float[np.ndarray, "layer chosen d_model"]:
        """The vectors of some emotions, in that order.

        Raises
        ------
        UserError
            For an emotion that the set lacks.
        """
        for emotion in emotions:
            if emotion not in self.emotions:
                raise UserError(f'{self.name} has no "{emotion}": {suggestion(emotion, self.emotions)}')
        return self.values[:, [self.emotions.index(emotion) for emotion in emotions]]

    def centred(self) -> Float[np.ndarray, "layer emotion d_model"]:
        """The vectors minus their mean over emotions, layer by layer."""
        centred: np.ndarray = self.values - self.values.mean(axis=1, keepdims=True)
        return centred

    def without_last(self) -> VectorSet:
        """Without the last layer: what transformers calls the last hidden state is after the final norm.

        Those who read hidden states leave it out, or read something else there.
        """
        return replace(self, layers=self.layers[:-1], values=self.values[:-1])


@dataclass(frozen=True)
class Published:
    """A file that somebody has published.

    Attributes
    ----------
    title
        Of the model, for readers.
    file
        Below the folder that :func:`find` is given.
    url
        Where it is to be had, at one commit.
    sha256
        Of the file.
    parameters, blocks
        Of the model.
    """

    title: str
    file: str
    url: str
    sha256: str
    parameters: float
    blocks: int


_BENCH = (
    "https://raw.githubusercontent.com/mufxio/emotion-vector-bench/6dde90cab2f07ba46d50808bf75de6a0f9d7d925"
)
PUBLISHED: Mapping[str, Published] = {
    "llama-3.1-8b-instruct": Published(
        "Llama 3.1 8B",
        "llama-3.1-8b-instruct/raw_vectors.npz",
        f"{_BENCH}/results/llama-3.1-8b-instruct/raw_vectors.npz",
        "914414b83d48899541eeb7592cac2eeb810c3ff429cd26724921b773b96a4d62",
        8.03e9,
        32,
    ),
    "qwen3-8b": Published(
        "Qwen3 8B",
        "qwen3-8b/raw_vectors.npz",
        f"{_BENCH}/results/qwen3-8b/raw_vectors.npz",
        "63f243c2ec167097893389e0c6f8235f6cdc38d5baa3a90590f7ae9e71a22b5b",
        8.19e9,
        36,
    ),
}
"""Mean residual streams of 20 emotions at four layers, made from 150 short stories each; MIT licence."""


def load_vectors(path_or_url: str | Path, *, sha256: str | None = None, name: str | None = None) -> VectorSet:
    """Read a set of emotion vectors without its model, from a file or from an address.

    Parameters
    ----------
    path_or_url
        An ``.npz`` or ``.safetensors`` file with one array for each layer and emotion, named such as
        ``layer_3__joy`` or ``joy.3``; or its address, http or https, which is kept in the user's cache by its hash.
    sha256
        What the file must hash to, in hexadecimal. An address without it is asked for again every time, since what
        stands there may change.
    name
        What the set is called; by default the name of the file.

    Returns
    -------
    A set with ``emotions``, ``layers`` and ``values`` of shape (layer, emotion, d_model), float64, in the file's unit.

    Raises
    ------
    UserError
        For a file that is torn, holds objects or could run code; another hash; an address that gives no such file; an
        array without a layer in its name, with another width than the others, or with a NaN; an emotion that one layer
        lacks.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import emotion_utils as eu
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "mine.npz"
    >>> np.savez(path, layer_3__joy=np.ones(8), layer_3__fear=np.zeros(8))
    >>> mine = eu.load_vectors(path)
    >>> mine.emotions, mine.layers, mine.values.shape
    (('fear', 'joy'), (3,), (1, 2, 8))
    """
    address = str(path_or_url)
    if is_address(address):
        path, source = download(address, sha256), address
    else:
        path = expanded(path_or_url)
        source = path.name
    found = read_arrays(path)
    data = read_bytes(path)
    own = hashlib.sha256(data).hexdigest()
    if sha256 is not None and own != sha256.lower():
        raise UserError(
            f"{path.name} has the SHA-256 {own[:DIGITS]}..., and {sha256[:DIGITS]}... was expected: it was changed or "
            "damaged; copy or download it again."
        )
    label = name or Path(source).stem
    return replace(_set(found.arrays, path, found.name or label), name=label, source=source, sha256=own)


def stories_folder(stories: str | Path | None = None) -> Path | None:
    """The folder with stories and published vectors: as named, else as :data:`VARIABLE` names it, else None.

    Raises
    ------
    UserError
        Where a folder is named that is not there.
    """
    named = str(stories or os.environ.get(VARIABLE, ""))
    if not named:
        return None
    folder = expanded(named)
    if folder.is_dir():
        return folder
    raise UserError(
        f"There is no folder {folder}: name the one that holds stories/<emotion>.jsonl, by the parameter stories or "
        f"the variable {VARIABLE}."
    )


def find(name: str, stories: str | Path | None = None) -> Path | None:
    """The file of a published set in the user's folder, or None where no folder is named or it is not there.

    Parameters
    ----------
    name
        Of :data:`PUBLISHED`.
    stories
        See :func:`stories_folder`.

    Raises
    ------
    UserError
        For an unknown name, and what :func:`stories_folder` refuses.
    """
    known = _published(name)
    folder = stories_folder(stories)
    path = None if folder is None else folder / known.file
    return path if path is not None and path.is_file() else None


def published_set(name: str, stories: str | Path | None = None) -> VectorSet | None:
    """A published set from the user's folder, its hash verified; None where it is not there."""
    known, path = _published(name), find(name, stories)
    if path is None:
        return None
    found = load_vectors(path, sha256=known.sha256, name=known.title)
    return replace(found, source=known.url, parameters=known.parameters, blocks=known.blocks)


def _published(name: str) -> Published:
    if name not in PUBLISHED:
        raise UserError(f'There is no published set "{name}": {suggestion(name, PUBLISHED)}')
    return PUBLISHED[name]


def _set(arrays: Mapping[str, np.ndarray], path: Path, name: str) -> VectorSet:
    rows: dict[tuple[int, str], np.ndarray] = {}
    for key, values in arrays.items():
        emotion, layer = place(key, path, name)
        if (layer, emotion) in rows:
            raise UserError(f"{path} has two vectors of {emotion} at layer {layer}: keep one.")
        rows[layer, emotion] = _vector(key, values, path)
    if not rows:
        raise UserError(f"{path} holds no vector.")
    layers, emotions = sorted({layer for layer, _ in rows}), sorted({emotion for _, emotion in rows})
    _check_complete(rows, layers, emotions, path)
    _check_widths(arrays, path)
    stacked = np.stack([np.stack([rows[layer, emotion] for emotion in emotions]) for layer in layers])
    return VectorSet("", tuple(emotions), tuple(layers), stacked)


def _vector(key: str, values: np.ndarray, path: Path) -> Float[np.ndarray, " d_model"]:
    row = np.squeeze(values)
    if row.ndim != 1 or row.dtype.kind != "f":
        raise UserError(
            f'{path}: "{key}" has the shape {values.shape} and the type {values.dtype}, and a vector is one row of '
            "floating-point numbers: save one array for each layer and emotion."
        )
    if not np.isfinite(row).all():
        raise UserError(
            f'{path}: "{key}" has a NaN or an infinity at place {int(np.flatnonzero(~np.isfinite(row))[0])}: a vector '
            "is made of finite numbers; make it again in float32."
        )
    return row.astype(np.float64)


def _check_complete(
    rows: Mapping[tuple[int, str], np.ndarray], layers: Sequence[int], emotions: Sequence[str], path: Path
) -> None:
    for layer in layers:
        for emotion in emotions:
            if (layer, emotion) not in rows:
                raise UserError(
                    f"{path} has no vector of {emotion} at layer {layer}, and has one at another layer: add it, or "
                    "leave the emotion or the layer out."
                )


def _check_widths(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    first = next(iter(arrays))
    for key, values in arrays.items():
        if values.size != arrays[first].size:
            raise UserError(
                f'{path}: "{key}" has {values.size} numbers and "{first}" has {arrays[first].size}: a set has one '
                "width; keep each model in a file of its own."
            )

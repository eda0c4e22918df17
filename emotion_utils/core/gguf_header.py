"""What a GGUF file says of itself: the header, read without loading a weight, and whether the file is whole."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from emotion_utils.core.errors import UserError

MAGIC = b"GGUF"
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9
_ALIGNMENT = 32
ROPE_FACTORS = "rope_freqs.weight"
"""The tensor of Llama 3.1 and later that stretches rotary positions."""
UNQUANTISED = ("F32", "F16", "BF16")
LARGEST_GEMMA = {"gemma2": 46, "gemma3": 62}
"""Blocks of the models that divide attention by another number than all others of their family."""


@dataclass(frozen=True)
class Header:
    """What a GGUF file says of itself.

    Attributes
    ----------
    architecture
        As llama.cpp calls the family.
    quantisation
        Such as ``Q4_K_M``.
    parameters
        How many numbers its tensors hold.
    licence
        As the file names it; empty where it does not.
    has_tokenizer
        Whether it holds a vocabulary.
    unread
        What of its computation transformers does not take from a GGUF file, so that its numbers would be wrong; empty
        where there is nothing.
    """

    architecture: str
    quantisation: str
    parameters: int
    licence: str
    has_tokenizer: bool
    unread: str


def read_header(path: Path) -> Header:
    """Read what a GGUF file says of itself, and check that it is whole.

    Raises
    ------
    UserError
        For a file that is no GGUF file, or is shorter than its header says.
    """
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise UserError(f"{path} is no GGUF file: its first bytes are not GGUF. Copy it again.")
        try:
            return _read(file, path)
        except (struct.error, UnicodeDecodeError, OverflowError, MemoryError) as error:
            raise UserError(f"{path} is torn, its header does not end: copy the file again.") from error


def _read(file: BinaryIO, path: Path) -> Header:
    (version,) = _take(file, "I")
    if version not in (2, 3):
        raise UserError(
            f"{path} has version {version} of the GGUF format, and versions 2 and 3 are known here: convert it again."
        )
    n_tensors, n_fields = _take(file, "QQ")
    fields = {}
    for _ in range(n_fields):
        name = _text(file)
        fields[name] = _value(file, *_take(file, "I"))
    names, parameters, end = _tensors(file, n_tensors)
    step = int(fields.get("general.alignment", _ALIGNMENT))
    needed, size = math.ceil(file.tell() / step) * step + end, path.stat().st_size
    if size < needed:
        raise UserError(
            f"{path} is torn: it has {size:,} bytes, and its header asks for {needed:,}. Copy the file again."
        )
    architecture = str(fields.get("general.architecture", "unknown"))
    return Header(
        architecture=architecture,
        quantisation=_quantisation(fields.get("general.file_type")),
        parameters=parameters,
        licence=str(fields.get("general.license", "")),
        has_tokenizer=bool(fields.get("tokenizer.ggml.tokens")),
        unread=_unread(architecture, fields, names),
    )


def _unread(architecture: str, fields: Mapping[str, Any], tensors: Sequence[str]) -> str:
    """Positions beyond those of training, and the attention of the largest Gemmas, which the file leaves unsaid."""
    scaled = fields.get(f"{architecture}.rope.scaling.type", "none") != "none"
    if scaled or ROPE_FACTORS in tensors:
        return "scaled rotary positions"
    if fields.get(f"{architecture}.block_count") == LARGEST_GEMMA.get(architecture):
        return "the attention scale of a Gemma of 27 B"
    return ""


def _tensors(file: BinaryIO, n: int) -> tuple[list[str], int, int]:
    """Names, how many numbers all hold, and where the last of their bytes is, counted from the first."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    sizes = {int(kind): GGML_QUANT_SIZES[kind] for kind in GGMLQuantizationType if kind in GGML_QUANT_SIZES}
    names, total, end = [], 0, 0
    for _ in range(n):
        names.append(_text(file))
        (n_dims,) = _take(file, "I")
        shape = _take(file, "Q" * n_dims)
        kind, offset = _take(file, "IQ")
        block, width = sizes.get(kind, (1, 0))
        total += math.prod(shape)
        end = max(end, offset + math.prod(shape) // block * width)
    return names, total, end


def _quantisation(file_type: Any) -> str:
    from gguf import LlamaFileType

    known = {int(kind): kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in LlamaFileType}
    return known.get(file_type, "unknown")


def _take(file: BinaryIO, form: str) -> tuple[Any, ...]:
    form = f"<{form}"
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _text(file: BinaryIO) -> str:
    (length,) = _take(file, "Q")
    found = file.read(length)
    if len(found) < length:
        raise struct.error("the text goes beyond the end of the file")
    return found.decode("utf-8")


def _value(file: BinaryIO, kind: int) -> Any:
    """A value of the header; of a list only its length, since vocabularies are long."""
    if kind == _TEXT:
        return _text(file)
    if kind != _LIST:
        return _take(file, _SCALARS.get(kind, "Q"))[0]
    inner, length = _take(file, "IQ")
    if inner in _SCALARS:
        file.seek(struct.calcsize(f"<{_SCALARS[inner]}") * length, 1)
    else:
        for _ in range(length):
            _value(file, inner)
    return length

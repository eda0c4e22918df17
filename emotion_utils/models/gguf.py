"""GGUF files: what their header says, and their conversion, once, into a model directory like any other.

The weights are dequantised to float32 as transformers does it and kept in the cache under the hash of the file. What
was kept has a manifest with hash and size of every file.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import struct
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock

from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.files import place_folder, write_atomically
from emotion_utils.core.paths import cache_folder
from emotion_utils.core.versions import versions
from emotion_utils.models.files import load_weights

MAGIC = b"GGUF"
FORMAT = 1
"""Of the folders that conversion makes; another one is made afresh."""
MANIFEST = "manifest.json"
ARCHITECTURES = ("gemma2", "gemma3", "gpt2", "llama", "qwen3")
"""What transformers reads of the families whose parts are known here."""
UNQUANTISED = ("F32", "F16", "BF16")
CONVERTED_BY = ("gguf", "transformers", "tokenizers", "torch")

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9
_ALIGNMENT = 32


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
    """

    architecture: str
    quantisation: str
    parameters: int
    licence: str
    has_tokenizer: bool


def is_gguf(path: Path) -> bool:
    """Whether a path is to be read as a GGUF file, by its name."""
    return path.suffix.lower() == ".gguf" and path.is_file()


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


def check_gguf(path: Path) -> Header:
    """The header of a GGUF file that can be loaded.

    Raises
    ------
    UserError
        What :func:`read_header` refuses, an architecture that is not known here, and a file without a tokenizer.
    """
    header = read_header(path)
    if header.architecture not in ARCHITECTURES:
        raise UserError(
            f'{path} holds a model of the architecture "{header.architecture}", whose parts are not known here: '
            f"known in GGUF files are {listing(ARCHITECTURES)}."
        )
    if not header.has_tokenizer:
        raise UserError(
            f"{path} holds no tokenizer: take a GGUF file of a whole model, or convert it to a model directory "
            "with its tokenizer."
        )
    return header


def converted(path: Path) -> Path:
    """The model directory that a GGUF file was converted to, which happens at the first call for its content.

    Raises
    ------
    UserError
        What :func:`check_gguf` refuses, and a file that transformers cannot read.
    """
    sha256 = file_hash(path)
    folder = folder_of(sha256)
    if whole(folder):
        return folder
    header = check_gguf(path)
    with locked(folder.name):
        return folder if whole(folder) else _convert(path, sha256, header)


def folder_of(sha256: str) -> Path:
    """Where the model of a GGUF file with this hash is kept, whether it is there or not."""
    return cache_folder() / "models" / f"{sha256[:16]}-{FORMAT}"


def manifest(folder: Path) -> dict[str, Any]:
    """What was kept in a folder, and from what; empty where there is no manifest."""
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def whole(folder: Path, *, thorough: bool = False) -> bool:
    """Whether all files of a manifest are there at their size; when ``thorough``, with their hash too."""
    files = manifest(folder).get("files", {})
    return bool(files) and all(_is(folder / name, told, thorough) for name, told in files.items())


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal; computed once while the file stays what it is."""
    state = path.stat()
    return _file_hash(path.resolve(), state.st_mtime_ns, state.st_size)


@cache
def _file_hash(path: Path, modified: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is(path: Path, told: Mapping[str, Any], thorough: bool) -> bool:
    if not path.is_file() or path.stat().st_size != told["bytes"]:
        return False
    return not thorough or file_hash(path) == told["sha256"]


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a lock of the cache; the system frees it when its holder dies."""
    folder = cache_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{name}.lock"):
        yield


def _convert(path: Path, sha256: str, header: Header) -> Path:
    """Convert under the lock; what a process that was killed left half-written is swept away."""
    target = folder_of(sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    for rest in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(rest, ignore_errors=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        _save_plain(path, part)
        files = {
            file.name: {"sha256": file_hash(file), "bytes": file.stat().st_size}
            for file in sorted(part.iterdir())
        }
        told = {
            "format": FORMAT,
            "gguf": {"sha256": sha256, "bytes": path.stat().st_size},
            "quantisation": header.quantisation,
            "parameters": header.parameters,
            "licence": header.licence,
            "packages": versions(CONVERTED_BY),
            "files": files,
        }
        write_atomically(part / MANIFEST, json.dumps(told, indent=2) + "\n")
        return place_folder(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _save_plain(path: Path, folder: Path) -> None:
    """Write config, float32 weights and tokenizer as safetensors and JSON."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        # alone in a folder: no config, adapter or tokenizer that lies beside the file has a say
        with _quiet(), tempfile.TemporaryDirectory() as alone:
            (Path(alone) / path.name).symlink_to(path.resolve())
            network = load_weights(AutoModelForCausalLM, alone, dtype=torch.float32, gguf_file=path.name)
            tokenizer = AutoTokenizer.from_pretrained(alone, gguf_file=path.name, trust_remote_code=False)
            # the weights are plain numbers now, which what remembers how they were read would not let be saved
            network.hf_quantizer = None
            del network.config.quantization_config
            network.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
    except UserError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"{path} could not be converted ({type(error).__name__}: {reason}): copy the file again, or load the "
            "model from its directory."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars and remarks of transformers, which would stand on the page of a chapter."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with redirect_stderr(StringIO()):
            yield
    finally:
        logging.set_verbosity(level)


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
    parameters, end = _tensors(file, n_tensors)
    step = int(fields.get("general.alignment", _ALIGNMENT))
    needed, size = math.ceil(file.tell() / step) * step + end, path.stat().st_size
    if size < needed:
        raise UserError(
            f"{path} is torn: it has {size:,} bytes, and its header asks for {needed:,}. Copy the file again."
        )
    return Header(
        architecture=str(fields.get("general.architecture", "unknown")),
        quantisation=_quantisation(fields.get("general.file_type")),
        parameters=parameters,
        licence=str(fields.get("general.license", "")),
        has_tokenizer=bool(fields.get("tokenizer.ggml.tokens")),
    )


def _tensors(file: BinaryIO, n: int) -> tuple[int, int]:
    """How many numbers all tensors hold, and where the last of their bytes is, counted from the first."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    sizes = {int(kind): GGML_QUANT_SIZES[kind] for kind in GGMLQuantizationType if kind in GGML_QUANT_SIZES}
    total, end = 0, 0
    for _ in range(n):
        _text(file)
        (n_dims,) = _take(file, "I")
        shape = _take(file, "Q" * n_dims)
        kind, offset = _take(file, "IQ")
        block, width = sizes.get(kind, (1, 0))
        total += math.prod(shape)
        end = max(end, offset + math.prod(shape) // block * width)
    return total, end


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

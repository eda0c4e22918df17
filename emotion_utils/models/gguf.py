"""GGUF files: which can be loaded, and their conversion, once, into a model directory like any other.

The weights are dequantised to float32 as transformers does it and kept in the cache under the hash of the file. What
was kept has a manifest with hash and size of every file.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

from filelock import FileLock

from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.files import place_folder, write_atomically
from emotion_utils.core.gguf_header import Header, read_header
from emotion_utils.core.paths import cache_folder
from emotion_utils.core.versions import versions
from emotion_utils.models.files import load_weights

FORMAT = 1
"""Of the folders that conversion makes; another one is made afresh."""
MANIFEST = "manifest.json"
ARCHITECTURES = ("gemma2", "gemma3", "gpt2", "llama", "qwen3")
"""What transformers reads of the families whose parts are known here."""
CONVERTED_BY = ("gguf", "transformers", "tokenizers", "torch")


def is_gguf(path: Path) -> bool:
    """Whether a path is to be read as a GGUF file, by its name."""
    return path.suffix.lower() == ".gguf" and path.is_file()


def check_gguf(path: Path) -> Header:
    """The header of a GGUF file that can be loaded.

    Raises
    ------
    UserError
        What :func:`read_header` refuses, an architecture that is not known here, a model that transformers would
        compute otherwise, and a file without a tokenizer.
    """
    header = read_header(path)
    if header.architecture not in ARCHITECTURES:
        raise UserError(
            f'{path} holds a model of the architecture "{header.architecture}", whose parts are not known here: '
            f"known in GGUF files are {listing(ARCHITECTURES)}."
        )
    if header.unread:
        raise UserError(
            f"{path} asks for {header.unread}, which is not read from GGUF files: its numbers would be wrong. Load "
            "the model from its hub id, or from its directory."
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

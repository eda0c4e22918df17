"""What a model directory must look like before transformers is allowed to open it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from emotion_utils.errors import UserError

__all__ = ["check_model_directory", "read_config"]

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
LARGEST_HEADER = 100_000_000  # bytes, the limit of the safetensors format


def check_model_directory(folder: Path) -> dict[str, Any]:
    """Check that a directory holds a config and whole safetensors files, and return the config.

    Raises
    ------
    UserError
        Naming the file that is missing, torn or of the wrong kind. Nothing is unpickled or executed.
    """
    if not folder.is_dir():
        raise UserError(
            f"{folder} is a file, not a model directory: name the directory that holds its config.json."
        )
    config = read_config(folder)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise UserError(_no_weights(folder))
    for path in (*weights, *_listed_shards(folder)):
        _check_safetensors(path)
    return config


def read_config(folder: Path) -> dict[str, Any]:
    """Read `config.json` of a model directory."""
    path = folder / "config.json"
    if not path.is_file():
        present = ", ".join(sorted(entry.name for entry in folder.iterdir())[:6]) or "nothing"
        raise UserError(f"{folder} is not a model directory: it has no config.json (found {present}).")
    config = _read_json(path)
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise UserError(
            f'{path} names no "model_type": save the model again with model.save_pretrained(...).'
        )
    return config


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is damaged (byte {error.start + 1} is not UTF-8): copy the model again."
        ) from error
    except ValueError as error:
        where = f"line {getattr(error, 'lineno', 1)}, column {getattr(error, 'colno', 1)}"
        raise UserError(
            f"{path} is damaged, it is not JSON at {where} ({getattr(error, 'msg', error)}): copy the model again."
        ) from error


def _no_weights(folder: Path) -> str:
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles:
        return (
            f"{folder} has its weights only in {pickles[0]}, which can execute code when it is opened: save them as "
            "safetensors, for example with model.save_pretrained(...) where you trust the file."
        )
    return f"{folder} has a config but no weights (model.safetensors): copy the model again."


def _listed_shards(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return []
    names = set(_read_json(index).get("weight_map", {}).values())
    missing = sorted(name for name in names if not (folder / name).is_file())
    if missing:
        raise UserError(f"{folder} lacks {missing[0]}, which {index.name} lists: copy the model again.")
    return [folder / name for name in sorted(names)]


def _check_safetensors(path: Path) -> None:
    """Compare the size of the file with the size that its header announces."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size, LARGEST_HEADER):
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        expected = 8 + length + max(ends, default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, struct.error) as error:
        raise UserError(
            f"{path} is not a safetensors file ({error}): copy or save the model again."
        ) from error
    if size != expected:
        raise UserError(
            f"{path} is torn: it has {size:,} bytes, its header says {expected:,}. Copy the model again."
        )

"""Results on disk that are either whole and genuine or not there.

Every artefact has a payload (safetensors for tensors, Parquet for tables, JSON for the rest) and a manifest that names
it, its size, its SHA-256 and all parameters that can change it. The manifest is written last, so that a process killed
at any moment leaves at most a temporary file or a payload that nothing points to. A payload is hashed as it is
read, from the same bytes that are parsed: safetensors would not notice a flipped byte. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
from filelock import FileLock
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors

from emotion_utils.errors import UserError
from emotion_utils.files import write_atomically

__all__ = ["DamagedArtefact", "Store", "artefact_key"]

FORMAT = 1
Kind = Literal["tensors", "table", "json"]
SUFFIX: dict[str, str] = {"tensors": "safetensors", "table": "parquet", "json": "data.json"}


class DamagedArtefact(UserError):
    """An artefact that is not what its manifest says, or whose manifest is not what was written."""


def artefact_key(name: str, parameters: Mapping[str, Any]) -> str:
    """Name an artefact by everything that can change it.

    Parameters
    ----------
    name
        What it is, such as ``activations``.
    parameters
        Names to JSON values: model fingerprint, revision, dtype, tokenizer, prompts, layers, positions, hooks, seed,
        package versions. Any other value is refused, since its text may differ between runs.

    Returns
    -------
    ``<name>-<32 hexadecimal digits>``.
    """
    if not name.replace("_", "").isalnum() or not name.isascii():
        raise UserError(f'An artefact is named in letters, digits and "_", not "{name}".')
    return f"{name}-{hashlib.sha256(_canonical(dict(parameters))).hexdigest()[:32]}"


class Store:
    """A folder of artefacts, safe to share between processes.

    Parameters
    ----------
    folder
        Made when something is first stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def __contains__(self, key: str) -> bool:
        return self._manifest_path(key).is_file()

    def keys(self) -> list[str]:
        """All artefacts that have a manifest, in alphabetical order."""
        return sorted(
            path.name.removesuffix(".manifest.json") for path in self.folder.glob("*.manifest.json")
        )

    def put(
        self,
        key: str,
        value: Mapping[str, torch.Tensor] | pd.DataFrame | Any,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        """Store tensors by name, a table, or anything that is JSON, in place of what the key held before.

        Parameters
        ----------
        key
            From :func:`artefact_key`.
        value
            Its type decides the format.
        parameters
            What the key was made from; kept in the manifest for people to read.
        """
        kind, payload = _encode(key, value)
        digest = hashlib.sha256(payload).hexdigest()
        file = f"{key}.{digest[:12]}.{SUFFIX[kind]}"
        manifest = {
            "format": FORMAT,
            "key": key,
            "kind": kind,
            "file": file,
            "bytes": len(payload),
            "sha256": digest,
            "parameters": dict(parameters or {}),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / file, payload)
        write_atomically(self._manifest_path(key), _sealed(manifest))
        for old in self._payloads(key):
            if old.name != file:
                old.unlink(missing_ok=True)

    def get(self, key: str) -> Any:
        """Read what :meth:`put` stored under this key: a dict of tensors, a table, or JSON.

        Raises
        ------
        KeyError
            Where there is no such artefact.
        DamagedArtefact
            Where manifest or payload is not what was written.
        """
        manifest = self.manifest(key)
        if not (self.folder / manifest["file"]).is_file():
            manifest = self.manifest(key)  # replaced between the two reads
        path = self.folder / manifest["file"]
        try:
            payload = path.read_bytes()
        except FileNotFoundError:
            raise self._damaged(path, "is missing") from None
        if len(payload) != manifest["bytes"]:
            raise self._damaged(path, f"has {len(payload)} bytes instead of {manifest['bytes']}")
        if hashlib.sha256(payload).hexdigest() != manifest["sha256"]:
            raise self._damaged(path, "has not the content that was stored (its SHA-256 differs)")
        return _decode(manifest["kind"], payload)

    def manifest(self, key: str) -> dict[str, Any]:
        """What is known of an artefact without reading it; raises as :meth:`get` does."""
        path = self._manifest_path(key)
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            raise KeyError(f"{key} is not in {self.folder}") from None
        found = _unsealed(text)
        if found is None:
            raise self._damaged(path, "is not the manifest that was written")
        if found["format"] != FORMAT:
            raise self._damaged(path, f"has format {found['format']}, and this version reads {FORMAT}")
        if found["key"] != key:
            raise self._damaged(path, f"belongs to {found['key']}")
        return found

    def compute(
        self, name: str, parameters: Mapping[str, Any], function: Callable[[], Any], *, again: bool = False
    ) -> Any:
        """Read an artefact, or compute and store it; processes that ask at the same time compute it once.

        Parameters
        ----------
        name, parameters
            Of :func:`artefact_key`.
        function
            Computes the value; called without arguments.
        again
            Compute it anew, for example in place of a damaged one.
        """
        key = artefact_key(name, parameters)
        if key in self and not again:
            return self.get(key)
        with self.locked(key):
            if key not in self or again:
                self.put(key, function(), parameters)
        return self.get(key)

    @contextmanager
    def locked(self, key: str) -> Iterator[None]:
        """Hold the lock of a key, which ends with the process that holds it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f".{key}.lock"):
            yield

    def remove(self, key: str) -> None:
        """Delete an artefact, damaged or not; nothing happens where there is none."""
        self._manifest_path(key).unlink(missing_ok=True)
        for path in self._payloads(key):
            path.unlink(missing_ok=True)

    def _payloads(self, key: str) -> list[Path]:
        return [
            path for suffix in SUFFIX.values() for path in self.folder.glob(f"{key}.????????????.{suffix}")
        ]

    def _manifest_path(self, key: str) -> Path:
        return self.folder / f"{key}.manifest.json"

    def _damaged(self, path: Path, what: str) -> DamagedArtefact:
        return DamagedArtefact(
            f"The stored result {path} {what}: delete it, or ask for the result again with again=True."
        )


def _encode(key: str, value: Any) -> tuple[Kind, bytes]:
    if isinstance(value, pd.DataFrame):
        buffer = io.BytesIO()
        value.to_parquet(buffer)
        return "table", buffer.getvalue()
    if isinstance(value, Mapping) and value and all(isinstance(v, torch.Tensor) for v in value.values()):
        return "tensors", save_safetensors({k: v.detach().cpu().contiguous() for k, v in value.items()})
    try:
        return "json", _canonical(value)
    except UserError as error:
        raise UserError(f"{key} cannot be stored: {error}") from None


def _decode(kind: str, payload: bytes) -> Any:
    if kind == "table":
        return pd.read_parquet(io.BytesIO(payload))
    return load_safetensors(payload) if kind == "tensors" else json.loads(payload)


def _canonical(value: Any) -> bytes:
    """JSON with one spelling for one value."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise UserError(
            f"only JSON values (text, finite numbers, true, false, lists, objects) have one spelling; {error}."
        ) from None


def _sealed(manifest: dict[str, Any]) -> bytes:
    seal = hashlib.sha256(_canonical(manifest)).hexdigest()
    return json.dumps(manifest | {"seal": seal}, indent=1).encode() + b"\n"


def _unsealed(text: bytes) -> dict[str, Any] | None:
    """The manifest, or None where a single character of it is not as it was written."""
    try:
        found = json.loads(text)
        seal = found.pop("seal")
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
    return found if _sealed(found) == text and seal else None

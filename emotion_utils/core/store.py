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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
from filelock import FileLock
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import write_atomically
from emotion_utils.core.hashing import canonical_json, digest

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
    return f"{name}-{digest(dict(parameters))[:32]}"


class Store:
    """A folder of artefacts, safe to share between processes.

    Parameters
    ----------
    folder
        Made when something is first stored.

    Raises
    ------
    UserError
        From its methods: where the folder cannot be written, and for a value of another kind; a
        :class:`DamagedArtefact` where a file is not what was stored.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import emotion_utils as eu
    >>> store = eu.Store(Path(mkdtemp()))
    >>> store.compute("answer", {"question": 1}, lambda: {"value": 42})
    {'value': 42}
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
        with self.locked(key):
            self._put(key, value, parameters)

    def _put(self, key: str, value: Any, parameters: Mapping[str, Any] | None) -> None:
        kind, payload = _encode(key, value)
        content = hashlib.sha256(payload).hexdigest()
        file = f"{key}.{content[:12]}.{SUFFIX[kind]}"
        manifest = {
            "format": FORMAT,
            "key": key,
            "kind": kind,
            "file": file,
            "bytes": len(payload),
            "sha256": content,
            "parameters": dict(parameters or {}),
        }
        sealed = _sealed(manifest)
        with _refusals(self.folder):
            write_atomically(self.folder / file, payload)
            write_atomically(self._manifest_path(key), sealed)
            for old in [*self._payloads(key), *self._leftovers(key)]:
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
        manifest, payload = self.manifest(key), None
        while payload is None:
            path = self.folder / manifest["file"]
            try:
                payload = path.read_bytes()
            except FileNotFoundError:
                newer = self.manifest(key)
                if newer == manifest:
                    raise self._damaged(path, "is missing") from None
                manifest = newer  # it was replaced between the two reads
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
                self._put(key, function(), parameters)
        return self.get(key)

    @contextmanager
    def locked(self, key: str) -> Iterator[None]:
        """Hold the lock of a key, which ends with the process that holds it."""
        with _refusals(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._lock_path(key))
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def remove(self, key: str) -> None:
        """Delete an artefact, damaged or not; nothing happens where there is none."""
        with self.locked(key):
            for path in [self._manifest_path(key), *self._payloads(key), *self._leftovers(key)]:
                path.unlink(missing_ok=True)

    def _payloads(self, key: str) -> list[Path]:
        return [
            path for suffix in SUFFIX.values() for path in self.folder.glob(f"{key}.????????????.{suffix}")
        ]

    def _leftovers(self, key: str) -> list[Path]:
        """Temporary files of writers that were killed; only the holder of the key's lock may ask."""
        return [path for path in self.folder.glob(f".{key}.*") if path != self._lock_path(key)]

    def _lock_path(self, key: str) -> Path:
        return self.folder / f".{key}.lock"

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
        return "json", canonical_json(value)
    except UserError as error:
        raise UserError(f"{key} cannot be stored: {error}") from None


def _decode(kind: str, payload: bytes) -> Any:
    if kind == "table":
        return pd.read_parquet(io.BytesIO(payload))
    return load_safetensors(payload) if kind == "tensors" else json.loads(payload)


@contextmanager
def _refusals(folder: Path) -> Iterator[None]:
    """Turn what the file system refuses into a sentence."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"Nothing can be stored in {folder} ({error.strerror or error}): make room, grant the right to write "
            "there, or choose another folder with run_dir."
        ) from error


def _sealed(manifest: dict[str, Any]) -> bytes:
    return json.dumps(manifest | {"seal": digest(manifest)}, indent=1).encode() + b"\n"


def _unsealed(text: bytes) -> dict[str, Any] | None:
    """The manifest, or None where a single character of it is not as it was written."""
    try:
        found = json.loads(text)
        seal = found.pop("seal")
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
    return found if _sealed(found) == text and seal else None


def to_columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    """A table by columns as JSON has it: numbers with seven digits, nothing in the place of what is no number."""
    kept = table.astype(object).where(table.notna(), None)
    return {str(name): [_short(value) for value in kept.iloc[:, at].tolist()] for at, name in enumerate(kept)}


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.7g}")
    return value.item() if hasattr(value, "item") else value


def from_columns(columns: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """A table from what :func:`to_columns` gave."""
    return pd.DataFrame(columns).fillna(float("nan"))

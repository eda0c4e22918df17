"""Whether there is room for what a hub repository holds, and whether what came is what the hub states.

The library of the hub compares the size of a file that comes over HTTP, and not its content: a file that was changed on
the way would pass.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import write_atomically
from emotion_utils.core.paths import cache_folder

if TYPE_CHECKING:
    from huggingface_hub import RepoFile

HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""SHA-1 as git computes it, of a file that is kept in git, or SHA-256, of a large one."""
DIGITS = 16
"""Of a hash that a sentence shows."""
SPARE = 64 * 2**20
"""Bytes that stay free beside a download."""


def cache() -> Path:
    """Where the library of the hub keeps files, as ``HF_HUB_CACHE`` or ``HF_HOME`` says."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).expanduser()


def free_bytes(folder: Path) -> int:
    """Free bytes where a folder is, or where it would be made."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.is_dir())
    return shutil.disk_usage(there).free


def check_space(repository: str, needed: int) -> None:
    """Refuse a download for which the disk has no room, before its first byte.

    Parameters
    ----------
    repository
        Its id.
    needed
        Bytes that are still to come.

    Raises
    ------
    UserError
        With the bytes needed and free.
    """
    free = free_bytes(cache())
    if needed and needed + SPARE > free:
        raise UserError(
            f'The hub model "{repository}" needs {needed:,} bytes more in {cache()}, and {free:,} are free there: free '
            "some space, or name a folder on another disk in HF_HOME."
        )


@dataclass(frozen=True)
class Stated:
    """A file of a commit, as the hub describes it.

    Attributes
    ----------
    name
        Within the repository.
    hash
        SHA-256, or of a file in git the SHA-1 of git.
    """

    name: str
    hash: str

    @classmethod
    def of(cls, file: RepoFile) -> Stated:
        """What a listing of the hub says of a file."""
        return cls(file.path, str(file.lfs.sha256 if file.lfs is not None else file.blob_id).lower())

    def hash_of(self, path: Path) -> str:
        """Hash of a file in the same manner."""
        from huggingface_hub.utils.sha import git_hash

        if len(self.hash) == len(hashlib.sha1(b"", usedforsecurity=False).hexdigest()):
            return git_hash(path.read_bytes())
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def check_files(repository: str, folder: Path, stated: Callable[[], Iterable[Stated]]) -> None:
    """Compare files with the hashes that the hub states; one that differs is removed from the cache.

    What was found right is noted in the project's own cache, and not read again while size and time of the file stay.

    Parameters
    ----------
    repository
        Its id.
    folder
        Of a commit in the cache of the hub, under whose hash the note is kept.
    stated
        Gives what the hub states of the files in the folder; asked where a file is not noted.

    Raises
    ------
    UserError
        Naming the file and both hashes.
    """
    note = cache_folder() / "hub" / f"{repository.replace('/', '--')}-{folder.name}.json"
    known = _noted(note)
    states = {path.name: path.stat() for path in folder.iterdir() if path.is_file()}
    found = {name: [state.st_size, state.st_mtime_ns] for name, state in states.items()}
    new = {name for name, state in found.items() if known.get(name) != state}
    if not new:
        return
    hashes = {file.name: file for file in stated()}
    for name in sorted(new):
        _check_file(repository, folder / name, hashes.get(name, Stated(name, "")))
    _keep(note, known | found)


def _check_file(repository: str, path: Path, stated: Stated) -> None:
    if not HASH.fullmatch(stated.hash):
        raise UserError(
            f'The hub states no hash for {stated.name} of "{repository}" ({stated.hash!r}), so what came cannot be '
            "checked: take another hub (HF_ENDPOINT), or name a local copy of the model."
        )
    if (came := stated.hash_of(path)) != stated.hash:
        if path.is_symlink():  # to what the cache keeps, from the folder of the commit
            (path.parent / path.readlink()).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise UserError(
            f'{stated.name} of the hub model "{repository}" came with the hash {came[:DIGITS]}..., and the hub states '
            f"{stated.hash[:DIGITS]}...: it was changed or damaged on the way and is removed, so ask again, and where "
            "that repeats, do not use this copy of the hub."
        )


def _noted(note: Path) -> dict[str, Any]:
    """What was found right before; a note that cannot be read only means that files are read again."""
    with suppress(OSError, ValueError):
        known = json.loads(note.read_text(encoding="utf-8"))
        return known if isinstance(known, dict) else {}
    return {}


def _keep(note: Path, known: dict[str, Any]) -> None:
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(note, json.dumps(known, indent=1) + "\n")
    except OSError as error:
        raise UserError(
            f"{note.parent} cannot be written ({error.strerror}): free some space, or name another folder in the "
            "variable EMOTION_CIRCUITS_CACHE."
        ) from error

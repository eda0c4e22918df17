"""Files that are either whole or not there."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

_UMASK = threading.Lock()


def write_atomically(path: Path, content: str | bytes) -> Path:
    """Write to a temporary file, flush it to the disk and rename it, so that no reader sees half of it.

    Parameters
    ----------
    path
        In an existing folder; a file of that name is replaced.
    content
        Bytes, or text that is written as UTF-8.

    Returns
    -------
    The path.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())  # a temporary file is for its owner alone, a result is for all
        os.replace(name, path)
        sync_folder(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def place_folder(folder: Path, target: Path) -> Path:
    """Give a finished folder its name once all its files are on the disk; one that has the name already makes way.

    Parameters
    ----------
    folder
        Beside ``target``, under a name that nobody reads.
    target
        The path of the result.

    Returns
    -------
    ``target``.
    """
    for path in folder.iterdir():
        path.chmod(0o666 & ~_umask())
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync_folder(folder)
    folder.chmod(0o777 & ~_umask())
    shutil.rmtree(target, ignore_errors=True)
    os.replace(folder, target)
    sync_folder(target.parent)
    return target


def sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    """What the process takes away from the rights of new files; it can only be read by setting it."""
    with _UMASK:
        mask = os.umask(0o077)
        os.umask(mask)
    return mask

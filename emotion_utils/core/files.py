"""Files that are either whole or not there, and what stands in the place of files that are not there."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from emotion_utils.core.errors import UserError

POINTER = b"version https://git-lfs"
"""What a checkout without Git LFS has in place of a large file."""
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


def read_bytes(path: Path, size: int = -1) -> bytes:
    """What a file begins with, or all of it.

    Parameters
    ----------
    path
    size
        Bytes; -1 for all.

    Raises
    ------
    UserError
        Naming what stands in its place: a link that leads nowhere, a folder, the pointer of a Git LFS file, a web page.
    """
    try:
        with path.open("rb") as file:
            data = file.read(size)
    except FileNotFoundError:
        if not path.is_symlink():
            raise UserError(f"There is no file {path}: check the path.") from None
        raise UserError(
            f"{path} is a link to {path.readlink()}, which is not there: copy it again with what links lead to (cp -L)."
        ) from None
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}): put the file of that name in its place."
        ) from error
    start = data[:200].lstrip().lower()
    if data.startswith(POINTER):
        raise UserError(f"{path} is the Git LFS pointer of a file, not the file: run `git lfs pull` there.")
    if start.startswith((b"<!doctype", b"<html")):
        raise UserError(f"{path} is a web page, not the file that it is named for: download it again.")
    return data


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises
    ------
    UserError
        With the place of what is damaged, and what :func:`read_bytes` refuses.
    """
    try:
        return json.loads(read_bytes(path).decode("utf-8"))
    except UserError:
        raise
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is damaged (byte {error.start + 1} is not UTF-8): copy it again.") from error
    except (ValueError, RecursionError) as error:
        where = f"line {getattr(error, 'lineno', 1)}, column {getattr(error, 'colno', 1)}"
        raise UserError(
            f"{path} is damaged, it is not JSON at {where} ({getattr(error, 'msg', error)}): copy it again."
        ) from error


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

"""The commit that a revision stands for, and its files in the cache of Hugging Face."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from emotion_utils.core.errors import UserError
from emotion_utils.hub.checking import Stated, check_files, check_space
from emotion_utils.hub.refusals import refusals

if TYPE_CHECKING:
    from huggingface_hub import ResolvedRevision

TEXTS = ("*.json", "*.txt", "*.model", "*.jinja")
"""Configuration and tokenizer: small files."""
WEIGHTS = ("model*.safetensors",)
BELOW = ("*/*",)
"""Folders of a repository hold other formats of the same weights."""
COMMIT = re.compile(r"[0-9a-f]{40}")


def snapshot(repository: str, revision: str | None = None, *, weights: bool = False) -> Path:
    """Bring the files of a commit into the cache of Hugging Face, where they are not there, and check them.

    Parameters
    ----------
    repository
        Its id, such as ``org/name``.
    revision
        Branch, tag or commit; None is the default branch. It is looked up once in a process, so that all that a page
        reads comes from one commit.
    weights
        Also the safetensors files; else only configuration and tokenizer.

    Returns
    -------
    The folder of the commit, which has its hash as a name. Without a network, what the cache holds.

    Raises
    ------
    Unreachable
        Where the hub does not answer and the cache does not have the files.
    UserError
        For what :func:`refusals.refusals` says, a file with another hash than the hub states, and a repository without
        safetensors weights.
    """
    with refusals(repository, revision):
        commit = _resolved(repository, revision)
        wanted: dict[str, Any] = {
            "allow_patterns": [*TEXTS, *(WEIGHTS if weights else ())],
            "ignore_patterns": list(BELOW),
        }
        missing = _missing_bytes(repository, commit, wanted)
        check_space(repository, missing)
        shown: dict[str, Any] = {} if missing else {"tqdm_class": _Unseen}
        with refusals(repository, revision, missing):
            folder = Path(_library().snapshot_download(repository, revision=commit, **wanted, **shown))
        check_files(repository, folder, lambda: _stated(repository, folder))
    if weights and not any(folder.glob(WEIGHTS[0])):
        raise UserError(
            f'The hub model "{repository}" has no safetensors weights at {folder.name[:12]}, and no others are opened: '
            f"name a revision that has them ({repository}@refs/pr/1, for example), or save it as safetensors where you "
            "trust it."
        )
    return folder


def cached_commit(repository: str, revision: str | None = None) -> str | None:
    """The commit that was last found for a revision, from the cache alone; None where there is none."""
    from huggingface_hub import constants
    from huggingface_hub.errors import RevisionResolutionError

    if revision is not None and COMMIT.fullmatch(revision):
        return revision
    try:
        found = _library().resolve_revision(
            repository, revision=revision or constants.DEFAULT_REVISION, local_files_only=True
        )
    except RevisionResolutionError:
        return None
    return str(found.resolved)


class _Unseen(tqdm):
    """A bar for what takes no time: nothing is downloaded."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "disable": True})


def _library() -> Any:
    """Import the library of the hub late, since it takes a while."""
    import huggingface_hub

    return huggingface_hub


@cache
def _resolved(repository: str, revision: str | None) -> ResolvedRevision:
    found: ResolvedRevision = _library().resolve_revision(repository, revision=revision)
    return found


def _missing_bytes(repository: str, commit: ResolvedRevision, wanted: dict[str, Any]) -> int:
    """Bytes that would be downloaded; 0 where the hub does not answer, since then nothing is."""
    from huggingface_hub.errors import DryRunError

    try:
        plan = _library().snapshot_download(
            repository, revision=commit, dry_run=True, tqdm_class=_Unseen, **wanted
        )
    except DryRunError:
        return 0
    return sum(file.file_size or 0 for file in plan if file.will_download)


def _stated(repository: str, folder: Path) -> list[Stated]:
    """What the hub states of the files of a commit.

    In the cache a file is kept under the hash that the hub stated when it came, and the folder of the commit links to
    it. Where the file system has no links, the hub is asked.
    """
    files = [path for path in folder.iterdir() if path.is_file()]
    if all(path.is_symlink() for path in files):
        return [Stated(path.name, path.readlink().name) for path in files]
    listed = _library().list_repo_tree(repository, revision=folder.name)
    return [Stated.of(file) for file in listed if hasattr(file, "blob_id")]

"""Why a hub repository could not be had, in one sentence with the way out."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from emotion_utils.core.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Numbers of the system for a disk, or a share of it, that is full."""


class Unreachable(UserError):
    """The hub could not be spoken with, and its files are not in the cache: nothing is wrong with the repository."""


@contextmanager
def refusals(repository: str, revision: str | None, needed: int = 0) -> Iterator[None]:
    """Inside, what goes wrong with a repository is said in one sentence.

    Parameters
    ----------
    repository
        Its id, such as ``org/name``.
    revision
        As it was asked for; None is the default branch.
    needed
        Bytes that are downloaded inside.

    Raises
    ------
    Unreachable
        Where the hub does not answer and the cache does not have the files.
    UserError
        For a gated, absent or private repository, an unknown revision, a token that is refused, a full disk and
        anything else.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        causes = list(_causes(error))
        if any(isinstance(cause, OSError) and cause.errno in FULL for cause in causes):
            raise UserError(_full(repository, needed)) from error
        raise _refusal(repository, revision, causes) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from: the library wraps what the server said more than once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _refusal(repository: str, revision: str | None, causes: list[BaseException]) -> UserError:
    from huggingface_hub import constants, errors

    def met(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    page = f"{constants.ENDPOINT}/{repository}"
    if met(errors.GatedRepoError):
        return UserError(_gated(repository, page))
    if met(errors.RevisionNotFoundError):
        return UserError(
            f'The hub model "{repository}" has no revision "{revision or constants.DEFAULT_REVISION}": name a branch, '
            f"tag or commit that {page}/commits/main lists, or leave out what stands from @ on."
        )
    if 401 in _statuses(causes) and not met(errors.RepositoryNotFoundError):
        return UserError(
            f'The hub does not accept the access token that is set here, asked for "{repository}": set HF_TOKEN to one '
            f"that is valid ({constants.ENDPOINT}/settings/tokens), or run `hf auth logout` where none is needed."
        )
    if met(errors.RepositoryNotFoundError):
        return UserError(
            f'There is no hub model "{repository}", or it is private: check the id at {constants.ENDPOINT}, and for a '
            "private one set HF_TOKEN to an access token of somebody who may read it."
        )
    silent = any(isinstance(cause, errors.HTTPError) and not hasattr(cause, "response") for cause in causes)
    if silent or met(errors.LocalEntryNotFoundError, errors.RevisionResolutionError, ConnectionError):
        return Unreachable(_unreachable(repository, constants.ENDPOINT, constants.is_offline_mode()))
    reason = " ".join(str(causes[0]).split())[:300] or type(causes[0]).__name__
    return UserError(
        f'The hub model "{repository}" could not be loaded ({type(causes[0]).__name__}: {reason}): check the id and '
        "the network, and try again."
    )


def _statuses(causes: list[BaseException]) -> set[int]:
    """What the hub answered, as numbers of HTTP."""
    answers = [getattr(cause, "response", None) for cause in causes]
    return {int(answer.status_code) for answer in answers if answer is not None}


def _gated(repository: str, page: str) -> str:
    from huggingface_hub import get_token

    if get_token() is None:
        return (
            f'The hub model "{repository}" is gated, and no access token is set: accept its terms at {page} with your '
            "account, then set HF_TOKEN to a token of that account, or run `hf auth login`."
        )
    return (
        f'The hub model "{repository}" is gated, and the access token that is set here does not open it: accept its '
        f"terms at {page} with the account of the token, wait until that is granted, or set HF_TOKEN to another one."
    )


def _full(repository: str, needed: int) -> str:
    from emotion_utils.hub.checking import cache, free_bytes

    return (
        f'The disk became full while the hub model "{repository}" was downloaded to {cache()} ({needed:,} bytes '
        f"needed, {free_bytes(cache()):,} free now): free some space and ask again, files that are whole are kept, "
        "or name a folder on another disk in HF_HOME."
    )


def _unreachable(repository: str, endpoint: str, offline: bool) -> str:
    why = "the variable HF_HUB_OFFLINE forbids it" if offline else f"{endpoint} does not answer"
    return (
        f'The files of the hub model "{repository}" are not all in the cache of Hugging Face, so it could not be '
        f"loaded without the hub ({why}): try again where there is a network."
    )

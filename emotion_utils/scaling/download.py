"""A file from an address into the user's cache: whole, of the expected hash, or not at all."""

from __future__ import annotations

import hashlib
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.files import write_atomically
from emotion_utils.core.paths import cache_folder
from emotion_utils.vectors.vector_files import READERS

LIMIT = 256 * 2**20
"""Bytes of the largest file that is taken."""
TIMEOUT = 30.0
"""Seconds without an answer after which an address counts as not reachable."""
SCHEMES = ("http", "https")
DIGITS = 16
BLOCK = 1 << 20


def is_address(text: str) -> bool:
    """Whether a text is an address rather than a path: it names a scheme."""
    return "://" in text


def download(url: str, sha256: str | None = None) -> Path:
    """Bring a file of vectors into the cache, where it is kept under its hash.

    Parameters
    ----------
    url
        http or https, to a file whose name ends as :data:`emotion_utils.vectors.vector_files.READERS` asks for.
    sha256
        What it must hash to, in hexadecimal; a file of this hash that is in the cache is not asked for again.

    Raises
    ------
    UserError
        In one sentence: another scheme or ending, no answer, an error status, a web page, a file that is cut off, too
        large or of another hash, and a cache that cannot be written to.
    """
    suffix = _suffix(url)
    folder = cache_folder() / "vectors"
    if sha256 is not None:
        kept = folder / f"{sha256.lower()}{suffix}"
        if kept.is_file() and hashlib.sha256(kept.read_bytes()).hexdigest() == sha256.lower():
            return kept
    data = _fetched(url)
    own = hashlib.sha256(data).hexdigest()
    if sha256 is not None and own != sha256.lower():
        raise UserError(
            f"{url} came with SHA-256 {own[:DIGITS]}..., and {sha256[:DIGITS]}... was expected: it was changed or "
            "damaged, and is not used; check the address, or the hash."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return write_atomically(folder / f"{own}{suffix}", data)
    except OSError as error:
        raise UserError(
            f"{url} could not be kept in the cache ({error.strerror}): free some space, or name another folder in the "
            "variable EMOTION_CIRCUITS_CACHE."
        ) from error


def _suffix(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise UserError(f'{url} begins with "{parts.scheme}": only {listing(SCHEMES)} are asked.')
    suffix = Path(parts.path).suffix.lower()
    if suffix not in READERS:
        raise UserError(f'{url} ends in "{suffix}": vectors are read from {listing(READERS)} files.')
    return suffix


def _fetched(url: str) -> bytes:
    """The body of the answer, whole."""
    request = Request(url, headers={"User-Agent": "emotion-circuits", "Accept-Encoding": "identity"})  # noqa: S310 the scheme was checked
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 the scheme was checked
            _suffix_of_redirect(url, answer.url)
            told = answer.headers.get("Content-Length")
            data = _read(url, answer)
    except HTTPError as error:
        raise UserError(
            f"{url} answered with the status {error.code} ({error.reason}): check the address."
        ) from error
    except (URLError, OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise UserError(
            f"{url} could not be reached ({reason}): try again where there is a network, or name a file."
        ) from error
    if told is not None and told.isdigit() and len(data) < int(told):
        raise UserError(
            f"{url} was cut off after {len(data):,} of {int(told):,} bytes: it is not used; try again."
        )
    if data[:200].lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise UserError(
            f"{url} answered with a web page, not with a file of vectors: take the address of the file itself."
        )
    return data


def _suffix_of_redirect(url: str, final: str) -> None:
    """Refuse an address that leads away from the web."""
    if urlsplit(final).scheme not in SCHEMES:
        raise UserError(f"{url} leads to {final}: only {listing(SCHEMES)} are asked.")


def _read(url: str, answer: object) -> bytes:
    read, parts, size = answer.read, [], 0  # type: ignore[attr-defined]
    while block := read(BLOCK):
        size += len(block)
        if size > LIMIT:
            raise UserError(
                f"{url} is larger than {LIMIT // 2**20} MB: no set of vectors is; check the address."
            )
        parts.append(block)
    return b"".join(parts)

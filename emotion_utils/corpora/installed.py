"""Which files of an installed package are a source of text: those that its wheel brought, that people wrote.

A wheel lists its files with their hashes (``RECORD``), so that what an installation made itself is known: it has no
hash there. Left out are compiled, minified and generated files, tables of numbers, and copies of other projects.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email import message_from_string
from importlib.metadata import distributions
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, runtime_checkable

from emotion_utils.core.errors import UserError

ENDINGS: dict[str, tuple[str, ...]] = {
    "python": (".py",),
    "c": (".c", ".h", ".hpp", ".cpp", ".cc", ".cuh", ".hh"),
    "prose": (".md", ".rst", ".txt"),
    "json": (".json",),
    "javascript": (".js", ".mjs", ".ts", ".jsx", ".tsx"),
    "stylesheets": (".css", ".scss", ".less"),
    "stubs": (".pyi",),
    "translations": (".po", ".pot"),
    "templates": (".html", ".jinja", ".jinja2", ".tmpl"),
    "cython": (".pyx", ".pxd", ".pxi"),
    "yaml": (".yaml", ".yml"),
}
"""Endings of the files of each domain; ``licences`` are told by their folder or name."""
DOMAINS = (*ENDINGS, "licences")
LICENCE = re.compile(r"(^|/)(licen[cs]es?/|(licen[cs]e|copying|notice)[^/]*$)", re.IGNORECASE)
VENDORED = {
    "_vendor",
    "vendor",
    "vendored",
    "_vendored",
    "_vendored_packages",
    "third_party",
    "thirdparty",
    "extern",
}
"""Folders with copies of other projects."""
MADE = re.compile(
    r"auto-?generated|@generated|generated (?:by|from|file|with)|do not (?:edit|modify)", re.IGNORECASE
)
MADE_NAMES = re.compile(
    r"\.min\.|-lock\.|(^|/)(_?version|__config__)\.py$|_pb2|(^|/)(RECORD|direct_url|top_level)"
)
SHORTEST, LONGEST = 800, 40_000
"""Characters: a shorter text is left out, of a longer one only the beginning is read."""
LARGEST = 2_000_000
"""Bytes; a larger file is data."""
LINE, MEAN_LINE = 1_000, 160
"""Longest line and mean line, in characters, of what was written by hand."""
LETTERS = 0.45
"""Share of letters among all that is no blank; there is less in tables of numbers."""


@runtime_checkable
class Package(Protocol):
    """What an installed package tells of itself.

    Both the standard library's ``Distribution`` and that of its backport, which takes its place in a process that
    imports it.
    """

    @property
    def metadata(self) -> Any:
        """Its fields, by name."""

    @property
    def version(self) -> str:
        """Of the package."""

    @property
    def files(self) -> Any:
        """Paths with the hashes of the wheel; None where nobody listed them."""

    def locate_file(self, path: Any) -> Any:
        """Where a file of it lies."""


@dataclass(frozen=True)
class Source:
    """A file of a package: its domain, its path among the installed packages, and its text."""

    domain: str
    path: str
    sha256: str
    text: str


def packages(site: Path | None = None) -> dict[str, Package]:
    """Installed packages by their names in the index's spelling; ``site`` is a folder of packages, or all there are."""
    found = distributions() if site is None else distributions(path=[str(site)])
    named: dict[str, Package] = {}
    for package in found:
        named.setdefault(spelled(package.metadata["Name"]), package)
    return named


def spelled(name: str) -> str:
    """The one spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def candidates(package: Package) -> Mapping[str, list[str]]:
    """Paths by domain that could be a source by their names, in an order that depends on nothing but the names."""
    found: dict[str, list[str]] = {}
    for file in package.files or ():
        path = PurePosixPath(file)
        domain = domain_of(path)
        if domain and file.hash is not None and (file.size or 0) <= LARGEST:
            found.setdefault(domain, []).append(str(path))
    return {domain: sorted(paths, key=_drawn) for domain, paths in found.items()}


def _drawn(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()


def domain_of(path: PurePosixPath) -> str | None:
    """The domain of a file by its path; None for what is no source of text."""
    name = str(path)
    if path.parts[0] == ".." or VENDORED & set(path.parts) or MADE_NAMES.search(name):
        return None
    if LICENCE.search(name) and path.suffix.lower() in ("", ".txt", ".md", ".rst"):
        return "licences"
    if ".dist-info" in path.parts[0]:
        return "prose" if path.name == "METADATA" else None
    return next((domain for domain, endings in ENDINGS.items() if path.suffix.lower() in endings), None)


def read_source(package: Package, path: str, domain: str) -> Source | None:
    """Read a file as a source of text.

    Returns
    -------
    None where it is missing, is not UTF-8, or was not written by hand.
    """
    try:
        data = Path(str(package.locate_file(path))).read_bytes()
        text = content(data, path)
    except (OSError, UserError):
        return None
    if len(text) < SHORTEST or not written(text, domain):
        return None
    return Source(domain, path, hashlib.sha256(data).hexdigest(), text)


def content(data: bytes, path: str) -> str:
    """The text of a file, up to :data:`LONGEST` characters; of a package's metadata, its description.

    Raises
    ------
    UserError
        Where it is not UTF-8.
    """
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not UTF-8 (byte {error.start + 1}): install its package again."
        ) from error
    if path.endswith("/METADATA"):
        message = message_from_string(text)
        text = str(message.get_payload() or message.get("Description", ""))
    text = text.strip()
    return text if len(text) <= LONGEST else text[: text.rfind("\n", 0, LONGEST)].rstrip() or text[:LONGEST]


def written(text: str, domain: str) -> bool:
    """Whether a text was written by hand: no long lines, no mark of a generator, and mostly letters."""
    lines = [line for line in text.splitlines() if line.strip()]
    mean = sum(map(len, lines)) / max(len(lines), 1)
    solid = [character for character in text if not character.isspace()]
    letters = sum(map(str.isalpha, solid)) / max(len(solid), 1)
    if domain in (
        "prose",
        "licences",
    ):  # a paragraph may be one line, and say of something that it is generated
        return letters >= LETTERS
    marked = MADE.search(text[:2_000]) is not None
    return not marked and max(map(len, lines), default=0) <= LINE and mean <= MEAN_LINE and letters >= LETTERS


def licence(package: Package) -> str:
    """The licence that a package's metadata state, in one short line."""
    metadata: Any = package.metadata  # whose stub lacks `get`
    expression = metadata.get("License-Expression") or ""
    own = (metadata.get("License") or "").strip().split("\n")[0].strip()
    classified = (line for line in metadata.get_all("Classifier") or () if line.startswith("License ::"))
    named = " and ".join(line.rsplit(" :: ", 1)[-1] for line in classified)
    return (
        expression
        or (own if 0 < len(own) <= 60 and own != "UNKNOWN" else "")
        or named
        or "see its licence file"
    )


def project(package: Package) -> str:
    """What a package belongs to: its repository where the metadata name one, since several packages may share it."""
    metadata: Any = package.metadata  # whose stub lacks `get`
    links = [line.split(",", 1)[-1] for line in metadata.get_all("Project-URL") or ()]
    addresses = _addresses([*links, metadata.get("Home-page") or ""])
    name = spelled(metadata["Name"])
    return next((address for address in addresses), name)


def _addresses(links: list[str]) -> Iterator[str]:
    for link in links:
        found = re.search(r"(?:github|gitlab|codeberg)\.(?:com|org)/([\w.-]+/[\w.-]+)", link)
        if found and not found[1].startswith("sponsors/"):
            yield found[1].lower().removesuffix(".git")

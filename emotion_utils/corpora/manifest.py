"""Making the manifest of real text: which files of the pinned packages are documents, by domain.

No text is kept, only names and hashes. Packages take turns, so that each gives about as much as the others, up to a
fifth of a domain; within a package the order follows a hash of the paths. What is nearly the same as a file that was
taken before is left out, and two projects that share such files count as one, as do packages of one repository.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import read_json, write_atomically
from emotion_utils.core.hashing import digest
from emotion_utils.core.paths import DATA, PROJECT_ROOT
from emotion_utils.corpora.installed import (
    DOMAINS,
    LONGEST,
    SHORTEST,
    Package,
    Source,
    candidates,
    licence,
    packages,
    project,
    read_source,
    spelled,
)
from emotion_utils.corpora.shingles import Seen
from emotion_utils.runtime.doctor import pins
from emotion_utils.statistics.resampling import connected_groups

MANIFEST = DATA / "corpora" / "packages.json"
SCHEMA = 1
CHARACTERS = 1_700_000
"""Of a domain at most: 600,000 tokens or fewer, by kind of text."""
FEWEST = 200_000
"""Characters: a domain of less is left out."""
PACKAGES = 10
"""A domain of fewer packages is left out."""
LARGEST_SHARE = 0.2
"""Of a domain, that one package may give."""
COMMON = ("prose", "licences")
"""Domains where two projects may say the same without being one: everybody quotes the same licences."""
MEND = "restore it from git, or make it again with `python -m emotion_utils.corpora manifest`"


@dataclass
class Choice:
    """What was chosen so far: files by domain and package, and which packages were found to share text."""

    files: dict[str, dict[str, list[Source]]] = field(default_factory=dict)
    twins: list[tuple[str, str]] = field(default_factory=list)
    duplicates: int = 0


def make_manifest(site: Path | None = None, requirements: Path | None = None) -> dict[str, Any]:
    """Choose documents among the files of the pinned packages.

    Parameters
    ----------
    site
        A folder of installed packages; all that Python finds if not given.
    requirements
        The file of pins, that of the project if not given.

    Returns
    -------
    The manifest: by package its version, licence, project and files (path, SHA-256, characters) by domain.

    Raises
    ------
    UserError
        Where a pinned package is not installed, or not in this version.
    """
    chosen = pinned(packages(site), requirements or PROJECT_ROOT / "requirements.txt")
    choice, paths = Choice(), {name: candidates(package) for name, package in chosen.items()}
    for domain in DOMAINS:
        named = {name: list(some[domain]) for name, some in paths.items() if domain in some}
        choice.files[domain] = _choose(_Taken(domain, chosen, named, choice))
    kept = {
        domain: files
        for domain, files in choice.files.items()
        if len(files) >= PACKAGES and _total(files) >= FEWEST
    }
    fell_out = {
        domain: {"packages": len(files), "characters": _total(files)}
        for domain, files in choice.files.items()
        if domain not in kept
    }
    groups = _groups(chosen, choice.twins)
    entries = {name: _entry(package, groups[name], kept, name) for name, package in chosen.items()}
    body = {
        "schema": SCHEMA,
        "characters": {"shortest": SHORTEST, "longest": LONGEST},
        "domains": list(kept),
        "fell_out": fell_out,
        "near_duplicates": choice.duplicates,
        "packages": {name: entry for name, entry in sorted(entries.items()) if entry["files"]},
    }
    return {**body, "hash": digest(body)}


def pinned(found: Mapping[str, Package], requirements: Path) -> dict[str, Package]:
    """The packages of a file of pins, all of them in the version that is pinned, by name.

    Raises
    ------
    UserError
        Naming those that are missing or differ.
    """
    versions = {
        spelled(name): version for name, version in pins(requirements.read_text(encoding="utf-8")).items()
    }
    differ = [
        f"{name} {version}"
        for name, version in versions.items()
        if name not in found or found[name].version.split("+")[0] != version
    ]
    if differ:
        raise UserError(
            f"{len(differ)} of {len(versions)} pinned packages are not installed as pinned ({', '.join(differ[:5])}): "
            "run `make clean-env`, then `make test`, which makes the environment anew."
        )
    return {name: found[name] for name in sorted(versions)}


def _choose(taken: _Taken) -> dict[str, list[Source]]:
    """Files of a domain by package: packages take turns, and none gives more than its share of all."""
    cap = LARGEST_SHARE * CHARACTERS
    while True:
        files = taken.up_to(cap)
        total = _total(files)
        largest = max((_size(some) for some in files.values()), default=0)
        if len(files) < 1 / LARGEST_SHARE or largest <= LARGEST_SHARE * total:
            return files
        cap = min(cap * 0.9, LARGEST_SHARE * total)


def _total(files: Mapping[str, list[Source]]) -> int:
    return sum(map(_size, files.values()))


def _size(files: list[Source]) -> int:
    """Characters of the files of one package."""
    return sum(len(file.text) for file in files)


class _Taken:
    """The files of a domain in the order in which they are taken; each is read and compared once."""

    def __init__(
        self, domain: str, chosen: Mapping[str, Package], paths: dict[str, list[str]], choice: Choice
    ) -> None:
        self.packages, self.domain, self.choice = chosen, domain, choice
        self.order: list[tuple[str, Source]] = []
        self._waiting = paths
        self._seen, self._sizes = Seen(), dict.fromkeys(paths, 0)
        self._fill()

    def up_to(self, cap: float) -> dict[str, list[Source]]:
        """What packages give when none may give more than ``cap`` characters."""
        files: dict[str, list[Source]] = {}
        for name, source in self.order:
            if _size(files.get(name, [])) + len(source.text) <= cap:
                files.setdefault(name, []).append(source)
        return files

    def _fill(self) -> None:
        """Take files in turns until the domain is full, no package beyond its share of a full one."""
        waiting, total = list(self._waiting), 0
        while waiting and total < CHARACTERS:
            for name in waiting:
                source = self._next(name)
                if source is None or total + len(source.text) > CHARACTERS:
                    continue
                self.order.append((name, source))
                self._sizes[name] += len(source.text)
                total += len(source.text)
            full = total > CHARACTERS - LONGEST
            limit = LARGEST_SHARE * CHARACTERS - LONGEST
            waiting = [] if full else [n for n in waiting if self._waiting[n] and self._sizes[n] < limit]

    def _next(self, name: str) -> Source | None:
        paths = self._waiting[name]
        while paths:
            path = paths.pop(0)
            source = read_source(self.packages[name], path, self.domain)
            if source is None:
                continue
            twin = self._seen.twin(source.text)
            if twin is None:
                self._seen.accept(source.text, name)
                return source
            self.choice.duplicates += 1
            if twin != name and self.domain not in COMMON:
                self.choice.twins.append((twin, name))
        return None


def _groups(chosen: Mapping[str, Package], twins: list[tuple[str, str]]) -> dict[str, str]:
    """What each package belongs to: packages of one repository, or that share files, belong together."""
    rows = [(name, f"project {project(package)}") for name, package in chosen.items()]
    rows += [(name, f"twins {at}") for at, pair in enumerate(twins) for name in pair]
    table = pd.DataFrame(rows, columns=["package", "shared"])
    table["group"] = connected_groups(table, ["package", "shared"])
    first = table.groupby("group")["package"].min()
    return {name: first[group] for name, group in zip(table["package"], table["group"], strict=True)}


def _entry(
    package: Package, group: str, kept: Mapping[str, Mapping[str, list[Source]]], name: str
) -> dict[str, Any]:
    files = {
        domain: [[source.path, source.sha256, len(source.text)] for source in of_package[name]]
        for domain, of_package in kept.items()
        if name in of_package
    }
    version = package.version.split("+")[0]
    return {"version": version, "licence": licence(package), "project": group, "files": files}


def write_manifest(manifest: Mapping[str, Any], path: Path = MANIFEST) -> Path:
    """Write a manifest with a line per package, so that a change of one is a change of one line."""
    head = {name: value for name, value in manifest.items() if name != "packages"}
    lines = [f"{json.dumps(name)}: {_compact(value)}" for name, value in sorted(head.items())]
    entries = [
        f"{json.dumps(name)}: {_compact(entry)}" for name, entry in sorted(manifest["packages"].items())
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "{\n" + ",\n".join([*lines, '"packages": {\n' + ",\n".join(entries) + "\n}"]) + "\n}\n"
    return write_atomically(path, text)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def read_manifest(path: Path = MANIFEST) -> dict[str, Any]:
    """Read a manifest.

    Raises
    ------
    UserError
        Where it is missing, damaged, of another version, or was changed by hand.
    """
    manifest = read_json(path)
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise UserError(f"{path} is no manifest of version {SCHEMA}: {MEND}.")
    if manifest.get("hash") != digest({name: value for name, value in manifest.items() if name != "hash"}):
        raise UserError(f"{path} was changed, its hash differs: {MEND}.")
    return manifest

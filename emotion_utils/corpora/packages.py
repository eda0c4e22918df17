"""Real text of several domains without a hub: files of installed packages, by a manifest with their hashes.

The manifest names files and no text. A file is read only where its hash is that of the manifest, so that the corpus is
the same on every machine; what other versions have in its place is left out, and a note says how much.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from emotion_utils.core.errors import UserError, listing
from emotion_utils.corpora.documents import Corpus, Document
from emotion_utils.corpora.installed import Package, content, packages
from emotion_utils.corpora.manifest import MANIFEST, read_manifest

LEAST = 0.8
"""Share of the files that have to be there: with fewer, domains and splits would be others."""
STATES = ("same", "differs", "missing")


def check_packages(site: Path | None = None, manifest: Path = MANIFEST) -> pd.DataFrame:
    """Compare the installed files with the manifest.

    Parameters
    ----------
    site
        A folder of installed packages; all that Python finds if not given.
    manifest

    Returns
    -------
    Columns `package, version, installed, licence, project, domain, path, characters, state`, a row per file;
    `installed` is the version on this machine, `state` one of :data:`STATES`.
    """
    found = packages(site)
    rows = [
        {
            "package": name,
            "version": entry["version"],
            "installed": _version(found.get(name)),
            "licence": entry["licence"],
            "project": entry["project"],
            "domain": domain,
            "path": path,
            "characters": characters,
            "state": _state(found.get(name), path, sha256),
        }
        for name, entry in read_manifest(manifest)["packages"].items()
        for domain, files in entry["files"].items()
        for path, sha256, characters in files
    ]
    columns = [
        "package",
        "version",
        "installed",
        "licence",
        "project",
        "domain",
        "path",
        "characters",
        "state",
    ]
    return pd.DataFrame(rows, columns=columns)


def read_packages(site: Path | None = None, manifest: Path = MANIFEST, least: float = LEAST) -> Corpus:
    """The documents of the manifest that this machine has.

    Parameters
    ----------
    site
        A folder of installed packages; all that Python finds if not given.
    manifest
    least
        Share of the files that have to be there.

    Returns
    -------
    A document per file, its package's project as group; notes say what is missing and which licences the texts have.

    Raises
    ------
    UserError
        Where more is missing, with what to do.
    """
    files = check_packages(site, manifest)
    same = files[files["state"] == "same"]
    if len(same) < least * len(files):
        raise UserError(
            f"{missing(files)} That leaves less than {least:.0%} of the corpus, which would be another one: install "
            "the pinned packages (`make clean-env`, then `make test` or `make book`), or make a manifest of what is "
            "here with `python -m emotion_utils.corpora manifest`."
        )
    found = packages(site)
    documents = tuple(_documents(same, found))
    licences = f"The texts keep the licences of their {same['package'].nunique()} packages, which the manifest names."
    return Corpus("packages", documents, (licences, *filter(None, [missing(files)])))


def missing(files: pd.DataFrame) -> str:
    """A sentence on what is not there as in the manifest; empty where nothing is missing.

    Parameters
    ----------
    files
        From :func:`check_packages`.
    """
    other = files[files["state"] != "same"]
    if not len(other):
        return ""
    named = other.drop_duplicates("package")
    told = [
        f"{row.package} ({row.version} is asked for, {row.installed or 'nothing'} is installed)"
        for row in named.head(3).itertuples()
    ]
    more = f" and {len(named) - 3} other packages" if len(named) > 3 else ""
    counts = other["state"].value_counts()
    how = listing(f"{counts[state]} {state}" for state in STATES[1:] if state in counts)
    return (
        f"Of {len(files)} files {len(other)} are not as in the manifest ({how}), of {', '.join(told)}{more}."
    )


def _documents(files: pd.DataFrame, found: dict[str, Package]) -> Iterator[Document]:
    for row in files.itertuples():
        text = content(_located(found[row.package], row.path).read_bytes(), row.path)
        yield Document(text, row.domain, row.project, row.path)


def _version(package: Package | None) -> str:
    return package.version if package else ""


def _located(package: Package, path: str) -> Path:
    return Path(str(package.locate_file(path)))


def _state(package: Package | None, path: str, sha256: str) -> str:
    try:
        data = _located(package, path).read_bytes() if package else None
    except OSError:
        data = None
    if data is None:
        return "missing"
    return "same" if hashlib.sha256(data).hexdigest() == sha256 else "differs"

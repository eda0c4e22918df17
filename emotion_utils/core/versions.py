"""Where a result comes from: model, profile, seed, device, date, commit and package versions."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from importlib import metadata

from emotion_utils.core.paths import PROJECT_ROOT

#: The packages whose version can change a number.
PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "transformer-lens",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
)


def commit() -> str:
    """The short hash of the checkout, with ``+dirty`` where tracked files differ; "unknown" outside git."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if head is None:
        return "unknown"
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return f"{head}+dirty" if changed else head


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str | None]:
    """The installed version of each of `packages`, None where it is missing."""
    return {name: _version(name) for name in packages}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(PROJECT_ROOT), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()

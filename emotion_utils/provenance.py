"""Where a result comes from: model, profile, seed, device, date, commit and package versions."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from platform import python_version
from typing import Any

from emotion_utils.paths import PROJECT_ROOT

__all__ = ["PACKAGES", "collect", "commit", "versions"]

#: The packages whose version can change a number.
PACKAGES = ("torch", "transformers", "transformer-lens", "numpy", "pandas", "scipy", "scikit-learn")


def collect(chapter: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader needs to repeat the execution of `chapter` with `parameters`.

    Returns
    -------
    dict
        JSON-ready: ``chapter``, ``model`` and ``model_label`` ("bundled small model" or "hub model"; None
        where the chapter takes no model), ``parameters``, ``date`` (UTC), ``commit``, ``python``, ``packages``.
    """
    model = parameters.get("model")
    return {
        "chapter": chapter,
        "model": model,
        "model_label": _model_label(model),
        "parameters": dict(parameters),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "python": python_version(),
        "packages": versions(),
    }


def commit() -> str:
    """The short hash of the checkout, with ``+dirty`` where tracked files differ; "unknown" outside git."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if head is None:
        return "unknown"
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return f"{head}+dirty" if changed else head


def versions() -> dict[str, str | None]:
    """The installed version of each of `PACKAGES`, None where it is missing."""
    return {name: _version(name) for name in PACKAGES}


def _model_label(model: str | None) -> str | None:
    if model is None:
        return None
    from emotion_utils.models import resolve_model

    return resolve_model(model).label


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

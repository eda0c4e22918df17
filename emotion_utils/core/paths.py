"""Where things are, found from the package and never from the working directory."""

from __future__ import annotations

import os
from pathlib import Path

from emotion_utils.core.errors import UserError

PROJECT_ROOT = Path(__file__).resolve().parents[2]
DATA = PROJECT_ROOT / "data"
MODELS = DATA / "models"
PROMPTS = DATA / "prompts"
NOTEBOOKS = PROJECT_ROOT / "notebooks"
RUNS = PROJECT_ROOT / "runs"


def expanded(path: str | Path) -> Path:
    """A path with the home folder in place of ``~``.

    Raises
    ------
    UserError
        For the home of somebody whom this machine does not know.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(
            f"{str(path)!r} begins in the home folder of somebody who is not known here: write the path in full."
        ) from None


def output_folder() -> Path:
    """Where all that a run makes is put, ``build/``, ``_build/`` and ``.snakemake/``.

    The variable ``EMOTION_CIRCUITS_OUTPUT``, for a project that cannot be written to, else the project.
    """
    return PROJECT_ROOT / expanded(os.environ.get("EMOTION_CIRCUITS_OUTPUT", ""))


OUTPUT = output_folder()
BUILD = OUTPUT / "build"


def cache_folder() -> Path:
    """Where models that were fetched or converted are kept, outside the checkout.

    The variable ``EMOTION_CIRCUITS_CACHE``, else ``emotion-circuits`` in ``XDG_CACHE_HOME``, else in ``~/.cache``.
    """
    chosen = os.environ.get("EMOTION_CIRCUITS_CACHE")
    if chosen:
        return PROJECT_ROOT / expanded(chosen)
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "emotion-circuits"  # as XDG asks

"""Where things are, found from the package and never from the working directory."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
DATA = PROJECT_ROOT / "data"
MODELS = DATA / "models"
PROMPTS = DATA / "prompts"
NOTEBOOKS = PROJECT_ROOT / "notebooks"
RUNS = PROJECT_ROOT / "runs"
BUILD = PROJECT_ROOT / "build"


def cache_folder() -> Path:
    """Where models that were fetched or converted are kept, outside the checkout.

    The variable ``EMOTION_CIRCUITS_CACHE``, else ``emotion-circuits`` in ``XDG_CACHE_HOME``, else in ``~/.cache``.
    """
    chosen = os.environ.get("EMOTION_CIRCUITS_CACHE")
    if chosen:
        return PROJECT_ROOT / Path(chosen).expanduser()
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "emotion-circuits"  # as XDG asks

"""Where things are, found from the package and never from the working directory."""

from __future__ import annotations

from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
DATA = PROJECT_ROOT / "data"
MODELS = DATA / "models"
PROMPTS = DATA / "prompts"
NOTEBOOKS = PROJECT_ROOT / "notebooks"
RUNS = PROJECT_ROOT / "runs"
BUILD = PROJECT_ROOT / "build"

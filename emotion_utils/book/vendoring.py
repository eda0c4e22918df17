"""The drawing libraries, copied out of the installed wheels, so that a page asks no other site for them."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

from emotion_utils.core.errors import UserError

# name on the site: (package, path inside it)
LIBRARIES = {
    "plotly.min.js": ("plotly", "package_data/plotly.min.js"),
    "circuitsvis.js": ("circuitsvis", "dist/cdn/iife.js"),
}


def vendor(folder: Path) -> list[Path]:
    """Copy each library into `folder` unless it is there already, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_copy(folder / name, *origin) for name, origin in LIBRARIES.items()]


def _copy(target: Path, package: str, inside: str) -> Path:
    with as_file(files(package).joinpath(inside)) as source:
        if not source.is_file():
            raise UserError(f"The package {package} has no {inside}: reinstall it from requirements.txt.")
        if not target.is_file() or target.stat().st_size != source.stat().st_size:
            shutil.copyfile(source, target)
    return target

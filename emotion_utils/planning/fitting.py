"""The constants of a plan, measured: how fast this machine multiplies, and what chapters cost on the bundled models.

The machine is measured with random matrices, so that no model is needed for it. What a block costs in a pass beside
its operations comes from the bundled models; what sections of chapters cost beside their passes from notebooks of the
bundled models that a run has executed, which say how long each cell took. Executed notebooks of other models are
compared with the plan and change nothing in it.
"""

from __future__ import annotations

import json
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.core.versions import commit
from emotion_utils.models.registry import BUNDLED, bundled_models
from emotion_utils.planning.chapters import REST, Asked, Section
from emotion_utils.planning.constants import Checked, Constants
from emotion_utils.planning.devices import CPU, Device, device_named
from emotion_utils.planning.outlines import sections_of
from emotion_utils.planning.passes import Passes
from emotion_utils.planning.shapes import shape_of
from emotion_utils.runtime.runs import Job, Run

WIDTHS = (128, 256, 512, 1024, 2048)
"""Of the matrices that are multiplied."""
ROWS = 512
"""Tokens of a product that is bound by its operations."""
BEYOND = 512 * 2**20
"""Bytes of weights that no cache holds."""
REPEATS = 7
DTYPE = "float32"


@dataclass(frozen=True)
class Executed:
    """An executed notebook.

    Attributes
    ----------
    job
    began
        When it was started, as text that sorts by time.
    seconds
        Of the whole.
    cells
        Code and seconds of each cell of code.
    """

    job: Job
    began: str
    seconds: float
    cells: Sequence[tuple[str, float]]


def executed(run: Run, directory: Path | None = None) -> list[Executed]:
    """The executed notebooks of a run, those that began first before others.

    Parameters
    ----------
    run
    directory
        Where they are; by default where the run keeps them.

    Raises
    ------
    UserError
        Where none of a bundled model is there.
    """
    folder = directory or run.directory / "notebooks"
    paths = {folder / f"{job.name}.ipynb": job for job in run.chapters}
    found = [_read(path, job) for path, job in paths.items() if path.is_file()]
    if not any(one.job.model in BUNDLED for one in found):
        raise UserError(
            f"There is no executed notebook of a bundled model in {folder}: `python -m emotion_utils run {run.path}` "
            "makes them, and their times are what a plan is fitted to."
        )
    return sorted(found, key=lambda one: one.began)


def _read(path: Path, job: Job) -> Executed:
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    about = told["metadata"]["papermill"]
    cells = [
        ("".join(cell["source"]), float(cell["metadata"].get("papermill", {}).get("duration") or 0.0))
        for cell in told["cells"]
        if cell["cell_type"] == "code"
    ]
    return Executed(job, about["start_time"], float(about["duration"]), cells)


def asked_of(job: Job, paid: set[tuple[str, str]], on_cpu: bool = True) -> Asked:
    """What a job asks for; texts of a reader are counted.

    Raises
    ------
    UserError
        What reading a reader's file raises.
    """
    from emotion_utils.planning.texts import counted
    from emotion_utils.runtime.own_prompts import read_own

    own = read_own(job.parameters)
    texts = None if own is None else counted(own.table)
    return Asked(job.models, str(job.parameters["profile"]), texts, on_cpu, paid)


def seconds_by_section(notebook: Executed, sections: Sequence[Section]) -> dict[str, float]:
    """Seconds of the cells of each section; what no marker names, and the start of the kernel, is the rest."""
    found = dict.fromkeys((section.name for section in sections), 0.0)
    for section in sections:
        if section.marker:
            found[section.name] = sum(took for code, took in notebook.cells if section.marker in code)
    found[REST] = notebook.seconds - sum(took for name, took in found.items() if name != REST)
    return found


def fit_sections(
    notebooks: Iterable[Executed], device: Device, constants: Constants
) -> dict[str, dict[str, float]]:
    """Seconds of a unit of every section: what notebooks took beyond their passes, over their units.

    Parameters
    ----------
    notebooks
        In the order in which they began: what one has left in the store costs the next nothing.
    device, constants
        What passes cost.

    Returns
    -------
    By chapter and section; none is below 0.
    """
    paid: set[tuple[str, str]] = set()
    over: dict[tuple[str, str], float] = defaultdict(float)
    units: dict[tuple[str, str], float] = defaultdict(float)
    for one in notebooks:
        sections = sections_of(one.job.chapter, asked_of(one.job, paid))
        took = seconds_by_section(one, sections)
        if one.job.model is not None and one.job.model not in BUNDLED:
            continue
        for section in sections:
            key = (one.job.chapter, section.name)
            over[key] += took[section.name] - passes_seconds(section, DTYPE, device, constants)
            units[key] += section.units
            if not section.units:
                over[key] -= took[section.name]  # what came from the store says nothing of a unit
    fitted: dict[str, dict[str, float]] = defaultdict(dict)
    for (chapter, name), n in units.items():
        fitted[chapter][name] = max(0.0, over[chapter, name] / n) if n else 0.0
    return dict(fitted)


def passes_seconds(section: Section, dtype: str, device: Device, constants: Constants) -> float:
    """Seconds of the forward passes of a section."""
    return sum(passes.seconds(shape, dtype, device, constants) for shape, passes in section.passes)


def checked(notebooks: Iterable[Executed], device: Device, constants: Constants) -> list[Checked]:
    """Measured and planned seconds of every notebook."""
    from emotion_utils.planning.estimate import section_seconds

    paid: set[tuple[str, str]] = set()
    rows = []
    for one in notebooks:
        sections = sections_of(one.job.chapter, asked_of(one.job, paid))
        planned = sum(section_seconds(one.job.chapter, own, DTYPE, device, constants) for own in sections)
        fitted = one.job.model is None or one.job.model in BUNDLED
        rows.append(
            Checked(one.job.chapter, one.job.model or "", fitted, round(one.seconds, 1), round(planned, 1))
        )
    return rows


def fit(run: Run, directory: Path | None = None) -> Constants:
    """Measure this machine, and what the chapters of an executed run cost beside their forward passes.

    Parameters
    ----------
    run
        With one thread, on a CPU, in float32.
    directory
        Of its executed notebooks, as of :func:`executed`.

    Raises
    ------
    UserError
        For a run that used a GPU or more threads, and one without notebooks.
    """
    if run.device != CPU or run.threads != 1 or run.dtype != DTYPE:
        raise UserError(
            f"{run.path} is not fit to measure by: a plan is fitted on a CPU, with one thread, in float32."
        )
    notebooks = executed(run, directory)
    constants = measured_machine()
    device = device_named(CPU, DTYPE, constants)
    constants = replace(constants, sections=fit_sections(notebooks, device, constants))
    return replace(constants, checked=checked(notebooks, device, constants))


def measured_machine() -> Constants:
    """How fast one thread multiplies and reads, and what a block of a bundled model costs in a pass."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rates = {str(width): product_rate(width) for width in WIDTHS}
        about = (datetime.now(UTC).date().isoformat(), commit(), _machine())
        found = Constants(*about, rates, weights_rate(rates), 0.0, {})
        device = device_named(CPU, DTYPE, found)
        spent = [block_seconds(name, device, found) for name in bundled_models()]
        return replace(found, block_seconds=float(np.median(spent)))
    finally:
        torch.set_num_threads(threads)


def _machine() -> str:
    return f"{platform.machine()}, one thread, torch {torch.__version__}"


def product_rate(width: int) -> float:
    """Operations a second of products of :data:`ROWS` rows with matrices as an MLP has them."""
    rows = torch.randn(ROWS, width)
    weights = [torch.randn(width, 4 * width) for _ in range(max(1, 2**22 // width**2))]

    def multiply() -> None:
        for weight in weights:
            rows @ weight

    return 2.0 * ROWS * 4 * width**2 * len(weights) / _median_seconds(multiply)


def weights_rate(rates: Mapping[str, float]) -> float:
    """Bytes a second of weights that are in no cache, from products with few rows, their operations taken away."""
    width, rows = 1024, 4
    weights = [torch.randn(width, 4 * width) for _ in range(BEYOND // (16 * width**2))]
    few = torch.randn(rows, width)

    def multiply() -> None:
        for weight in weights:
            few @ weight

    operations = 2.0 * rows * 4 * width**2 * len(weights) / rates[str(width)]
    taken = _median_seconds(multiply)
    return len(weights) * 16.0 * width**2 / max(taken - operations, 0.1 * taken)


def block_seconds(name: str, device: Device, constants: Constants) -> float:
    """Seconds of a block in a pass of a bundled model beyond its operations and weights."""
    from emotion_utils.models.model import load

    model, shape, length = load(name), shape_of(name), 26
    ids = torch.randint(5, shape.vocabulary - 5, (4, length))

    @torch.no_grad()
    def read() -> None:
        model.network(input_ids=ids, use_cache=False, logits_to_keep=1)

    passes = Passes(ids.numel(), 1.0, length, logits=len(ids))
    known = passes.seconds(shape, DTYPE, device, replace(constants, block_seconds=0.0))
    return max(0.0, _median_seconds(read) - known) / shape.n_layers


def _median_seconds(function: Callable[[], object]) -> float:
    """Seconds of the median of some calls, after one that is not counted."""
    taken = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        function()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken[1:]))

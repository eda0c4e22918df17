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
from emotion_utils.planning.chapters import REST, Section
from emotion_utils.planning.constants import Checked, Constants
from emotion_utils.planning.costs import asked_of, passes_seconds, section_seconds
from emotion_utils.planning.devices import CPU, Device, device_named
from emotion_utils.planning.outlines import sections_of
from emotion_utils.planning.passes import Passes
from emotion_utils.planning.shapes import shape_of
from emotion_utils.runtime.neighbours import busy_neighbours
from emotion_utils.runtime.runs import Job, Run

WIDTHS = (128, 256, 512, 1024, 2048)
"""Of the matrices that are multiplied."""
ROWS = 256
"""Tokens of a product that is bound by its operations, about as many as a batch of the book has."""
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
        Of the whole: those of the processor where they were recorded, which other work on the machine does not
        stretch, else those of the clock.
    cells
        Code and seconds of each cell of code, in the same measure.
    """

    job: Job
    began: str
    seconds: float
    cells: Sequence[tuple[str, float]]


def executed(run: Run, directory: Path | None = None, *, bundled: bool = True) -> list[Executed]:
    """The executed notebooks of a run, those that began first before others.

    Parameters
    ----------
    run
    directory
        Where they are; by default where the run keeps them.
    bundled
        Whether some have to be about a bundled model.

    Raises
    ------
    UserError
        Where none is there, or none of a bundled model.
    """
    folder = directory or run.directory / "notebooks"
    paths = {folder / f"{job.name}.ipynb": job for job in run.chapters}
    found = [_read(path, job) for path, job in paths.items() if path.is_file()]
    if not any(one.job.model in BUNDLED or not bundled for one in found):
        raise UserError(
            f"There is no executed notebook{' of a bundled model' if bundled else ''} in {folder}: "
            f"`python -m emotion_utils run {run.path}` makes them, and their times are what a plan is measured by."
        )
    return sorted(found, key=lambda one: one.began)


def _read(path: Path, job: Job) -> Executed:
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    about, clock = told["metadata"]["papermill"], float(told["metadata"]["papermill"]["duration"])
    seconds = float(told["metadata"].get("provenance", {}).get("processor_seconds") or clock)
    cells = [
        ("".join(cell["source"]), float(cell["metadata"].get("papermill", {}).get("duration") or 0.0))
        for cell in told["cells"]
        if cell["cell_type"] == "code"
    ]
    return Executed(
        job, about["start_time"], seconds, [(code, took * seconds / clock) for code, took in cells]
    )


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
        if _compared(one.job):
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


def _compared(job: Job) -> bool:
    """Whether a job is about another model than the bundled ones, whose times are compared and change nothing."""
    return any(name not in BUNDLED for name in job.models)


def checked(notebooks: Iterable[Executed], device: Device, constants: Constants) -> list[Checked]:
    """Measured and planned seconds of every notebook."""
    paid: set[tuple[str, str]] = set()
    rows = []
    for one in notebooks:
        planned, alone = (
            sum(
                section_seconds(one.job.chapter, own, DTYPE, device, constants)
                for own in sections_of(one.job.chapter, asked_of(one.job, left))
            )
            for left in (paid, set())
        )
        told = (round(seconds, 1) for seconds in (one.seconds, planned, alone))
        rows.append(Checked(one.job.chapter, one.job.model or "", not _compared(one.job), *told))
    return rows


def fit(run: Run, others: Sequence[Run] = ()) -> Constants:
    """Measure this machine, and what the chapters of an executed run cost beside their forward passes.

    Parameters
    ----------
    run
        With one thread, on a CPU, in float32.
    others
        Runs of the same kind whose executed notebooks are compared and not fitted to.

    Raises
    ------
    UserError
        For a run that used a GPU or more threads, and one without notebooks.
    """
    for one in (run, *others):
        if one.device != CPU or one.threads != 1 or one.dtype != DTYPE:
            raise UserError(
                f"{one.path} is not fit to measure by: a plan is fitted on a CPU, with one thread, in float32."
            )
    notebooks, beside = executed(run), [executed(other, bundled=False) for other in others]
    constants = measured_machine()
    device = device_named(CPU, DTYPE, constants)
    constants = replace(constants, sections=fit_sections(notebooks, device, constants))
    rows = [row for one in (notebooks, *beside) for row in checked(one, device, constants)]
    return replace(constants, checked=rows)


def measured_machine() -> Constants:
    """How fast one thread multiplies and reads, and what a block of a bundled model costs in a pass.

    The other cores have work meanwhile, as they have in a run, which executes as many notebooks as there are cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with busy_neighbours():
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
    weights = [torch.randn(4 * width, width) for _ in range(max(1, 2**22 // width**2))]

    def multiply() -> None:
        for weight in weights:
            torch.nn.functional.linear(rows, weight)

    return 2.0 * ROWS * 4 * width**2 * len(weights) / _fastest(multiply)


def weights_rate(rates: Mapping[str, float]) -> float:
    """Bytes a second of weights that are in no cache, from products with few rows, their operations taken away."""
    width, rows = 1024, 4
    weights = [torch.randn(4 * width, width) for _ in range(BEYOND // (16 * width**2))]
    few = torch.randn(rows, width)

    def multiply() -> None:
        for weight in weights:
            torch.nn.functional.linear(few, weight)

    operations = 2.0 * rows * 4 * width**2 * len(weights) / rates[str(width)]
    taken = _fastest(multiply)
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
    return max(0.0, _fastest(read) - known) / shape.n_layers


def _fastest(function: Callable[[], object]) -> float:
    """Seconds of the processor of the fastest of some calls, which other work on the machine has slowed the least."""
    taken = []
    for _ in range(REPEATS + 1):
        began = time.process_time()
        function()
        taken.append(time.process_time() - began)
    return min(taken[1:])

"""What a job asks of the machine that runs it: its plan, with margins, and never less than what is sure to be taken."""

from __future__ import annotations

import math
from collections.abc import Mapping

from emotion_utils.core.budget import REFERENCE
from emotion_utils.core.errors import UserError
from emotion_utils.models.registry import short_name
from emotion_utils.planning.constants import FITTED, read_constants
from emotion_utils.planning.devices import CPU, GPUS, device_named
from emotion_utils.planning.estimate import JobPlan, plan_job
from emotion_utils.planning.outlines import CHECKED
from emotion_utils.planning.shapes import UNKNOWN, Shape, named_parameters, of_parameters, shape_of
from emotion_utils.runtime.resources import Resources
from emotion_utils.runtime.runs import Job

MEMORY_MARGIN, TIME_MARGIN = 1.5, 3.0
"""Times are of one machine, and others are slower; what a process holds beside the plan grows with it."""
START_MINUTES = 10
"""Until an environment on a shared file system is imported, and its models are read."""
BASE_MB = 2_000
"""Of any notebook: Python, torch, tables and figures, and beside its kernel the processes that execute it."""
MINUTES = {"smoke": 30, "baseline": 120, "extended": 480, "powered": 1_440}
"""At least, by profile, where no measured time stands behind the plan: a chapter that is counted in outline, statistics
in another profile than the measured one, a GPU whose speed is a data sheet's. A chapter in outline takes as many times
longer as its largest model has more parameters than the one at which budgets are stated, or than :data:`ON_GPU`."""
ON_GPU = 8_000_000_000
LONGEST = 7 * 24 * 60
"""What batch systems let run; a chapter goes on from what it left in the store."""


def resources_of(job: Job, gpu: str = "") -> Resources:
    """What a job asks for, whatever earlier jobs may have left in the store.

    Parameters
    ----------
    job
        A model whose sizes are not known here counts with those that its name says.
    gpu
        Of ``devices.GPUS``, for a job on a GPU. By default it can be any of them: time is that of the slowest one
        that holds the model.

    Raises
    ------
    UserError
        For an unknown GPU.
    """
    on_gpu = str(job.parameters["device"]).startswith("cuda")
    if gpu:
        device_named(gpu, str(job.parameters["dtype"]), read_constants())
    sizes, told = sizes_of(job)
    try:
        plan = _slowest(job, ([gpu] if gpu else list(GPUS)) if on_gpu else [CPU], sizes)
    except UserError as error:
        told.append(f"{job.name} could not be planned and asks for the least: {error}")
        return Resources(BASE_MB, _least_minutes(job, on_gpu, sizes), int(on_gpu), note=" ".join(told))
    minutes = TIME_MARGIN * plan.minutes + START_MINUTES
    return Resources(
        memory_mb=max(BASE_MB, math.ceil(MEMORY_MARGIN * plan.memory_mb)),
        minutes=min(max(math.ceil(minutes), _least_minutes(job, on_gpu, sizes)), LONGEST),
        gpus=plan.gpus,
        planned_mb=math.ceil(plan.memory_mb),
        planned_minutes=round(plan.minutes, 2),
        note=" ".join(told),
    )


def sizes_of(job: Job) -> tuple[dict[str, Shape], list[str]]:
    """The sizes of all models of a job, and a sentence for each that counts with what its name says."""
    sizes: dict[str, Shape] = {}
    told = []
    for name in job.models:
        try:
            sizes[name] = shape_of(name)
        except UserError as error:
            n = named_parameters(name)
            why = "which is a guess" if n == UNKNOWN else "as its name says"
            told.append(f"{short_name(name)} counts with {n / 1e9:g} billion parameters, {why}. {error}")
            sizes[name] = of_parameters(n)
    return sizes, told


def _slowest(job: Job, devices: list[str], sizes: Mapping[str, Shape]) -> JobPlan:
    """The longest plan on a device that holds the job; where none does, the one on the fewest of them."""
    known = read_constants()
    plans = [plan_job(job, device, constants=known, sizes=sizes) for device in devices]
    fitting = [plan for plan in plans if plan.fits]
    return max(fitting, key=lambda plan: plan.minutes) if fitting else min(plans, key=lambda plan: plan.gpus)


def _least_minutes(job: Job, on_gpu: bool, sizes: Mapping[str, Shape]) -> int:
    profile = str(job.parameters["profile"])
    if job.chapter in CHECKED:
        return START_MINUTES if profile == FITTED and not on_gpu else MINUTES[profile]
    largest = max((shape.parameters for shape in sizes.values()), default=0)
    longer = max(1.0, largest / (ON_GPU if on_gpu else REFERENCE))
    return min(math.ceil(MINUTES[profile] * longer), LONGEST)

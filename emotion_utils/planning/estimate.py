"""The plan of a job, and of all jobs of a run: operations, bytes, disk, memory and time, with nothing downloaded."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.models.registry import PACKAGED, short_name
from emotion_utils.planning.chapters import Asked
from emotion_utils.planning.constants import Constants, read_constants
from emotion_utils.planning.costs import asked_of, section_seconds
from emotion_utils.planning.devices import CPU, DEVICES, GB, Device, device_named
from emotion_utils.planning.outlines import sections_of
from emotion_utils.planning.passes import BYTES
from emotion_utils.planning.shapes import Shape, shape_of
from emotion_utils.runtime.runs import Job, Run

MB = 1e6
PROCESS = 900 * MB
"""What a kernel holds with torch, transformers and the prompts, before any model."""
GPU_PROCESS = 600 * MB
"""What the driver and the libraries keep of a GPU."""
COPIES = 3
"""Of what was read, in float32: as it comes, as it is stacked, and what statistics make of it."""
ROOM = 2**30
"""What a batch of generated text may take on a CPU."""
DRAWS = 200 * 8 * 5
"""Bytes for each token of the vocabulary where vectors are read as logits: of all draws of a null, in float64, as they
come, ordered and ranked."""
READS = 3
"""Positions of a prompt whose states are kept: its end, its emotion word, and the word in its place."""


@dataclass(frozen=True)
class JobPlan:
    """What one job will cost.

    Attributes
    ----------
    job, chapter, models
        Its name, and what it is about.
    flops, bytes
        Operations of its forward passes, and bytes of weights and logits that they move.
    download, disk
        Bytes that come over a network for its models, and bytes that it takes on disk: models in the cache, and what it
        keeps in the store.
    gpu_mb, memory_mb
        Of the largest model with its batches on the GPUs, 0 on a CPU, and of the process; megabytes.
    gpus
        How many devices the model has to be spread over: 0 on a CPU.
    minutes
        On the device.
    fits
        Whether one device holds it.
    """

    job: str
    chapter: str
    models: tuple[str, ...]
    flops: float
    bytes: float
    download: float
    disk: float
    gpu_mb: float
    memory_mb: float
    gpus: int
    minutes: float
    fits: bool


@dataclass(frozen=True)
class RunPlan:
    """What a run will cost.

    Attributes
    ----------
    run, profile, device, dtype
    jobs
        In their order; what one leaves in the store costs a later one nothing.
    download, disk
        Bytes of all different models, and of these and the store.
    notes
        Sentences of what does not fit.
    """

    run: str
    profile: str
    device: str
    dtype: str
    jobs: tuple[JobPlan, ...]
    download: float
    disk: float
    notes: tuple[str, ...]


def plan_job(
    job: Job,
    device: str = "cpu",
    *,
    paid: set[tuple[str, str]] | None = None,
    constants: Constants | None = None,
    sizes: Mapping[str, Shape] | None = None,
) -> JobPlan:
    """What a job will cost on a device.

    Parameters
    ----------
    job
        Of a run file; nothing of its models has to be here.
    device
        Of ``devices.DEVICES``.
    paid
        What earlier jobs of the run have left in the store; what this one leaves is added. By default nothing.
    constants
        By default those of ``data/plan.json``.
    sizes
        Of models that are not to be looked up.

    Raises
    ------
    UserError
        For an unknown device, and a model whose sizes are not known.
    """
    known = read_constants() if constants is None else constants
    dtype = str(job.parameters["dtype"])
    on = device_named(device, dtype, known)
    asked = asked_of(job, set() if paid is None else paid, on.is_cpu, sizes)
    sections = sections_of(job.chapter, asked)
    shapes = [asked.shape_of(name) for name in asked.models]
    seconds = sum(section_seconds(job.chapter, section, dtype, on, known) for section in sections)
    gpu, host = _memory(asked, shapes, dtype, on)
    needed = host if on.is_cpu else gpu
    return JobPlan(
        job.name, job.chapter, tuple(asked.models),
        sum(passes.flops(shape) for section in sections for shape, passes in section.passes),
        sum(passes.bytes(shape, dtype) for section in sections for shape, passes in section.passes),
        float(sum(shape.downloaded for shape in shapes)),
        sum(map(cached, asked.models, shapes)) + _stored(asked, shapes),
        gpu / MB, host / MB, 0 if on.is_cpu else math.ceil(gpu / on.memory), seconds / 60, needed <= on.memory,
    )  # fmt: skip


def plan_run(run: Run, device: str | None = None, constants: Constants | None = None) -> RunPlan:
    """What a run will cost on a device.

    Parameters
    ----------
    run
        From ``runs.read_run(path, whole=True)``.
    device
        As of :func:`plan_job`; by default the processor of this machine, for a run that asks for no other device.
    constants
        As of :func:`plan_job`.

    Raises
    ------
    UserError
        As :func:`plan_job`, and for a run on a GPU where nothing says which one.
    """
    if device is None and run.device != CPU:
        raise UserError(
            f"{run.path} asks for the device {run.device}, which can be any: say which one with --device, such as "
            f"a100-80gb. Known: {listing(DEVICES)}."
        )
    name, paid = device or CPU, set[tuple[str, str]]()
    known = read_constants() if constants is None else constants
    jobs = tuple(plan_job(job, name, paid=paid, constants=known) for job in run.chapters)
    models = list(dict.fromkeys(model for job in jobs for model in job.models))
    kept = {model: cached(model, shape_of(model)) for model in models}
    stored = sum(job.disk - sum(kept[model] for model in job.models) for job in jobs)
    download = float(sum(shape_of(model).downloaded for model in models))
    disk = stored + sum(kept.values())
    notes = notes_of(jobs, run.dtype, device_named(name, run.dtype, known), disk)
    return RunPlan(run.name, run.profile, name, run.dtype, jobs, download, disk, notes)


def cached(model: str, shape: Shape) -> float:
    """Bytes that a model takes in the cache: of a packaged one the file that was brought and its float32 copy."""
    if model in PACKAGED:
        return float(PACKAGED[model].bytes + BYTES["float32"] * PACKAGED[model].parameters)
    return float(shape.downloaded)


def _stored(asked: Asked, shapes: Sequence[Shape]) -> float:
    """Bytes of the states that a job keeps for others, unless an earlier one did."""
    texts = sum(asked.elsewhere.values(), asked.texts)
    new = [shape for name, shape in zip(asked.models, shapes, strict=True) if asked.pays("on disk", name)]
    return float(sum(_states(shape, texts.n) for shape in new))


def _states(shape: Shape, n: int) -> float:
    return 4.0 * READS * n * shape.n_layers * shape.d_model


def _memory(asked: Asked, shapes: Sequence[Shape], dtype: str, device: Device) -> tuple[float, float]:
    """Bytes on the GPUs, and of the process, for the largest of some models."""
    if not shapes:
        return 0.0, PROCESS
    largest = max(shapes, key=lambda shape: shape.parameters)
    weights = float(BYTES[dtype] * largest.parameters)
    states = COPIES * _states(largest, asked.texts.n + sum(one.n for one in asked.elsewhere.values()))
    if device.is_cpu:
        return 0.0, PROCESS + 2 * weights + states + max(ROOM, DRAWS * largest.vocabulary)
    batch = asked.batch_tokens * (4 * largest.d_model + 2 * largest.d_mlp) * BYTES[dtype]
    return GPU_PROCESS + weights + batch, PROCESS + weights + states + DRAWS * largest.vocabulary


def notes_of(jobs: Iterable[JobPlan], dtype: str, device: Device, disk: float) -> tuple[str, ...]:
    """Sentences of what a device or the disk does not hold, one for each model and place."""
    told: dict[str, None] = {}
    for job in jobs:
        if not job.fits:
            told[_unfit(job, dtype, device)] = None
    free = shutil.disk_usage(PROJECT_ROOT).free
    if disk > free:
        told[
            f"The run takes {disk / GB:,.1f} GB on disk, and {free / GB:,.1f} GB are free: make room first."
        ] = None
    return tuple(told)


def _unfit(job: JobPlan, dtype: str, device: Device) -> str:
    model = max(job.models, key=lambda name: shape_of(name).parameters)
    weights = BYTES[dtype] * shape_of(model).parameters / GB
    needed = (job.memory_mb if device.is_cpu else job.gpu_mb) * MB / GB
    way = (
        "free some, take a smaller model, or bfloat16"
        if device.is_cpu
        else f"spread it over {job.gpus} of them"
    )
    where = "this machine" if device.is_cpu else f"one {device.name}"
    return (
        f"{short_name(model)} needs {weights:,.1f} GB in {dtype}, {needed:,.1f} GB with what is computed, and {where} "
        f"has {device.memory / GB:,.1f} GB: {way}."
    )

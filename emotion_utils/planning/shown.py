"""A plan as a table for a terminal, in sentences, and as JSON."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict

import pandas as pd

from emotion_utils.core.errors import listing
from emotion_utils.planning.constants import FITTED, Constants
from emotion_utils.planning.devices import CPU, EFFICIENCY, GB
from emotion_utils.planning.estimate import MB, JobPlan, RunPlan
from emotion_utils.planning.outlines import CHECKED
from emotion_utils.runtime.schema import CHAPTERS

WIDTH = 100
"""Columns of a terminal that the table fits."""
NAME = 40
TOTAL = "all jobs"
COLUMNS = ("job", "TFLOP", "GB moved", "GB disk", "GB GPU", "GB host", "GPUs", "time")


def table(plan: RunPlan) -> pd.DataFrame:
    """One row per job and one for all of them.

    Returns
    -------
    Columns as of :data:`COLUMNS`: operations in units of 10^12, weights and logits that are moved, disk of models and
    store, memory of the GPUs and of the process, devices, and time in words. The disk of all jobs counts each model
    once; memory and devices are those of the largest job.
    """
    rows = [_row(job) for job in plan.jobs]
    jobs = plan.jobs
    whole = (
        TOTAL, sum(job.flops for job in jobs) / 1e12, sum(job.bytes for job in jobs) / GB, plan.disk / GB,
        max(job.gpu_mb for job in jobs) * MB / GB, max(job.memory_mb for job in jobs) * MB / GB,
        max(job.gpus for job in jobs), duration(sum(job.minutes for job in jobs)),
    )  # fmt: skip
    return pd.DataFrame([*rows, whole], columns=COLUMNS)


def _row(job: JobPlan) -> tuple[object, ...]:
    name = job.job if len(job.job) <= NAME else job.job[: NAME - 3] + "..."
    return (
        name, job.flops / 1e12, job.bytes / GB, job.disk / GB, job.gpu_mb * MB / GB, job.memory_mb * MB / GB,
        job.gpus, duration(job.minutes),
    )  # fmt: skip


def duration(minutes: float) -> str:
    """Minutes as a reader takes them in.

    Examples
    --------
    >>> duration(0.4), duration(12.4), duration(90), duration(60 * 50)
    ('24 s', '12 min', '1.5 h', '50 h')
    """
    if minutes < 1:
        return f"{60 * minutes:.0f} s"
    if minutes < 60:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 600 else f"{minutes / 60:,.0f} h"


def amount(value: float) -> str:
    """A number with two significant digits, or all before the point.

    Examples
    --------
    >>> amount(0), amount(0.0123), amount(4.56), amount(12345.6)
    ('0', '0.012', '4.6', '12,346')
    """
    if value == 0:
        return "0"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def as_text(plan: RunPlan, constants: Constants) -> str:
    """The table, what does not fit, and what the times rest on."""
    shown = table(plan)
    numbers = [name for name in COLUMNS if name.startswith(("T", "GB"))]
    shown[numbers] = shown[numbers].map(amount)
    head = f'The run "{plan.run}" on {plan.device}, {plan.dtype}; nothing was downloaded.'
    lines = [head, "", shown.to_string(index=False), ""]
    lines.append(
        f"To download: {amount(plan.download / GB)} GB; on disk, models and store: {amount(plan.disk / GB)} GB."
    )
    told = [*plan.notes, *grounds(plan, constants)]
    return "\n".join([*lines, *(textwrap.fill(sentence, WIDTH) for sentence in told)])


def grounds(plan: RunPlan, constants: Constants) -> list[str]:
    """Sentences on how sure the times are."""
    others = [row for row in constants.checked if not row.fitted and row.chapter in CHECKED]
    off = [row.planned / row.measured for row in others]
    known = (
        f" For {len(off)} jobs of other models the plan is {min(off):.2f} to {max(off):.2f} times the measured time."
        if off
        else ""
    )
    lines = [
        f"Times are of one thread as measured on {constants.date} ({constants.machine}), on bundled models.{known}"
    ]
    if any(job.chapter not in CHECKED for job in plan.jobs):
        outlined = listing(chapter[:2] for chapter in CHAPTERS if chapter not in CHECKED)
        lines.append(f"Chapters {outlined} are counted in outline only: their times are rough.")
    if plan.profile != FITTED:
        lines.append(
            f"What statistics cost was measured in the profile {FITTED}; of {plan.profile} only prompts and "
            "budgets are counted."
        )
    if plan.device != CPU:
        lines.append(
            f"For {plan.device} it is assumed that products reach {EFFICIENCY:.0%} of the published peak; statistics "
            "run on the processor beside it."
        )
    return lines


def comparison(constants: Constants) -> str:
    """Measured and planned seconds of every job whose time was known, those first that constants come from."""
    rows = sorted(constants.checked, key=lambda row: (not row.fitted, row.chapter, row.model))
    found = pd.DataFrame([asdict(row) for row in rows])
    return found.assign(ratio=(found["planned"] / found["measured"]).round(2)).to_string(index=False)


def as_json(plan: RunPlan, constants: Constants) -> str:
    """The plan with all its numbers, in operations, bytes, megabytes and minutes."""
    told = {**asdict(plan), "grounds": grounds(plan, constants)}
    return json.dumps(told, indent=1)

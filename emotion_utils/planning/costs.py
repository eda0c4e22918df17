"""What a job asks for, and how long its sections take."""

from __future__ import annotations

from collections.abc import Mapping

from emotion_utils.planning.chapters import Asked, Section
from emotion_utils.planning.constants import Constants
from emotion_utils.planning.devices import Device
from emotion_utils.planning.shapes import Shape
from emotion_utils.planning.texts import counted
from emotion_utils.runtime.own_prompts import read_own
from emotion_utils.runtime.runs import Job


def asked_of(
    job: Job, paid: set[tuple[str, str]], on_cpu: bool = True, sizes: Mapping[str, Shape] | None = None
) -> Asked:
    """What a job asks for; texts of a reader are counted.

    Raises
    ------
    UserError
        What reading a reader's file raises.
    """
    own = read_own(job.parameters)
    texts = None if own is None else counted(own.table)
    return Asked(job.models, str(job.parameters["profile"]), texts, on_cpu, paid, sizes or {})


def passes_seconds(section: Section, dtype: str, device: Device, constants: Constants) -> float:
    """Seconds of the forward passes of a section."""
    return sum(passes.seconds(shape, dtype, device, constants) for shape, passes in section.passes)


def section_seconds(
    chapter: str, section: Section, dtype: str, device: Device, constants: Constants
) -> float:
    """Seconds of a section: its passes on the device, and its units on the processor beside it."""
    unit = constants.sections.get(chapter, {}).get(section.name, 0.0)
    return passes_seconds(section, dtype, device, constants) + section.units * unit

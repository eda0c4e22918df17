"""What a plan does not count but takes from a measurement: in ``data/plan.json``, made by ``plan RUNFILE --fit``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import write_atomically
from emotion_utils.core.paths import DATA

PATH = DATA / "plan.json"
FITTED = "baseline"
"""The profile of the runs that constants come from."""


@dataclass(frozen=True)
class Checked:
    """One job whose time is known.

    Attributes
    ----------
    chapter, model
    fitted
        Whether its time is one of those that the constants come from.
    measured, planned
        Seconds; planned beside the jobs of its run, which leave in the store what it then need not compute.
    alone
        Planned seconds of the job with an empty store.
    """

    chapter: str
    model: str
    fitted: bool
    measured: float
    planned: float
    alone: float = 0.0


@dataclass(frozen=True)
class Constants:
    """Of the machine on which they were measured.

    Attributes
    ----------
    date, commit, machine
        Of the measurement.
    rates
        Operations a second of one thread in matrix products, by the width of the matrices, as text.
    bandwidth
        Bytes a second at which it reads weights that are in no cache.
    block_seconds
        Seconds that a block costs in each pass, beside its operations and weights.
    sections
        By chapter and section, seconds of a unit of what is not a forward pass.
    checked
        Jobs whose time was known, fitted and not.
    """

    date: str
    commit: str
    machine: str
    rates: Mapping[str, float]
    bandwidth: float
    block_seconds: float
    sections: Mapping[str, Mapping[str, float]]
    checked: list[Checked] = field(default_factory=list)


def read_constants(path: Path = PATH) -> Constants:
    """What ``plan --fit`` has kept.

    Raises
    ------
    UserError
        Where the file is missing or damaged.
    """
    way_out = "restore it from git, or make it again: `python -m emotion_utils plan runs/small.yaml --fit`."
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        checked = [Checked(**one) for one in told.pop("checked")]
        return Constants(**told, checked=checked)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: {way_out}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error}): {way_out}") from error


def write_constants(constants: Constants, path: Path = PATH) -> Path:
    """Keep them."""
    return write_atomically(path, json.dumps(asdict(constants), indent=1) + "\n")

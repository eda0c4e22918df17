"""All values that a job of a run left, as hashes by where they stand: what two runs of the same thing must share.

Left out is what no second run gives again: dates, commits, and what the clock on the wall says (cells with the tag
`timing`, claims in units a second).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import read_json
from emotion_utils.core.hashing import digest
from emotion_utils.ledger.assembly import measured_by
from emotion_utils.record.findings import findings_file, read_findings
from emotion_utils.reports.claims import read_claims

if TYPE_CHECKING:
    from emotion_utils.runtime.runs import Job, Run

TIMING = "timing"
"""The tag of cells whose output is what the clock on the wall says."""
RATE = "/s"
"""How the metric of a claim about speed ends."""
DIGITS = 16
PLAIN = "text/plain"


def values_of(run: Run, job: Job) -> dict[str, str]:
    """Hashes of the values of a job that has been executed.

    Parameters
    ----------
    run, job

    Returns
    -------
    By place: ``cell <id>`` for each cell with an output, ``measurements`` of claims, ``findings``; the latter two only
    where the chapter keeps any.

    Raises
    ------
    UserError
        Where a file is missing or damaged.
    """
    found = {f"cell {name}": digest(shown) for name, shown in outputs(job.output).items()}
    measured = measured_by(run, job)
    if measured.is_file():
        found["measurements"] = digest(_measured(measured))
    findings = findings_file(run.directory, job.chapter, next(iter(job.models), None))
    if findings.is_file():
        found["findings"] = digest(list(read_findings(findings)["findings"]))
    return {place: value[:DIGITS] for place, value in found.items()}


def outputs(notebook: Path) -> dict[str, list[Any]]:
    """What each cell of an executed notebook shows, but for progress bars, warnings and times; by the id of the cell.

    Raises
    ------
    UserError
        Where the file is missing or damaged.
    """
    try:
        cells = [cell for cell in read_json(notebook)["cells"] if cell["cell_type"] == "code"]
        timeless = [cell for cell in cells if TIMING not in cell["metadata"].get("tags", [])]
        shown = {cell["id"]: _shown(cell["outputs"]) for cell in timeless}
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{notebook} is no executed notebook ({error!r}): delete it and run it again."
        ) from error
    return {name: values for name, values in shown.items() if values}


def _shown(listed: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The values among the outputs of a cell; printed text is one, however it was cut when it was sent."""
    printed, values = "", []
    for output in listed:
        if output["output_type"] == "stream":
            printed += "".join(output["text"]) if output["name"] == "stdout" else ""
        elif "data" in output:
            rich = {kind: value for kind, value in output["data"].items() if kind != PLAIN}
            values.append(rich or output["data"])
    return [*values, printed] if printed else values


def _measured(path: Path) -> list[Any]:
    """Rows of measurements, but for those of a speed."""
    claims = read_claims()
    speeds = set(claims.loc[claims["metric"].str.endswith(RATE), "id"])
    return [row for row in read_json(path)["measurements"] if row["claim"] not in speeds]


def digest_of(values: Mapping[str, str]) -> str:
    """One hash over those of several places."""
    return digest(dict(values))[:DIGITS]

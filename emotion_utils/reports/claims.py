"""The claims ledger: what the reports say, what a chapter measured, and the verdict by rule."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.core.files import write_atomically
from emotion_utils.core.paths import DATA
from emotion_utils.models.registry import HUB_ALIASES
from emotion_utils.statistics.resampling import FEWEST_UNITS

Verdict = Literal["reproduced", "not reproduced", "other model", "pending"]
COLUMNS = ("id", "claim", "metric", "value", "model", "kind", "lo", "hi", "tolerance")
WITHIN = re.compile(r"within (\d+(?:\.\d+)?) %")
INSIDE = "our value inside [lo, hi]"
DECIMALS = re.compile(r"-?\d[\d,]*(?:\.(\d+))?")


@dataclass(frozen=True)
class Claim:
    """One row of `data/claims.csv`, as far as the rule needs it.

    Attributes
    ----------
    id
        Stable name; the prefix is the chapter.
    value
        As printed in the report.
    kind
        `number`, `range`, `pair`, `order` or `qualitative`.
    lo, hi
        The value in numbers, NaN where it has none.
    model
        Of the claim, alternatives separated by `|`; empty where any will do.
    tolerance
        The rule in words.
    """

    id: str
    value: str
    kind: str
    lo: float
    hi: float
    model: str
    tolerance: str


@dataclass(frozen=True)
class Measurement:
    """What a chapter measured for one claim.

    Attributes
    ----------
    claim
        Id of the claim.
    model
        Registry name of the model, empty where none is involved.
    value
        In the claim's unit; None where it could not be measured, which leaves the claim pending.
    low, high
        The 95 % interval.
    null
        Mean of the metric under its null, where one applies.
    n
        Number of units (unique prompts, pairs, ...).
    holds
        For orders and qualitative claims: whether the chapter's own rule says so.
    note
        A sentence for the reader.
    """

    claim: str
    model: str
    value: float | None
    low: float | None = None
    high: float | None = None
    null: float | None = None
    n: int | None = None
    holds: bool | None = None
    note: str = ""

    def __post_init__(self) -> None:
        about = f"The measurement of {self.claim} has"
        for name in ("value", "low", "high", "null"):
            number = getattr(self, name)
            if number is not None:
                if not math.isfinite(number):
                    raise UserError(f"{about} {name} = {number}: pass a finite number or None.")
                object.__setattr__(self, name, float(number))
        if self.low is not None and self.high is not None and self.low > self.high:
            raise UserError(f"{about} the interval {self.low}..{self.high}: swap its ends.")


def read_claims() -> pd.DataFrame:
    """Read the claims of the reports.

    Returns
    -------
    One row per claim: :data:`COLUMNS` and more; ``value`` is as printed, ``lo`` and ``hi`` in the claim's unit.

    Raises
    ------
    UserError
        Where the file is damaged.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> bool(eu.claims()["id"].is_unique)
    True
    """
    path = DATA / "claims.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise UserError(f"{path} lacks the column {missing[0]!r}: restore it from git.")
    if len(twice := table["id"][table["id"].duplicated()]):
        raise UserError(f"{path} has the claim {twice.iloc[0]!r} twice: ids must be unique.")
    for column in ("lo", "hi"):
        table[column] = pd.to_numeric(table[column].replace("", None))
    return table


def too_few(
    beginning: str | tuple[str, ...], model: str, units: int, n: int | None = None
) -> list[Measurement]:
    """All claims whose id begins so, without a value and with the reason: too few units."""
    ids, note = read_claims()["id"], f"{units} units, at least {FEWEST_UNITS} are needed"
    return [Measurement(claim, model, None, n=n, note=note) for claim in ids[ids.str.startswith(beginning)]]


def replication(claim: Claim, measured: Measurement | None) -> Verdict:
    """Compare a measurement with its claim by the claim's tolerance.

    A number is reproduced if ours has its sign, lies within the stated percentage of it, and either the value lies in
    our interval or ours in theirs, which is the rounding interval of the printed digits where the report gives none.
    A range is reproduced if our value lies inside it. Other kinds follow the chapter's rule, `Measurement.holds`. A
    claim without a measurement is pending.
    """
    if measured is None or (measured.value is None and measured.holds is None):
        return "pending"
    if claim.model and claimed_name(measured.model) not in claim.model.split("|"):
        return "other model"
    held = rule_holds(claim, measured)
    if held is None:
        return "pending"
    return "reproduced" if held else "not reproduced"


def rule_holds(claim: Claim, measured: Measurement | None) -> bool | None:
    """Whether a measurement fulfils the rule of its claim, whatever the model; None where nothing decides."""
    if measured is None or (measured.value is None and measured.holds is None):
        return None
    if claim.kind == "number":
        return measured.value is not None and _number_holds(claim, measured)
    if claim.kind == "range":
        if claim.tolerance != INSIDE:
            raise UserError(f"The tolerance of {claim.id} is {claim.tolerance!r}: a range has {INSIDE!r}.")
        return measured.value is not None and claim.lo <= measured.value <= claim.hi
    return measured.holds


def claimed_name(model: str) -> str:
    """The name that the claims use for a hub model, also inside a pair such as `gpt2~llama3-8b`."""
    names = {location: alias for alias, location in HUB_ALIASES.items()}
    return "~".join(names.get(part, part) for part in model.split("~"))


def _number_holds(claim: Claim, measured: Measurement) -> bool:
    share = WITHIN.search(claim.tolerance)
    if share is None:
        raise UserError(f"The tolerance of {claim.id} is {claim.tolerance!r}: a number says 'within ... %'.")
    ours, theirs = measured.value, claim.lo
    if ours is None:
        return False
    low, high = stated_interval(claim.value, claim.lo, claim.hi)
    low_of_ours = ours if measured.low is None else measured.low
    high_of_ours = ours if measured.high is None else measured.high
    same_sign = (ours > 0) == (theirs > 0) and (ours < 0) == (theirs < 0)
    near = abs(ours - theirs) <= float(share.group(1)) / 100 * abs(theirs)
    inside = low_of_ours <= theirs <= high_of_ours or low <= ours <= high
    # a printed zero has no sign and no percentage: only its rounding can hold
    return (same_sign and near and inside) if theirs != 0 else low <= ours <= high


def stated_interval(value: str, lo: float, hi: float) -> tuple[float, float]:
    """The range that a report states, or all numbers that round to the digits which it prints.

    Parameters
    ----------
    value
        As printed.
    lo, hi
        In numbers.
    """
    if lo != hi:
        return min(lo, hi), max(lo, hi)
    printed = DECIMALS.search(value)
    half = 0.5 * 10.0 ** -len(printed.group(1) or "") if printed else 0.0
    return lo - half, hi + half


def write_measurements(
    run_dir: str | Path, chapter: str, rows: Iterable[Measurement], *, model: str | None = None
) -> Path:
    """Write a chapter's measurements to `<run_dir>/measurements/<chapter>[--<model>].json`, whole or not at all.

    Parameters
    ----------
    run_dir
        Of the run.
    chapter
        Such as `01_dataset`.
    rows
        The measurements.
    model
        For a chapter that runs for several models, so that their files stay apart.

    Returns
    -------
    The file.
    """
    listed, known = list(rows), set(read_claims()["id"])
    for row in listed:
        if row.claim not in known:
            raise UserError(f'There is no claim "{row.claim}" in data/claims.csv: {_near(row.claim, known)}')
    path = measurement_file(run_dir, chapter, model)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"chapter": chapter, "measurements": [asdict(row) for row in listed]}
    return write_atomically(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def measurement_file(run_dir: str | Path, chapter: str, model: str | None = None) -> Path:
    """Where the measurements of a chapter are kept, apart for each model of a chapter that runs for several."""
    suffix = "--" + re.sub(r"[^\w.-]+", "_", model).strip("_.") if model else ""
    return Path(run_dir) / "measurements" / f"{chapter}{suffix}.json"


def _near(claim: str, known: Iterable[str]) -> str:
    chapter = claim.split(".")[0] + "."
    return suggestion(claim, sorted(name for name in known if name.startswith(chapter)) or sorted(known)[:10])


def read_measurements(path: Path) -> list[Measurement]:
    """Read what a chapter wrote with :func:`write_measurements`.

    Raises
    ------
    UserError
        Where the file is missing or damaged.
    """
    names = {field.name for field in fields(Measurement)}
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["measurements"]
        return [Measurement(**{key: value for key, value in row.items() if key in names}) for row in rows]
    except FileNotFoundError:
        raise UserError(f"The measurements {path} are missing: run the chapter again.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it and run its chapter again.") from error


def judge(
    rows: Iterable[Measurement],
    claims: pd.DataFrame | None = None,
    scrutiny: Mapping[str, tuple[str, str]] | None = None,
) -> pd.DataFrame:
    """Put each measurement beside its claim, with the verdict.

    Parameters
    ----------
    rows
        The measurements.
    claims
        From :func:`read_claims`.
    scrutiny
        By claim, a word and what it rests on, from :func:`emotion_utils.scrutiny.of`; the columns are empty without.

    Returns
    -------
    Columns `id, claim, metric, report, ours, low, high, null, n, model, holds, verdict, scrutiny, note,
    scrutiny_note`; `holds` is :func:`rule_holds`, which says something of another model too.
    """
    claims = read_claims() if claims is None else claims
    by_id = claims.set_index("id", drop=False)
    judged = []
    for row in rows:
        if row.claim not in by_id.index:
            raise UserError(
                f'"{row.claim}" was measured, but is no claim of data/claims.csv: run its chapter again.'
            )
        judged.append(_judged(by_id.loc[row.claim], row, scrutiny or {}))
    return pd.DataFrame(judged, columns=LEDGER)


COPIED = ("low", "high", "null", "n", "model", "note")
TEXTS = ("scrutiny", "note", "scrutiny_note")
LEDGER = ["id", "claim", "metric", "report", "ours", *COPIED[:5], "holds", "verdict", *TEXTS]


def _judged(
    row: pd.Series, measured: Measurement | None, scrutiny: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    texts = {field.name: row[field.name] for field in fields(Claim)}
    claim = Claim(**{**texts, "lo": float(row["lo"]), "hi": float(row["hi"])})
    ours = measured or Measurement(claim.id, "", None)
    word, told = scrutiny.get(claim.id, ("", ""))
    return {
        "id": claim.id,
        "claim": row["claim"],
        "metric": row["metric"],
        "report": claim.value,
        "ours": ours.value,
        **{name: getattr(ours, name) for name in COPIED},
        "holds": rule_holds(claim, measured),
        "verdict": replication(claim, measured),
        "scrutiny": word,
        "scrutiny_note": told,
    }


OVERLAPS = ("P35.overlap.gp", "P35.overlap.gn", "P35.overlap.pn")

"""The claims ledger: what the reports say, what a chapter measured, and the verdict by rule."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.core.files import write_atomically
from emotion_utils.core.paths import DATA
from emotion_utils.models.registry import HUB_ALIASES
from emotion_utils.reports.replication import (
    Claim,
    Measurement,
    in_words,
    replication,
    rule_holds,
    stated_interval,
    without_empty_interval,
)
from emotion_utils.statistics.resampling import FEWEST_UNITS

__all__ = ["Claim", "Measurement", "replication", "rule_holds", "stated_interval"]
NUMBERS = ("lo", "hi", "margin")
COLUMNS = (
    "id", "claim", "metric", "value", "model", "kind", "lo", "hi", "tolerance",
    "basis", "replicates_on", "rule", "margin", "settled",
)  # fmt: skip


def read_claims() -> pd.DataFrame:
    """Read the claims of the reports.

    Returns
    -------
    One row per claim: :data:`COLUMNS` and more; ``value`` is as printed, ``lo``, ``hi`` and ``margin`` in the unit of
    the claim.

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
    for column in NUMBERS:
        table[column] = pd.to_numeric(table[column].replace("", None))
    return table


def too_few(
    beginning: str | tuple[str, ...], model: str, units: int, n: int | None = None
) -> list[Measurement]:
    """All claims whose id begins so, without a value and with the reason: too few units."""
    ids, note = read_claims()["id"], f"{units} units, at least {FEWEST_UNITS} are needed"
    return [Measurement(claim, model, None, n=n, note=note) for claim in ids[ids.str.startswith(beginning)]]


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


def claimed_name(model: str) -> str:
    """The name that the claims use for a hub model, also inside a pair such as `gpt2~llama3-8b`."""
    names = {location: alias for alias, location in HUB_ALIASES.items()}
    return "~".join(names.get(part, part) for part in model.split("~"))


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
    Columns `id, claim, metric, report, ours, low, high, null, n, model, holds, verdict, replication, scrutiny, note,
    scrutiny_note`; `holds` is :func:`rule_holds`, which says something of another model too, and `replication` the
    verdict with it, in words.
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
LEDGER = ["id", "claim", "metric", "report", "ours", *COPIED[:5], "holds", "verdict", "replication", *TEXTS]


def _judged(row: pd.Series, measured: Measurement, scrutiny: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    texts = {field.name: row[field.name] for field in fields(Claim)}
    claim = Claim(**texts | {name: float(row[name]) for name in NUMBERS})
    ours = without_empty_interval(claim, measured)
    named = replace(ours, model=claimed_name(ours.model))
    verdict, holds = replication(claim, named), rule_holds(claim, ours)
    word, basis_of_word = scrutiny.get(claim.id, ("", ""))
    return {
        "id": claim.id,
        "claim": row["claim"],
        "metric": row["metric"],
        "report": claim.value,
        "ours": ours.value,
        **{name: getattr(ours, name) for name in COPIED},
        "holds": holds,
        "verdict": verdict,
        "replication": in_words(verdict, holds),
        "scrutiny": word,
        "scrutiny_note": basis_of_word,
    }


OVERLAPS = ("P35.overlap.gp", "P35.overlap.gn", "P35.overlap.pn")

"""The page of all methods: lines from further sections of the committed table, and what was measured live."""

from __future__ import annotations

import pandas as pd

from emotion_utils.calibration.ledger import Section
from emotion_utils.statistics.permutations import LEVEL

FEWER, MORE = "power", "power, more rows"


def map_lines(section: Section) -> pd.DataFrame:
    """One line for each kind of map.

    Parameters
    ----------
    section
        ``maps`` of the committed table.

    Returns
    -------
    Columns as those of :func:`emotion_utils.calibration.methods.methods`.
    """
    tables = (section.tables[name] for name in ("false", "power"))
    false, power = (table[table["score"] == "overlap"].set_index("map") for table in tables)
    strength, rows = power["strength"].iloc[0], str(section.settings["recipe"]["rows"])
    table = pd.DataFrame(
        {
            "method": [f"map: {name}, emotion subspaces" for name in false.index],
            "finding": f"p ≤ {LEVEL:g}",
            "false": false["rate"].to_numpy(),
            "low": false["low"].to_numpy(),
            "high": false["high"].to_numpy(),
            "n": false["n"].to_numpy(),
            "effect": f"{strength:g} of the variance in common",
            "rows": rows,
            FEWER: power["rate"].loc[false.index].to_numpy(),
        }
    )
    return table


def twin_lines(section: Section, scores: dict[str, str], noise: float) -> pd.DataFrame:
    """One line for each score on the rotated twins, which have no null of their own: least power of the models.

    Parameters
    ----------
    section
        ``twins`` of the committed table.
    scores
        Their names.
    noise
        In standard deviations of the twin's states.

    Returns
    -------
    Columns as those of :func:`map_lines`, those of false positives missing, and :data:`MORE`.
    """
    power = section.tables["power"]
    own = power[power["noise"] == noise]
    lines = []
    for score, words in scores.items():
        found = own[own["score"] == score].groupby("rows")["rate"].min().sort_index()
        line = {"method": f"rotated twin, {words}", "finding": f"p ≤ {LEVEL:g}"}
        line |= {"effect": f"same model, noise {noise:g} SD", "rows": ", ".join(map(str, found.index))}
        lines.append(line | dict(zip((FEWER, MORE), found, strict=True)))
    return pd.DataFrame(lines)


def with_aurocs(table: pd.DataFrame, apart: pd.DataFrame) -> pd.DataFrame:
    """The same lines with the AUROC of published formulas: models that share half of their variance or nothing.

    Parameters
    ----------
    table
        From :func:`emotion_utils.calibration.methods.methods`.
    apart
        From :func:`emotion_utils.calibration.methods.formula_aurocs`.

    Returns
    -------
    With the column ``AUROC``, NaN for methods that come with a test.
    """
    own = apart[apart["scale"] == 1.0]
    aurocs = dict(zip(own["formula"] + ", " + own["precision"], own["AUROC"], strict=True))
    return table.assign(AUROC=table["method"].map(aurocs))


def all_methods(
    table: pd.DataFrame, maps: Section, twins: Section, apart: pd.DataFrame, scores: dict[str, str]
) -> pd.DataFrame:
    """All lines of the page.

    Parameters
    ----------
    table
        From :func:`emotion_utils.calibration.methods.methods`.
    maps, twins
        Sections of the committed table.
    apart
        From :func:`emotion_utils.calibration.methods.formula_aurocs`.
    scores
        Names of the scores of the sound pipeline.
    """
    largest = float(twins.tables["power"]["noise"].max())  # below it they are always found
    both = [with_aurocs(table, apart), map_lines(maps), twin_lines(twins, scores, largest)]
    return pd.concat(both, ignore_index=True)


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The lines of :func:`all_methods` as they are printed: the powers in one column, a dash where there is nothing."""
    shown = table.drop(columns=MORE).fillna({"effect": "–", "rows": "–"})
    powers = zip(table[FEWER], table[MORE], strict=True)
    shown[FEWER] = [", ".join(f"{x:.2f}" for x in both if pd.notna(x)) or "–" for both in powers]
    formats = dict.fromkeys(("false", "low", "high", "AUROC"), "{:.3f}") | {"n": "{:.0f}"}
    return shown.assign(
        **{name: shown[name].map(how.format).replace("nan", "–") for name, how in formats.items()}
    )

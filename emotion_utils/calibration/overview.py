"""The page of all methods: lines from further sections of the committed table, and what was measured live."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from emotion_utils.calibration.ledger import Section
from emotion_utils.calibration.similarity import PER_SHARE
from emotion_utils.statistics.permutations import LEVEL

FEWER, MORE = "power", "power, more rows"
EFFECTS = {
    "others": "{:g} of the variance in common",
    "control": "a control that lacks {:g} of the variance",
    "neutral": "a direction of length {:g}",
}
"""What was there to find."""
COLUMNS = {
    "false": "false positives",
    "low": "from",
    "high": "to",
    "n": "draws",
    "rows": "rows of the effect",
}
"""What the columns of the page are called."""


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


def similarity_lines(section: Section) -> pd.DataFrame:
    """One line for each method of :mod:`emotion_utils.calibration.similarity`.

    Parameters
    ----------
    section
        ``similarity`` of the committed table.

    Returns
    -------
    Columns as those of :func:`map_lines`; the power is that of the largest effect.
    """
    strength, design = float(section.settings["shown"]), section.settings["design"]
    false, power = (section.tables[name] for name in ("false", "power"))
    power = power[power["strength"] == strength].set_index("method")["rate"]
    lines = []
    for own in false.itertuples():
        line = {"method": own.method, "finding": f"p ≤ {LEVEL:g}", "false": own.rate, "low": own.low}
        line |= {"high": own.high, "n": own.n, "effect": EFFECTS["others"].format(strength)}
        line |= {"rows": str(design["families"] * design["each"]), FEWER: power.loc[own.method]}
        if own.method.startswith("jackknife"):
            line |= {"finding": "interval without 0", "effect": EFFECTS["control"].format(strength)}
        if "neutral variance" in own.method:
            line |= {"effect": EFFECTS["neutral"].format(PER_SHARE * strength)}
            line |= {"rows": str(design["topics"] * design["tellings"])}
        lines.append(line)
    return pd.DataFrame(lines)


def all_methods(
    table: pd.DataFrame,
    maps: Section,
    twins: Section,
    similarity: Section,
    apart: pd.DataFrame,
    scores: dict[str, str],
) -> pd.DataFrame:
    """All lines of the page.

    Parameters
    ----------
    table
        From :func:`emotion_utils.calibration.methods.methods`.
    maps, twins, similarity
        Sections of the committed table.
    apart
        From :func:`emotion_utils.calibration.methods.formula_aurocs`.
    scores
        Names of the scores of the sound pipeline.
    """
    largest = float(twins.tables["power"]["noise"].max())  # below it they are always found
    parts = [with_aurocs(table, apart), map_lines(maps), twin_lines(twins, scores, largest)]
    return pd.concat([*parts, similarity_lines(similarity)], ignore_index=True)


class Kept(NamedTuple):
    """Methods that come with a test, and which of them find something too often where there is nothing.

    Attributes
    ----------
    tested
        Their number.
    exceeding
        Name, rate and lower bound of those whose lower bound lies above :data:`LEVEL`.
    expected
        How many of them correct methods would give by chance: one in forty.
    """

    tested: int
    exceeding: tuple[tuple[str, float, float], ...]
    expected: float


def promise(table: pd.DataFrame) -> Kept:
    """Whether the tests of :func:`all_methods` keep their level; published formulas have none."""
    tested = table[table["finding"].isin([f"p ≤ {LEVEL:g}", "interval without 0"]) & table["false"].notna()]
    over = tested[tested["low"] > LEVEL]
    rows = tuple((str(r.method), float(r.false), float(r.low)) for r in over.itertuples())
    return Kept(len(tested), rows, len(tested) / 40)


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The lines of :func:`all_methods` as they are printed: the powers in one column, a dash where there is nothing."""
    shown = table.drop(columns=MORE).fillna({"effect": "–", "rows": "–"})
    powers = zip(table[FEWER], table[MORE], strict=True)
    shown[FEWER] = [", ".join(f"{x:.2f}" for x in both if pd.notna(x)) or "–" for both in powers]
    formats = dict.fromkeys(("false", "low", "high", "AUROC"), "{:.3f}") | {"n": "{:.0f}"}
    texts = {name: shown[name].map(how.format).replace("nan", "–") for name, how in formats.items()}
    return shown.assign(**texts).rename(columns=COLUMNS)


def summarise_similarity(lines: pd.DataFrame) -> str:
    """The lines of :func:`similarity_lines` in a sentence: which keep their level, which do not, what they find.

    Parameters
    ----------
    lines
        From :func:`similarity_lines`.
    """
    over, powers = lines[lines["low"] > LEVEL], lines[FEWER]
    weakest = lines.loc[powers.idxmin()]
    above = "; ".join(
        f"*{r.method}* finds something in **{r.false:.0%}** ({r.low:.0%} to {r.high:.0%}) of draws with nothing there"
        for r in over.itertuples()
    )
    return (
        f"**{len(lines) - len(over)} of {len(lines)}** keep their level. {above + '. ' if above else ''}The weakest is "
        f"*{weakest['method']}*, which finds {weakest['effect']} in {weakest[FEWER]:.0%} of draws; the median is "
        f"{powers.median():.0%}."
    )

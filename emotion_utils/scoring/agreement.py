"""How far judges of texts can be trusted: on labelled texts that none of them was trained on, and beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.prompts.loading import load_profile
from emotion_utils.prompts.splits import normalise
from emotion_utils.scoring.classifier import PROMPT_SETS, UNDECIDED, confusion
from emotion_utils.scoring.panel import RULE, Panel
from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.permutations import LEVEL, family_blocks, permute_blocks
from emotion_utils.statistics.resampling import (
    connected_groups,
    effective_units,
    grouped_mean_interval,
    interval,
    resampling_units,
    unit_weights,
)

OUTSIDE = ("baseline", "extended", "minimal_pairs", "unfamiliar")
"""Prompt sets that no judge is trained on; *unfamiliar* names no emotion."""
STATED = OUTSIDE[:-1]
"""Those whose texts say their emotion."""
LABELS = (*EMOTIONS, UNDECIDED)
WRITTEN = (
    "All of these texts were written for this project, most by filling templates, and so were the two sets that "
    "judges learn from beside replies that the grammar of the small world generated: none is by people who spoke of "
    "their own affairs, or by the model of this page."
)
"""Who wrote the labelled texts."""
PERMUTATIONS, RESAMPLES = 999, 1000


def outside_texts() -> pd.DataFrame:
    """Labelled texts of families that share no wording and no text with what judges are trained on.

    Returns
    -------
    Columns `text, emotion, set, group, unit`: `group` is the template family, `unit` numbers what is resampled
    together.
    """
    parts = [load_profile(name).assign(set=name) for name in (*PROMPT_SETS, *OUTSIDE)]
    both = pd.concat(parts, ignore_index=True)
    both["unit"] = resampling_units(both)
    same = connected_groups(both.assign(_text=both["text"].map(normalise)), ["group", "_text"])
    trained = both["set"].isin(PROMPT_SETS)
    kept = both[~np.isin(same, same[trained.to_numpy()])].drop_duplicates("text", ignore_index=True)
    return kept[["text", "emotion", "set", "group", "unit"]]


def judged_outside(panel: Panel) -> pd.DataFrame:
    """What the judges of a panel, and their rule, say of :func:`outside_texts`: its columns, and one for each."""
    texts = outside_texts()
    return texts.join(panel.verdicts(texts["text"].tolist()).drop(columns="text"))


def accuracy(
    judged: pd.DataFrame, names: Sequence[str], *, n_permutations: int = PERMUTATIONS, seed: int = 0
) -> pd.DataFrame:
    """How often judges are right on each set, and whether that can be told from always saying neutral.

    A judge that always says neutral is right in the share of neutral texts, and its mean recall is one over the number
    of emotions, whatever that share is. The null of the mean recall exchanges labels between the families of a set:
    what a judge says stays, and texts of one family and emotion keep a common label. A judge is told from it where p is
    small *and* the interval of its accuracy lies above the share of neutral texts.

    Parameters
    ----------
    judged
        From :func:`judged_outside`.
    names
        Of the judges.
    n_permutations, seed
        Of the null; the bootstrap has the same seed.

    Returns
    -------
    One row per judge and set: ``judge, set, n, units``; ``accuracy, low, high`` and ``neutral`` (that of always saying
    neutral); ``recall`` (mean over emotions), ``null, null_high, p``; ``told`` (never below eight units, which give no
    interval).
    """
    rows = []
    for name in names:
        for chosen, part in judged.groupby("set", sort=False):
            right = (part[name] == part["emotion"]).to_numpy(dtype=float)
            units = part["unit"].to_numpy()
            low, high = grouped_mean_interval(right, units, seed=seed, bounds=(0.0, 1.0))
            recall = against_null(*_recalls(part, name, n_permutations, seed))
            row = {"judge": name, "set": chosen, "n": len(part), "units": len(set(units))}
            row |= {"accuracy": right.mean(), "low": low, "high": high}
            row |= {"neutral": (part["emotion"] == "neutral").mean(), "recall": recall.value}
            row |= {"null": recall.null, "null_high": recall.null_high, "p": recall.p}
            rows.append(row | {"told": bool(recall.p <= LEVEL and low > row["neutral"])})
    return pd.DataFrame(rows)


def confusions(judged: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """:func:`classifier.confusion` of several judges below each other: ``judge, emotion``, a column per prediction."""
    tables = []
    for name in names:
        counts = confusion(judged.assign(predicted=judged[name])).reindex(columns=list(LABELS), fill_value=0)
        tables.append(counts.drop(index=UNDECIDED, errors="ignore").reset_index().assign(judge=name))
    both = pd.concat(tables, ignore_index=True)
    return both[["judge", "emotion", *LABELS]].rename_axis(columns=None)


def agreements(
    judged: pd.DataFrame, names: Sequence[str], *, n_resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """How far judges say the same of the same texts, beyond what they would by chance.

    Parameters
    ----------
    judged
        With a column for each judge, and ``unit``, what is resampled together.
    names
        Of the judges, without their rule. `undecided` is a verdict like another.
    n_resamples, seed
        Of the bootstrap.

    Returns
    -------
    One row per pair: ``one, other, kappa, low, high`` (Cohen's {cite:p}`cohen1960`; no interval with fewer than eight
    units), ``same`` (share of texts of which both say the same), ``n, units``; then one row with ``all`` and ``all``,
    the share of texts of which all say the same.
    """
    units = judged["unit"].to_numpy()
    about = {"n": len(judged), "units": len(set(units.tolist()))}
    weights = unit_weights(units, n_resamples, np.random.default_rng(seed))
    codes = {name: pd.Categorical(judged[name], categories=list(LABELS)).codes for name in names}
    rows = []
    for one, other in combinations(names, 2):
        pairs = codes[one].astype(int) * len(LABELS) + codes[other]
        seen = np.eye(len(LABELS) ** 2)[pairs]  # (text, cell)
        value = float(kappa(seen.sum(axis=0)))
        low, high = interval(kappa(weights @ seen), effective_units(units), value, (-1.0, 1.0))
        same = float((codes[one] == codes[other]).mean())
        rows.append({"one": one, "other": other, "kappa": value, "low": low, "high": high, "same": same})
    every = np.stack([codes[name] for name in names])
    rows.append({"one": "all", "other": "all", "same": float((every == every[0]).all(axis=0).mean())})
    return pd.DataFrame([row | about for row in rows])


def agreement_by_texts(
    panel: Panel, outside: pd.DataFrame, page: pd.DataFrame, *, seed: int = 0
) -> pd.DataFrame:
    """:func:`agreements` of the judges of a panel on labelled texts and on those of a page, which have no true emotion.

    Parameters
    ----------
    panel
    outside
        From :func:`judged_outside`.
    page
        With ``text`` and ``unit``, what is resampled together.
    seed
        Of the bootstrap.

    Returns
    -------
    The columns of :func:`agreements` after ``texts``, `labelled` or `of this page`.
    """
    read = panel.verdicts(page["text"].tolist()).assign(unit=page["unit"].to_numpy())
    parts = {"labelled": outside, "of this page": read}
    tables = [
        agreements(part, list(panel.judges), seed=seed).assign(texts=name) for name, part in parts.items()
    ]
    both = pd.concat(tables, ignore_index=True)
    return both[["texts", *both.columns.drop("texts")]]


def kappa(cells: Float[np.ndarray, "... cell"]) -> Float[np.ndarray, ...]:
    """Cohen's kappa of tables of two judges, each flattened; NaN where both always say one and the same."""
    size = round(cells.shape[-1] ** 0.5)
    table = cells.reshape(*cells.shape[:-1], size, size)
    table = table / table.sum(axis=(-2, -1), keepdims=True)
    agreed = np.trace(table, axis1=-2, axis2=-1)
    chance = (table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.isclose(chance, 1), np.nan, (agreed - chance) / (1 - chance))


def summarise_judges(table: pd.DataFrame) -> str:
    """Say in Markdown where each judge of :func:`accuracy` is right and tells nothing, and who wrote the texts."""
    lines = []
    for name, part in table.groupby("judge", sort=False):
        shares = ", ".join(
            f"*{r.set}* {r.accuracy:.0%} (always neutral: {r.neutral:.0%})" for r in part.itertuples()
        )
        blind = [str(chosen) for chosen in part["set"][~part["told"]]]
        told = "told from always saying neutral on each of them"
        if blind:
            told = f"**not told from always saying neutral on {', '.join(blind)}**"
        lines.append(f"- {'The rule, ' if name == RULE else ''}*{name}*: right on {shares}; {told}.")
    return "\n".join(lines) + f"\n\n{WRITTEN}"


def _recalls(part: pd.DataFrame, name: str, n: int, seed: int) -> tuple[float, Float[np.ndarray, " draw"]]:
    """Mean recall of a judge, and after labels were exchanged between families."""
    labels, blocks = part["emotion"].to_numpy(dtype=object), family_blocks(part)
    said, rng = part[name].to_numpy(dtype=object), np.random.default_rng(seed)
    drawn = [permute_blocks(labels, blocks, rng) for _ in range(n)]
    return _recall(labels, said), np.array([_recall(one, said) for one in drawn])


def _recall(labels: np.ndarray, said: np.ndarray) -> float:
    return float(np.mean([(said[labels == emotion] == emotion).mean() for emotion in dict.fromkeys(labels)]))

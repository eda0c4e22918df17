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
WIDE = 8
"""Labels up to which a table has a column for each."""
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


def judged_own(panel: Panel, texts: pd.DataFrame) -> pd.DataFrame:
    """What the judges of own labels say of texts that they have not learnt from.

    Parameters
    ----------
    panel
        From :func:`panel.own_panel`.
    texts
        With ``text, emotion`` and the columns of a prompt set.

    Returns
    -------
    ``text, emotion, unit``, and a column for each judge and their rule.
    """
    table = texts[["text", "emotion"]].assign(unit=resampling_units(texts)).reset_index(drop=True)
    return table.join(panel.verdicts(table["text"].tolist()).drop(columns="text"))


def own_accuracy(judged: pd.DataFrame, names: Sequence[str], *, seed: int = 0) -> pd.DataFrame:
    """How often judges of own labels are right, beside always naming the most frequent one.

    A judge is told from that where the interval of its accuracy lies above; never below eight units, which give none.

    Parameters
    ----------
    judged
        From :func:`judged_own`.
    names
        Of the judges.
    seed
        Of the bootstrap over units.

    Returns
    -------
    One row per judge: ``judge, n, units, accuracy, low, high, largest`` (share of the most frequent label), ``told``.
    """
    largest = float(judged["emotion"].value_counts(normalize=True).max())
    units, rows = judged["unit"].to_numpy(), []
    for name in names:
        right = (judged[name] == judged["emotion"]).to_numpy(dtype=float)
        low, high = grouped_mean_interval(right, units, seed=seed, bounds=(0.0, 1.0))
        row = {"judge": name, "n": len(judged), "units": len(set(units.tolist())), "accuracy": right.mean()}
        rows.append(row | {"low": low, "high": high, "largest": largest, "told": bool(low > largest)})
    return pd.DataFrame(rows)


def summarise_own_judges(table: pd.DataFrame) -> str:
    """Say in Markdown how often each judge of :func:`own_accuracy` is right; the last of them decides."""
    lines = []
    for row in table.itertuples():
        ends = f"{row.low:.0%} to {row.high:.0%}" if row.low == row.low else f"no interval, {row.units} units"
        verdict = "above" if row.told else "**not told from**"
        lines.append(
            f"- *{row.judge}*: right on **{row.accuracy:.0%}** of {row.n} texts of the test split ({ends}), {verdict} "
            f"always naming the largest class ({row.largest:.0%})."
        )
    last = table.iloc[-1]
    decides = f"*{last['judge']}* decides what a text says"
    return "\n".join(lines) + f"\n\n{decides}{'.' if last['told'] else ': **it is no judge**.'}"


def own_confusions(judged: pd.DataFrame, names: Sequence[str], labels: Sequence[str]) -> pd.DataFrame:
    """What judges of own labels say of texts of each: :func:`confusions`, or of many labels what each is taken for.

    Returns
    -------
    With more than :data:`WIDE` labels ``judge, emotion, n, right`` (texts) and ``taken for``: the verdict that most of
    its other texts get, and how many.
    """
    if len(labels) <= WIDE:
        return confusions(judged, names, labels)
    rows = []
    for name in names:
        for label in labels:
            said = judged.loc[judged["emotion"] == label, name]
            wrong = said[said != label].value_counts()
            most = f"{wrong.index[0]} ({wrong.iloc[0]})" if len(wrong) else ""
            rows.append((name, label, len(said), int((said == label).sum()), most))
    return pd.DataFrame(rows, columns=["judge", "emotion", "n", "right", "taken for"])


def confusions(judged: pd.DataFrame, names: Sequence[str], labels: Sequence[str] = EMOTIONS) -> pd.DataFrame:
    """:func:`classifier.confusion` of several judges below each other: ``judge, emotion``, a column per prediction."""
    tables, columns = [], [*labels, UNDECIDED]
    for name in names:
        counts = confusion(judged.assign(predicted=judged[name]), labels).reindex(
            columns=columns, fill_value=0
        )
        tables.append(counts.drop(index=UNDECIDED, errors="ignore").reset_index().assign(judge=name))
    both = pd.concat(tables, ignore_index=True)
    return both[["judge", "emotion", *columns]].rename_axis(columns=None)


def agreements(
    judged: pd.DataFrame,
    names: Sequence[str],
    *,
    labels: Sequence[str] = EMOTIONS,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """How far judges say the same of the same texts, beyond what they would by chance.

    Parameters
    ----------
    judged
        With a column for each judge, and ``unit``, what is resampled together.
    names
        Of the judges, without their rule. `undecided` is a verdict like another.
    labels
        That they tell apart.
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
    verdicts = [*labels, UNDECIDED]
    codes = {name: pd.Categorical(judged[name], categories=verdicts).codes for name in names}
    rows = []
    for one, other in combinations(names, 2):
        pairs = codes[one].astype(int) * len(verdicts) + codes[other]
        seen = np.eye(len(verdicts) ** 2)[pairs]  # (text, cell)
        value = float(kappa(seen.sum(axis=0)))
        low, high = interval(kappa(weights @ seen), effective_units(units), value, (-1.0, 1.0))
        same = float((codes[one] == codes[other]).mean())
        rows.append({"one": one, "other": other, "kappa": value, "low": low, "high": high, "same": same})
    every = np.stack([codes[name] for name in names])
    rows.append({"one": "all", "other": "all", "same": float((every == every[0]).all(axis=0).mean())})
    return pd.DataFrame([row | about for row in rows])


def agreement_by_texts(
    panel: Panel,
    outside: pd.DataFrame,
    page: pd.DataFrame,
    *,
    labels: Sequence[str] = EMOTIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """:func:`agreements` of the judges of a panel on labelled texts and on those of a page, which have no true emotion.

    Parameters
    ----------
    panel
    outside
        From :func:`judged_outside`.
    page
        With ``text`` and ``unit``, what is resampled together.
    labels
        That the judges tell apart.
    seed
        Of the bootstrap.

    Returns
    -------
    The columns of :func:`agreements` after ``texts``, `labelled` or `of this page`.
    """
    read = panel.verdicts(page["text"].tolist()).assign(unit=page["unit"].to_numpy())
    parts = {"labelled": outside, "of this page": read}
    tables = [
        agreements(part, list(panel.judges), labels=labels, seed=seed).assign(texts=name)
        for name, part in parts.items()
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

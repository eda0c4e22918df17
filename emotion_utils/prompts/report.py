"""The validation report of a prompt set: sizes, balance, lengths and keywords."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from emotion_utils.core.emotions import labels_of
from emotion_utils.prompts.keywords import find_keyword, words_with_spans
from emotion_utils.prompts.splits import SPLITS, normalise
from emotion_utils.statistics.resampling import grouped_mean_interval, resampling_units

CountTokens = Callable[[list[str]], Sequence[int]]

ROWS = 24
"""Of texts that a table shows, about; fewer of each label where there are many labels."""
LONGEST = 240
"""Characters of a text in a table."""


def sizes(sets: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count prompts, unique texts, template families and pairs of each set.

    Returns
    -------
    Columns `profile, prompts, unique, per_emotion, families, units, pairs`; `per_emotion` is `min..max` where emotions
    differ, `units` are what is resampled: families joined through pairs.
    """
    rows = []
    for name, prompts in sets.items():
        counts = prompts["emotion"].value_counts()
        low, high = int(counts.min()), int(counts.max())
        rows.append(
            {
                "profile": name,
                "prompts": len(prompts),
                "unique": prompts["text"].map(normalise).nunique(),
                "per_emotion": str(low) if low == high else f"{low}..{high}",
                "families": prompts["group"].nunique(),
                "units": len(set(resampling_units(prompts))),
                "pairs": prompts["pair_id"].nunique(),
            }
        )
    return pd.DataFrame(rows)


def samples(prompts: pd.DataFrame, per_emotion: int = 3, seed: int = 0) -> pd.DataFrame:
    """Draw prompts of each emotion, from as many template families as there are.

    Parameters
    ----------
    prompts
    per_emotion
        At most; where emotions are many, so few that about :data:`ROWS` prompts are drawn in all.
    seed
        Of the draw.

    Returns
    -------
    Columns `emotion, text` (its beginning, where it is long) `, topic, register, split`.
    """
    shuffled = prompts.sample(frac=1, random_state=seed)
    turn = shuffled.groupby(["emotion", "group"]).cumcount()
    chosen = (
        shuffled.assign(turn=turn, text=shuffled["text"].map(shorten))
        .sort_values("turn", kind="stable")
        .groupby("emotion")
        .head(at_most(per_emotion, prompts))
    )
    return by_emotion(chosen)[["emotion", "text", "topic", "register", "split"]]


def at_most(per_emotion: int, prompts: pd.DataFrame, rows: int = ROWS) -> int:
    """How many of each emotion are shown: so few that all together are about `rows`, and one at least."""
    return min(per_emotion, max(1, rows // max(prompts["emotion"].nunique(), 1)))


def shorten(text: str, longest: int = LONGEST) -> str:
    """The beginning of a long text, for a table.

    >>> shorten("I am so glad.", longest=8)
    'I am so…'
    """
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def label_balance(prompts: pd.DataFrame) -> pd.DataFrame:
    """Count prompts per emotion and split.

    Returns
    -------
    Columns `emotion, build, select, test, total, share`.
    """
    counts = pd.crosstab(prompts["emotion"], prompts["split"]).reindex(columns=list(SPLITS), fill_value=0)
    counts["total"] = counts.sum(axis=1)
    counts["share"] = counts["total"] / len(prompts)
    return by_emotion(counts.rename_axis(columns=None).reset_index())


def lengths(prompts: pd.DataFrame, count_tokens: CountTokens | None = None) -> pd.DataFrame:
    """Measure every prompt in characters, words and, with a counter, tokens.

    Returns
    -------
    Columns `id, emotion, split, unit, length`, one row per prompt and unit.
    """
    texts = prompts["text"].tolist()
    measured = {"characters": [len(t) for t in texts], "words": [len(words_with_spans(t)) for t in texts]}
    if count_tokens is not None:
        measured["tokens"] = list(count_tokens(texts))
    table = prompts[["id", "emotion", "split"]].assign(**measured)
    return table.melt(["id", "emotion", "split"], list(measured), var_name="unit", value_name="length")


def length_summary(
    sets: Mapping[str, pd.DataFrame], count_tokens: CountTokens | None = None, *, seed: int = 0
) -> pd.DataFrame:
    """Summarise lengths per set and unit, with an interval of the mean over resampled template groups.

    Returns
    -------
    Columns `profile, unit, mean, low, high, median, longest, n, n_groups`.
    """
    rows = []
    for name, prompts in sets.items():
        units = resampling_units(prompts)
        for unit, part in lengths(prompts, count_tokens).groupby("unit", sort=False):
            values = part["length"].to_numpy(dtype=float)
            low, high = grouped_mean_interval(values, units, seed=seed)
            median, longest = float(np.median(values)), int(values.max())
            rows.append((name, unit, values.mean(), low, high, median, longest, len(values), len(set(units))))
    columns = ["profile", "unit", "mean", "low", "high", "median", "longest", "n", "n_groups"]
    return pd.DataFrame(rows, columns=columns)


def keyword_rates(sets: Mapping[str, pd.DataFrame], *, seed: int = 0) -> pd.DataFrame:
    """Share of prompts whose text names its emotion (for neutral prompts: any emotion) by a word of the keyword list.

    Returns
    -------
    Columns `profile, emotion, rate, low, high, n, n_groups, flag_agrees`; the last is the share of prompts whose
    `keyword` flag says what the text says.
    """
    rows = []
    for name, prompts in sets.items():
        units = pd.Series(resampling_units(prompts), index=prompts.index)
        for emotion in labels_of(prompts):
            part = prompts[prompts["emotion"] == emotion]
            langs = part["lang"] if "lang" in part else ["en"] * len(part)
            named = [find_keyword(t, emotion, lang) for t, lang in zip(part["text"], langs, strict=True)]
            flags = np.array([span is not None for span in named], dtype=float)
            own, agrees = units[part.index].to_numpy(), float((flags == part["keyword"].to_numpy()).mean())
            low, high = grouped_mean_interval(flags, own, seed=seed, bounds=(0.0, 1.0))
            rows.append((name, emotion, flags.mean(), low, high, len(part), len(set(own)), agrees))
    columns = ["profile", "emotion", "rate", "low", "high", "n", "n_groups", "flag_agrees"]
    return pd.DataFrame(rows, columns=columns)


def by_emotion(table: pd.DataFrame) -> pd.DataFrame:
    """Sort rows by emotion in the order of `labels_of`, otherwise as they are."""
    order = table["emotion"].map({emotion: i for i, emotion in enumerate(labels_of(table))})
    return table.iloc[np.argsort(order.to_numpy(), kind="stable")].reset_index(drop=True)

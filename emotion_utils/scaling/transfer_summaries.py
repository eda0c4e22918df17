"""What a page shows of vectors that are carried from model to model: its tables in words, and what they say.

Real pairs and miniatures stand in one table, each row with its kind: a miniature has met one small world.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from emotion_utils.alignment.mapped_vectors import MAPPED, WRONG_PAIRS
from emotion_utils.core.errors import listing
from emotion_utils.models.registry import BUNDLED
from emotion_utils.scaling.transfer_findings import GAIN, OUTCOMES, PAIR, RIVALS, VERDICTS, WORDS
from emotion_utils.statistics.in_words import between
from emotion_utils.statistics.nulls import MEAN
from emotion_utils.steering.controls import ALL

KINDS = {0: "real", 1: "mixed", 2: "miniature"}
"""Of a pair, by how many of the two models are bundled."""
BETWEEN = {
    "real": "real models",
    "mixed": "a real model and a miniature",
    "miniature": "miniatures",
}
EFFECTS = {
    "own": "own vector, nats",
    MAPPED: "mapped vector, nats",
    WRONG_PAIRS: "wrong pairs, nats",
    ALL: "random vectors, nats",
}
"""What each arm does to the log-probability of genuine replies, as a column of a table."""
IN_WORDS = {
    "left": "more than wrong pairs by", "low": "95 % from", "high": "to", "p_holm": "p, Holm",
    "least": "least p possible", "vectors": "vectors tried", "n_units": "kinds of events",
    "spread": "spread between kinds of events", "least_share": "smallest share that is found",
    "needed": "kinds of events needed", "rows": "neutral prompts of a map", "vectors_mib": "vectors, MiB",
    "map_mib": "map, MiB", "peak_gib": "memory at its peak, GiB",
    **{rival: f"beyond {rival}" for rival in RIVALS},
}  # fmt: skip
"""Columns of the tables of :mod:`emotion_utils.scaling.transfer_findings`, as a reader calls them."""


def kind_of_pair(source: str, target: str) -> str:
    """One of :data:`KINDS`.

    Examples
    --------
    >>> kind_of_pair("smollm2-135m", "gemma3-270m"), kind_of_pair("small-gpt2", "small-llama3")
    ('real', 'miniature')
    """
    return KINDS[(source in BUNDLED) + (target in BUNDLED)]


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """A table of pairs with their kind in front, and columns that are words.

    Parameters
    ----------
    table
        With the columns ``source`` and ``target``.
    """
    pairs = zip(table["source"], table["target"], strict=True)
    kinds = pd.Series([kind_of_pair(*pair) for pair in pairs], table.index, dtype=object)
    named = table.rename(columns=IN_WORDS)
    named.insert(0, "kind", kinds)
    return named


def main_effects(shares: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """What a target's own vector, the mapped one and its rivals do to genuine replies, mean of the emotions.

    Parameters
    ----------
    shares, verdicts
        From :mod:`emotion_utils.scaling.transfer_findings`, of this run and of the record.

    Returns
    -------
    One row per pair and map: ``kind, source, target, map``, the verdict, :data:`EFFECTS` and the share of the own
    effect with its interval; NaN where the own effect is not known well enough.
    """
    kept = shares[(shares["outcome"] == GAIN) & (shares["emotion"] == MEAN)]
    values = kept.pivot(index=PAIR, columns="arm", values="value")[[MAPPED, WRONG_PAIRS, ALL]]
    own = kept[kept["arm"] == MAPPED].set_index(PAIR)[["own", "share", "low", "high"]]
    told = verdicts[verdicts["emotion"] == MEAN].set_index(PAIR)[["verdict"]]
    both = told.join(own[["own"]]).join(values).join(own[["share", "low", "high"]]).reset_index()
    heads = EFFECTS | {"verdict": "carried over", "share": "mapped, of own"}
    return in_words(both.rename(columns=heads))


def summarise(shares: pd.DataFrame, verdicts: pd.DataFrame) -> str:
    """Say in Markdown what is carried over between each pair, by each map, real models and miniatures apart.

    Parameters
    ----------
    shares, verdicts
        As of :func:`main_effects`.
    """
    counts = [f"between {BETWEEN[kind]}: {_counted(own)}" for kind, own in by_kind(verdicts).items()]
    reached = shares.set_index([*PAIR, "emotion", "outcome", "arm"]).sort_index()
    lines = [
        _line(own, reached.loc[(source, target, name, MEAN)])
        for (source, target, name), own in verdicts.groupby(PAIR, sort=False)
    ]
    return f"Carried over, {'; '.join(counts)}.\n\n{chr(10).join(lines)}"


def by_kind(verdicts: pd.DataFrame) -> Mapping[str, list[str]]:
    """The verdicts on the mean of the emotions, by kind of pair, those of real models first."""
    pooled = verdicts[verdicts["emotion"] == MEAN]
    told: dict[str, list[str]] = {kind: [] for kind in BETWEEN}
    for row in pooled.itertuples():
        told[kind_of_pair(str(row.source), str(row.target))].append(str(row.verdict))
    return {kind: own for kind, own in told.items() if own}


def _counted(verdicts: list[str]) -> str:
    parts = [f"**{word}** in {n}" for word in VERDICTS.values() if (n := verdicts.count(word))]
    return f"{listing(parts)} of {len(verdicts)} cases"


def _line(own: pd.DataFrame, reached: pd.DataFrame) -> str:
    pooled, each = own[own["emotion"] == MEAN].iloc[0], own[own["emotion"] != MEAN]["verdict"]
    shares = "; ".join(
        f"{WORDS[outcome]} {_share(reached.loc[(outcome, MAPPED)])}, wrong pairs "
        f"{_share(reached.loc[(outcome, WRONG_PAIRS)])}"
        for outcome in OUTCOMES
    )
    counts = ", ".join(f"{int((each == word).sum())} {word}" for word in VERDICTS.values())
    return (
        f"- *{pooled['source']}* to *{pooled['target']}*, {pooled['map']}: **{pooled['verdict']}** by the replies, "
        f"mean of the emotions (p = {pooled['p_holm']:.3f} beside wrong pairs, the least that so many can give is "
        f"{pooled['least']:.3f}); by emotion {counts}. Shares of the own effect: {shares}."
    )


def _share(row: pd.Series) -> str:
    if np.isnan(row["share"]):
        return "unknown"
    return f"{row['share']:.0%}{between(row['low'], row['high'], '.0%')}"

"""What sets of emotion vectors say, in sentences for a page."""

from __future__ import annotations

from typing import Any

import pandas as pd

from emotion_utils.scaling.geometry import RECIPES
from emotion_utils.scaling.record import ALL
from emotion_utils.scaling.stories import FIRST
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.in_words import between
from emotion_utils.statistics.permutations import LEVEL

IN_WORDS = {
    "one": "model", "other": "and", "value": "similarity", "low": "emotions, from", "high": "to",
    "low_stories": "stories, from", "high_stories": "to ", "null_high": "permuted, 95 %", "p": "p",
    "words_one": "words and model", "words_other": "words and other", "partial": "given words",
    "partial_null_high": "permuted, given words", "lowered": "lowered by", "exchanges": "of exchanges",
}  # fmt: skip
MOST = 2
"""Pairs whose layers are drawn."""


def similarities_in_words(pairs: pd.DataFrame) -> pd.DataFrame:
    """What a page shows of every two sets, as they are.

    Parameters
    ----------
    pairs
        From :func:`emotion_utils.scaling.curves.similarities_of`.
    """
    return pairs[pairs["recipe"] == RECIPES[False]][list(IN_WORDS)].rename(columns=IN_WORDS)


def summarise_similarities(pairs: pd.DataFrame, curve: pd.DataFrame) -> str:
    """Similarity with the reference model, by parameters; and what two exchanged labels cost.

    Parameters
    ----------
    pairs, curve
        From :mod:`emotion_utils.scaling.curves`, both recipes.
    """
    raw, spread = (curve[curve["recipe"] == recipe].set_index("one") for recipe in RECIPES.values())
    lines = [
        f"- *{name}*: **{row['value']:.2f}**{between(row['low'], row['high'])}, permuted labels up to "
        f"{row['null_high']:.2f}; above them: {row['shared']}. Given the words {row['partial']:.2f} (up to "
        f"{row['partial_null_high']:.2f}): {row['beyond_words']}. With each dimension over its spread "
        f"{spread.loc[name, 'value']:.2f}."
        for name, row in raw.iterrows()
    ]
    own = pairs[pairs["recipe"] == RECIPES[False]]
    lowered, whole = int(own["lowered"].sum()), int(own["exchanges"].sum())
    return (
        f"Similarity with {curve['other'].iloc[0]}:\n\n{chr(10).join(lines)}\n\nExchanging two labels lowers the "
        f"similarity in **{lowered} of {whole}** cases (all pairs of labels and of sets), by "
        f"{own['median_drop'].median():.3f} in the median."
    )


def summarise_all_stories(all_stories: pd.DataFrame, similarities: pd.DataFrame) -> str:
    """What models that read all stories score, beside the value of the first ones and the words of both.

    Parameters
    ----------
    all_stories, similarities
        Tables of the record, of all stories and of the first ones.

    Returns
    -------
    A sentence; empty where nobody read them.
    """
    if not len(all_stories):
        return ""
    whole, first = (own[own["recipe"] == RECIPES[False]] for own in (all_stories, similarities))
    before = {frozenset((row.one, row.other)): row for row in first.itertuples()}
    rows = [(row, before.get(frozenset((row.one, row.other)))) for row in whole.itertuples()]
    parts = [_with_all(row, told) for row, told in rows if told is not None]
    if not parts:
        return ""
    return (
        f"With all {ALL} stories of each emotion, the values of the first {FIRST} in brackets:\n\n"
        + "\n".join(f"- {part}." for part in parts)
    )


def _with_all(row: Any, before: Any) -> str:
    return (
        f"*{row.one}* and *{row.other}* **{row.value:.2f}** ({before.value:.2f}); the words of the stories and "
        f"*{row.other}* {row.words_other:.2f} ({_words(before, row.other):.2f}); given the words "
        f"{row.partial:.2f} ({before.partial:.2f}), permuted labels up to {row.partial_null_high:.2f}, above them: "
        f"{row.beyond_words}"
    )


def _words(row: Any, name: str) -> float:
    """Similarity of the words with one of the two models of a row."""
    return float(row.words_other if row.other == name else row.words_one)


def summarise_axes(axes: pd.DataFrame, held: pd.DataFrame, follows: pd.DataFrame) -> str:
    """Axes, emotions left out, and a score that follows the length of vectors."""
    parts, holm = [], pd.Series(adjusted(axes["p"].to_numpy(dtype=float), "holm"), axes.index)
    for axis, own in axes.groupby("axis", sort=False):
        clear = int((holm.loc[own.index] <= LEVEL).sum())
        parts.append(
            f"left-out emotions are placed on an axis of {axis} with an AUROC of {own['value'].min():.2f} to "
            f"{own['value'].max():.2f}, beyond permuted labels, after Holm for all axes, in **{clear} of {len(own)}** "
            "models"
        )
    if len(held):
        clear = int((held["p"] <= LEVEL).sum())
        parts.append(
            f"maps that never saw an emotion choose right in {held['value'].min():.0%} to {held['value'].max():.0%} of "
            f"pairwise choices, beyond permuted labels in **{clear} of {len(held)}** cases (both directions of "
            f"the same pairs of sets; least p {held['p'].min():.2g}), and bring the emotion next to its own vector "
            f"among all in {held['first'].min():.0%} to {held['first'].max():.0%}"
        )
    text = "; ".join(parts)
    told = follows.set_index("score") if len(follows) else follows
    if len(told):
        longer = told["tenfold"]
        text += (
            ". A score that follows length is the separation along the first principal component of raw vectors: "
            f"over {int(told['layers'].iloc[0])} layers it goes with their mean length by r = "
            f"{told.loc['separation', 'r']:.2f}, and vectors ten times as long give {longer['separation']:.0f} times "
            f"as much; the AUROC along it changes by a factor of {longer['auroc']:.2f}"
        )
    return text[:1].upper() + text[1:] + "."


def shown_pairs(depths: pd.DataFrame) -> list[tuple[str, str]]:
    """The pairs of sets with most pairs of layers, whose maps by depth show most."""
    raw = depths[depths["recipe"] == RECIPES[False]]
    sizes = raw.groupby(["one", "other"], sort=False).size().sort_values(ascending=False, kind="stable")
    return [(str(one), str(other)) for one, other in sizes.index[:MOST]]

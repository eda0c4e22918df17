"""Neutral texts that a steered model continues: from a prompt set, from the small world, and asked for an emotion."""

from __future__ import annotations

import numpy as np
import pandas as pd

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.scoring.replies import genuine_replies, splice
from emotion_utils.statistics.resampling import resampling_units

COLUMNS = ["context", "unit", "source"]
DRAWN = 4
"""Times as many fresh texts are drawn as are taken."""
INSTRUCTIONS = {
    "gratitude": "What is said next is full of gratitude.",
    "anger": "What is said next is full of anger.",
    "apology": "What is said next is an apology.",
}


def neutral_contexts(prompts: pd.DataFrame, split: str | None, n: int, name: str = "") -> pd.DataFrame:
    """The first neutral prompts of a split, taken in turn from its units so that few of them spread widely.

    Parameters
    ----------
    prompts
        A prompt set.
    split
        ``build``, ``select`` or ``test``; None takes all.
    n
        At most so many.
    name
        Of the set, for the column ``source``.

    Returns
    -------
    Columns ``context, unit, source``: the text, what is resampled together, and where it comes from.

    Raises
    ------
    UserError
        Where there is none.
    """
    units = pd.Series(resampling_units(prompts), prompts.index)
    kept = prompts["emotion"] == "neutral"
    if split is not None:
        kept &= prompts["split"] == split
    if not kept.any():
        where = "" if split is None else f' in the split "{split}"'
        raise UserError(f"The prompts {name} have no neutral text{where}: add some.")
    table = pd.DataFrame({"context": prompts["text"], "unit": units, "source": name})[kept]
    table = table.drop_duplicates("context")
    return in_turn(table, table["unit"]).head(n).reset_index(drop=True)


def fresh_contexts(n: int, seed: int, language: str = "en") -> pd.DataFrame:
    """Texts of the small world in all its registers that nobody has read, up to a reaction to something neutral.

    More are drawn than are taken, and kinds of event take turns, so that few texts tell many kinds.

    Returns
    -------
    As :func:`neutral_contexts`; the unit is the kind of event that is told.
    """
    from emotion_utils.smallworld.corpus import reacting
    from emotion_utils.smallworld.grammar import load_grammar

    documents = reacting(load_grammar(language), DRAWN * n, seed, emotion="neutral")
    units = pd.factorize(np.array([document.cause for document in documents], dtype=object))[0]
    texts = [document.context.rstrip(" ") for document in documents]
    table = pd.DataFrame({"context": texts, "unit": units, "source": "fresh texts"}, columns=COLUMNS)
    return in_turn(table, table["unit"]).head(n).reset_index(drop=True)


def in_turn(table: pd.DataFrame, units: pd.Series) -> pd.DataFrame:
    """The first row of each unit, then the second of each, and so on."""
    turn = table.groupby(units).cumcount()
    return table.loc[turn.sort_values(kind="stable").index]


def instruction_before(contexts: pd.DataFrame, emotion: str) -> pd.DataFrame:
    """Prompting instead of steering: a sentence that asks for the emotion stands before each context."""
    if emotion not in INSTRUCTIONS:
        raise UserError(f'There is no instruction for "{emotion}": {suggestion(emotion, INSTRUCTIONS)}')
    return contexts.assign(context=[f"{INSTRUCTIONS[emotion]} {text}" for text in contexts["context"]])


def own_instruction_before(contexts: pd.DataFrame, label: str) -> pd.DataFrame:
    """The same for an own label, of which nothing but its name is known."""
    asked = f"What comes next is an example of {label}."
    return contexts.assign(context=[f"{asked} {text}" for text in contexts["context"]])


def own_example_before(
    contexts: pd.DataFrame, prompts: pd.DataFrame, label: str, seed: int = 0
) -> pd.DataFrame:
    """Prompting by example for an own label: one of its texts of the build split before each context."""
    kept = (prompts["emotion"] == label) & (prompts["split"] == "build")
    texts = prompts[kept]["text"].to_numpy(dtype=object)
    shown = texts[np.random.default_rng(seed).integers(len(texts), size=len(contexts))]
    return contexts.assign(
        context=[f"{example}\n\n{text}" for example, text in zip(shown, contexts["context"], strict=True)]
    )


def example_before(
    contexts: pd.DataFrame, prompts: pd.DataFrame, emotion: str, seed: int = 0
) -> pd.DataFrame:
    """Prompting by example: an emotional prompt of the build split, answered as it should be, before each context."""
    kept = (prompts["emotion"] == emotion) & (prompts["split"] == "build")
    scenes = prompts[kept]["text"].tolist()
    replies = genuine_replies(emotion)
    if not scenes:
        raise UserError(
            f'The prompts have none of "{emotion}" in the split "build": add some, to show as examples.'
        )
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(scenes), size=len(contexts)), rng.integers(len(replies), size=len(contexts))
    shown = [
        scenes[i] + splice(scenes[i], replies[j])
        for i, j in zip(*map(np.ndarray.tolist, chosen), strict=True)
    ]
    return contexts.assign(
        context=[f"{example}\n\n{text}" for example, text in zip(shown, contexts["context"], strict=True)]
    )

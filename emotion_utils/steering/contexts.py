"""Neutral texts that a steered model continues: from a prompt set, from the small world, and asked for an emotion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emotion_utils.core.emotions import REFERENCE
from emotion_utils.core.errors import UserError, listing, suggestion
from emotion_utils.scoring.agreement import own_accuracy, summarise_own_judges
from emotion_utils.scoring.replies import OWN_TOKENS, genuine_replies, splice
from emotion_utils.statistics.resampling import resampling_units

if TYPE_CHECKING:
    from emotion_utils.steering.subject import SteeredModel

COLUMNS = ["context", "unit", "source"]
DRAWN = 4
"""Times as many fresh texts are drawn as are taken."""
ALREADY = 0.5
"""Share of untouched texts that say a label from which on there is nothing to steer to."""
INSTRUCTIONS = {
    "gratitude": "What is said next is full of gratitude.",
    "anger": "What is said next is full of anger.",
    "apology": "What is said next is an apology.",
}


def about(steered: SteeredModel) -> str:
    """Say in Markdown what is steered to a reader's labels, what stands for genuine replies, and how good the judge is.

    Empty where the book's own emotions are steered.
    """
    if steered.own is None:
        return ""
    emotions, labels = steered.emotions, [label for label in steered.own.labels if label != REFERENCE]
    rest = [label for label in labels if label not in emotions]
    left = (
        f" Steered are the first {len(emotions)} labels by name, {listing(emotions)}; left out as targets, though "
        f"vectors and judge know them: {listing(rest)}."
        if rest
        else ""
    )
    told = (
        "\n\n**With texts of your own.** What is continued are the book's own neutral scenes: they are in English, end "
        f"before somebody speaks, and say nothing of these labels.{left} "
        f"Vectors are made {listing(steered.kinds)}. The unit of strength is measured on such "
        f"scenes too. In the place of genuine replies stand the first {OWN_TOKENS} tokens of your texts: those of the "
        "build split in the screen, those of the test split in the log-odds of the doses. A setting's score on the "
        "screen is the smaller of two changes in nats: of the label's own texts, and of these less that of the texts "
        "which the label stands against. After a scene your texts are improbable whatever one does, so that the cost "
        "of a text is its perplexity beside that of texts which the untouched model itself draws at temperature 1 in "
        "the same context."
    )
    table = judging(steered)
    if table is None:
        return told
    missing = getattr(steered.reader, "left_out", "")
    note = f" {missing}" if missing else ""
    return (
        f"{told}\n\nWhat a text says is told by a judge that learnt from your texts of the build and select split and "
        f"reads a text whole.{note} Here it reads as many tokens of the texts of the test split as are generated below:"
        f"\n\n{summarise_own_judges(table)}{doubt(steered)}"
    )


def judging(steered: SteeredModel) -> pd.DataFrame | None:
    """How often the judges of own labels are right, the last of them the one that decides; None without them."""
    if steered.judged is None:
        return None
    return own_accuracy(steered.judged, list(steered.judged.columns.drop(["text", "emotion", "unit"])))


def doubt(steered: SteeredModel) -> str:
    """A sentence for every verdict where the judge of own labels is none; else nothing."""
    table = judging(steered)
    if table is None or table["told"].iloc[-1]:
        return ""
    return (
        " **This cannot be read: what judges the texts is not told from always naming the largest class, so that "
        "shares of texts say nothing for or against steering.**"
    )


def caution(steered: SteeredModel, profile: str) -> str:
    """What stands behind every verdict of a page: that a smoke run is too small, and that a judge is none."""
    warning = " **This is a smoke run: the counts are far too small for any conclusion.**"
    return (warning if profile == "smoke" else "") + doubt(steered)


def already_said(steered: SteeredModel, untouched: pd.DataFrame) -> list[str]:
    """Own labels that half of the untouched texts say or more, so that steering cannot show anything for them.

    Parameters
    ----------
    steered
    untouched
        Judged texts of the untouched model, with ``emotion`` and ``target``.
    """
    if steered.own is None:
        return []
    shares = untouched.groupby("emotion", sort=False)["target"].mean()
    return [str(label) for label, share in shares.items() if share >= ALREADY]


def summarise_untouched(steered: SteeredModel, untouched: pd.DataFrame) -> str:
    """What untouched texts say; of own labels one by one, and for which of them steering can show nothing."""
    if steered.own is None:
        return f"Untouched, {untouched['target'].mean():.0%} of the texts of the test split say the emotion."
    shares = untouched.groupby("emotion", sort=False)["target"].mean()
    listed = ", ".join(f"{label} {share:.0%}" for label, share in shares.items())
    said = already_said(steered, untouched)
    none = (
        f" **The judge finds {listing(said)} in the untouched texts already, so that a share of texts shows nothing "
        "there: counts of labels that reach the goal leave it out.**"
        if said
        else ""
    )
    return f"Untouched, this share of the texts of the test split says the label: {listed}.{none}"


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


def fresh_contexts(n: int, seed: int) -> pd.DataFrame:
    """Texts of the small world in all its registers that nobody has read, up to a reaction to something neutral.

    More are drawn than are taken, and kinds of event take turns, so that few texts tell many kinds.

    Returns
    -------
    As :func:`neutral_contexts`; the unit is the kind of event that is told.
    """
    from emotion_utils.smallworld.corpus import reacting
    from emotion_utils.smallworld.grammar import load_grammar

    documents = reacting(load_grammar("en"), DRAWN * n, seed, emotion="neutral")
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

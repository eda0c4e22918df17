"""Partners for the prompts that models are compared on, and what a page says of them."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from emotion_utils.core.emotions import EMOTIONAL, emotions_of, has_reference, labels_of
from emotion_utils.core.errors import listing
from emotion_utils.prompts.partners import FEWEST, has_pairs, loosely_paired, partners

_ABOUT_PARTNERS = (
    "**The texts have no pairs**: each stands beside a neutral text by lot, so that a difference of the two holds all "
    "that two texts differ in, beside what the label stands for."
)
_ABOUT_HALVES = (
    "**There is no reference label**: on this page half of the texts, of every label, stand for *neutral* ones; each "
    "text of the other half, called *emotional*, stands beside one of these with another label. The map has then read "
    "texts of all labels, and a difference is one label minus another: that two models tell the labels apart is "
    "enough for a high score, and wrong pairs lead into the directions of labels too."
)


def with_pairs(prompts: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Prompts in which every label has matched neutral ones: as they are, or paired loosely.

    Parameters
    ----------
    prompts
        With ``id, text, emotion, group, pair_id``.
    seed
        Of :func:`emotion_utils.prompts.partners.loosely_paired`, which tells what it adds.

    Returns
    -------
    The prompts themselves where all labels have pairs, without labels that have too few of them for two halves.
    """
    if not has_pairs(prompts):
        return loosely_paired(prompts, seed)
    counts = partners(prompts, ["id"])["emotion"].value_counts()
    rare = counts.index[counts < FEWEST[-1]]
    return prompts if len(rare) in (0, len(counts)) else prompts[~prompts["emotion"].isin(rare)]


def pairing_note(prompts: pd.DataFrame, used: pd.DataFrame) -> str:
    """Say in Markdown how texts without pairs were paired, a paragraph to follow another; nothing where none were.

    Parameters
    ----------
    prompts
        All texts.
    used
        What :func:`with_pairs` made of them.
    """
    said = []
    if "unit" in used:
        said.append(_ABOUT_PARTNERS if has_reference(prompts) else _ABOUT_HALVES)
    absent = [label for label in labels_of(prompts) if label not in set(used.get("label", used["emotion"]))]
    if absent:
        said.append(f"Left out, since they have too few texts: {listing(absent)}.")
    if "unit" in used and len(used) < prompts["emotion"].isin(used["label"]).sum():
        said.append(f"Of the others {len(used)} texts are used, each once.")
    return "\n\n" + " ".join(said) if said else ""


class Wording(NamedTuple):
    """What prompts are sorted by, what neutral prompts in the place of others are, and a remark on these."""

    kind: str
    without: str
    remark: str


def wording(prompts: pd.DataFrame) -> Wording:
    """Words for the book's emotions, and for labels of any kind."""
    if not has_reference(prompts):
        remark = (
            " Without a reference these have labels too, any two of them: what is left is no single label."
        )
        return Wording("label", "with texts of the reference half in their place", remark)
    if set(emotions_of(prompts)) <= set(EMOTIONAL):
        return Wording("emotion", "without emotion", "")
    return Wording("label", "with neutral texts in their place", "")

"""Emotional prompts beside their neutral partners: the one join by ``pair_id``."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def partners(prompts: pd.DataFrame, columns: Sequence[str] = ("id", "text")) -> pd.DataFrame:
    """Put each emotional prompt beside the neutral prompt that says the same without the emotion.

    Parameters
    ----------
    prompts
        With ``emotion``, ``pair_id`` and the columns asked for; a partner is neutral and has the same ``pair_id``.
        Where several have, it is the first of them.
    columns
        Of the partner.

    Returns
    -------
    The emotional prompts that have a partner, in their order and under their index, with all their columns and, named
    ``partner_id, partner_text`` and so on, those of the partner.

    Raises
    ------
    KeyError
        For a table without the columns.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> beside = eu.partners(eu.prompts("implicit"))
    >>> len(beside), bool((beside["emotion"] != "neutral").all())
    (216, True)
    """
    neutral = prompts[prompts["emotion"] == "neutral"].dropna(subset="pair_id").drop_duplicates("pair_id")
    neutral = neutral.set_index("pair_id")
    emotional = prompts[(prompts["emotion"] != "neutral") & prompts["pair_id"].isin(neutral.index)]
    beside = neutral.loc[emotional["pair_id"], list(columns)]
    return emotional.assign(**{f"partner_{name}": beside[name].array for name in columns})

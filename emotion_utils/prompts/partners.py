"""Emotional prompts beside their neutral partners: the one join by ``pair_id``, and partners for texts without any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int
from scipy.optimize import linear_sum_assignment

from emotion_utils.core.emotions import REFERENCE, emotions_of, has_reference, labels_of
from emotion_utils.core.errors import UserError, listing
from emotion_utils.prompts.splits import KEYS, normalise, text_hashes
from emotion_utils.statistics.resampling import FEWEST_UNITS, connected_groups


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


FEWEST = (6, 4)
"""Prompts of a label beside its partners: as many as halves of them need for two dimensions; else for one."""
MOST_TEXTS = 480
"""All labels together, so that the rows of a map are at most half of it; of every label at least :data:`OF_EACH`."""
OF_EACH = 20
MOST_UNITS = 40
"""Units are left out one by one: more of them cost time and make hardly surer."""
AGAIN, OTHER_FAMILY = 1e6, 1e3
"""What a partner costs that another prompt has, or that is of another family."""


def has_pairs(prompts: pd.DataFrame) -> bool:
    """Whether every label but the reference has a prompt with a partner."""
    emotions = set(emotions_of(prompts))
    return bool(emotions) and set(partners(prompts, ["id"])["emotion"]) == emotions


def loosely_paired(prompts: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Give texts that have no pairs, or no reference, what comparing models needs.

    With a reference each other text gets a neutral one as its partner, one to one as far as these reach; texts of
    several labels share a partner. Without a reference half of the texts of every label, all together, stand for it,
    and each text of the other half gets one of them as its partner that has another label. Texts that share a group, a
    pair or their words are in one unit and, where a label has families enough, in one of the halves.

    Parameters
    ----------
    prompts
        With ``id, text, emotion, group, pair_id``.
    seed
        Of the draw, which goes by the texts alone: the order of the rows makes no difference.

    Returns
    -------
    The prompts that are used, once each, with all their columns: ``emotion`` is ``neutral`` where a text stands for
    the reference, ``label`` what it was before, ``pair_id`` common to a text and its partner, ``unit`` a number that
    partners and families share. Labels with too few texts are left out, and texts beyond :data:`MOST_TEXTS`.

    Raises
    ------
    UserError
        Where too few labels have texts enough.
    """
    reference = has_reference(prompts)
    table = _in_order(prompts, seed)
    table, least = _frequent(table, reference)
    table = _fewer(table, reference).assign(label=lambda t: t["emotion"])
    if not reference:
        table.loc[_stand_in(table, least), "emotion"] = REFERENCE
    unit, partner = _units_and_partners(table, seed)
    pairs = [f"loose {i if at < 0 else at}" for i, at in enumerate(partner)]
    return table.assign(pair_id=pairs, unit=unit).drop(columns=["_words", "_family"])


def _in_order(prompts: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Each text of a label once, in an order by hash, with its family: what is connected by group, pair or text."""
    words = prompts["text"].map(normalise)
    table = prompts.assign(_words=words, _hash=text_hashes(words, seed))
    table["_family"] = connected_groups(table, [key for key in (*KEYS, "_words") if key in table])
    table = table.sort_values(["_hash", "emotion", "text", "id"], kind="stable", ignore_index=True)
    table = table.drop_duplicates(["_words", "emotion"], ignore_index=True)
    return table.assign(_family=pd.factorize(table["_family"])[0]).drop(columns="_hash")


def _frequent(table: pd.DataFrame, reference: bool) -> tuple[pd.DataFrame, int]:
    """The texts of labels that have enough of them, and how many are enough beside partners."""
    counts = table.groupby("emotion")["_family"].agg(texts="size", families="nunique")
    for least in FEWEST:
        texts = counts["texts"] // (1 if reference else 2)
        able = set(counts.index[(texts >= least) & (counts["families"] >= least)])
        if len(able) >= 2 and (not reference or REFERENCE in able):
            return table[table["emotion"].isin(able)].reset_index(drop=True), least
    needed = FEWEST[-1] if reference else 2 * FEWEST[-1]
    known = listing(f"{counts.at[label, 'texts']} of {label}" for label in labels_of(table))
    raise UserError(
        f"Comparing models takes {'the reference and one more label' if reference else 'two labels'} with at least "
        f"{needed} different texts each, of at least {FEWEST[-1]} groups; there are {known}: give more texts, or join "
        "labels by label_map."
    )


def _fewer(table: pd.DataFrame, reference: bool) -> pd.DataFrame:
    """Whole families, those first in order, until every label has as many as are used."""
    emotions = emotions_of(table)
    most = dict.fromkeys(emotions, min(MOST_TEXTS // 2, max(OF_EACH, MOST_TEXTS // len(emotions))))
    if reference:
        most[REFERENCE] = MOST_TEXTS // 2
    held, kept = Counter[str](), set()
    for family, labels in table.groupby("_family")["emotion"]:
        if any(held[label] < most[label] for label in labels):
            kept.add(family)
            held.update(labels)
    return table[table["_family"].isin(kept)].reset_index(drop=True)


def _stand_in(table: pd.DataFrame, least: int) -> Bool[np.ndarray, " text"]:
    """Which texts stand for a reference: half of every label, in whole families where it has enough of them."""
    families = table.groupby("emotion")["_family"].nunique()
    scarce = table["emotion"].isin(families.index[families < 2 * least])
    split = table["_family"].isin(table.loc[scarce, "_family"]).to_numpy()
    own = np.where(split, table["_family"].max() + 1 + np.arange(len(table)), table["_family"])
    half: np.ndarray = dealt(own, table["emotion"].to_numpy(), 2) == 0
    return half if half.sum() >= len(half) / 2 else ~half


def dealt(
    families: np.ndarray, labels: np.ndarray, n: int, beside: np.ndarray | None = None
) -> Int[np.ndarray, " text"]:
    """Deal texts out into parts, whole families at a time, every label as evenly as can be.

    Parameters
    ----------
    families, labels
        Of each text.
    n
        Parts.
    beside
        Texts of another kind in each part, of which there shall be as many; labels then come second.

    Returns
    -------
    The part of each text. Large families go first, then those that come first; each goes where its labels are
    rarest, and of such parts to the smallest.
    """
    family, label = pd.factorize(families)[0], pd.factorize(labels)[0]
    counts = np.zeros((family.max(initial=-1) + 1, label.max(initial=-1) + 1))
    np.add.at(counts, (family, label), 1)
    held, part = np.zeros((n, counts.shape[1])), np.zeros(len(counts), dtype=np.int64)
    for i in np.argsort(-counts.sum(axis=1), kind="stable"):
        size, crowd = held.sum(axis=1), held @ counts[i]
        part[i] = np.lexsort((size, crowd) if beside is None else (crowd, size - beside))[0]
        held[part[i]] += counts[i]
    return part[family]


def _units_and_partners(table: pd.DataFrame, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The unit of each text, and the row of its partner, -1 for the reference; in as many units as can be."""
    neutral = (table["emotion"] == REFERENCE).to_numpy()
    families = table["_family"].to_numpy()
    each = table[~neutral].groupby("label")["_family"].nunique()
    most = min(MOST_UNITS, max(FEWEST_UNITS, int(each.median())), len(np.unique(families[neutral])))
    for n in range(most, 0, -1):
        units = _units(table, neutral, n)
        partner = _partners_in(units, table, neutral, seed)
        if partner is not None:
            return units, partner
    raise UserError("All texts say the same, under several labels: correct the labels, or give other texts.")


def _units(table: pd.DataFrame, neutral: np.ndarray, n: int) -> Int[np.ndarray, " text"]:
    """Texts dealt out into units: first families with emotional ones, then others to stand beside as many."""
    families, kinds = table["_family"], (table["emotion"] + "\0" + table["label"]).to_numpy()
    first = families.isin(families[~neutral]).to_numpy()
    units = np.zeros(len(table), dtype=np.int64)
    units[first] = dealt(families[first].to_numpy(), kinds[first], n)
    lacking = np.bincount(units[first], np.where(neutral, -1, 1)[first], n)
    units[~first] = dealt(families[~first].to_numpy(), kinds[~first], n, lacking)
    return units


def _partners_in(
    units: np.ndarray, table: pd.DataFrame, neutral: np.ndarray, seed: int
) -> Int[np.ndarray, " text"] | None:
    """Partners of the same unit and another label, every two labels as often as any; None where one has no such."""
    rng = np.random.default_rng(seed)
    label, words, family = (pd.factorize(table[name])[0] for name in ("label", "_words", "_family"))
    used = np.zeros((label.max() + 1,) * 2)
    partner = np.full(len(table), -1)
    for unit in range(units.max() + 1):
        own, other = (np.flatnonzero((units == unit) & side) for side in (~neutral, neutral))
        if not len(own):
            continue
        wrong = (label[own][:, None] == label[other]) | (words[own][:, None] == words[other])
        if wrong.all(axis=1).any():
            return None
        at = label[own][:, None], label[other][None]
        cost = used[at] + OTHER_FAMILY * (family[own][:, None] != family[other]) + rng.random(wrong.shape)
        cost[wrong] = np.inf
        again = np.concatenate([cost + AGAIN * i for i in range(len(own))], axis=1)
        rows, taken = linear_sum_assignment(again)
        partner[own[rows]] = other[taken % len(other)]
        np.add.at(used, (label[own[rows]], label[partner[own[rows]]]), 1)
    return partner

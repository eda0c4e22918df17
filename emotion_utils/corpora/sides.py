"""Which side of a split each document stands on: whole groups, in every domain if it can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int, Shaped

from emotion_utils.core.errors import UserError, listing
from emotion_utils.corpora.documents import Document
from emotion_utils.prompts.splits import place_groups, text_hashes

SHARES: dict[str, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}
LARGE = 0.05
"""Share of a domain from which on a group is placed before the others, while there is room for it."""


def sides(
    documents: Sequence[Document],
    windows: Int[np.ndarray, " document"],
    shares: Mapping[str, float],
    seed: int = 0,
) -> tuple[Shaped[np.ndarray, " document"], tuple[str, ...]]:
    """Give every document its split.

    Large groups are placed first, the others in an order of the seed, each where its domains are missed most. A domain
    of three groups or more then gets one of its smallest on each side that it would miss.

    Parameters
    ----------
    documents
    windows
        How many windows each has; the shares are of them.
    shares
        Of train, validation and test, summing to 1.
    seed
        Of the order among groups that are not large.

    Returns
    -------
    The split of each document, and sentences on domains that were split by document or miss a side.

    Raises
    ------
    UserError
        For other shares, and where there are fewer groups than splits.
    """
    _check(shares)
    table = pd.DataFrame(
        {
            "domain": [document.domain for document in documents],
            "group": [document.group for document in documents],
            "split": [document.split for document in documents],
            "windows": windows,
        }
    )
    _check_known(table["split"], documents)
    free = (table["split"] == "") & (table["windows"] > 0)
    notes: list[str] = []
    if free.any():
        table["group"], notes = _units(table, free)
        table.loc[free, "split"] = _placed(table[free], shares, seed)
    notes += _missing(table[table["windows"] > 0], tuple(shares))
    return table["split"].to_numpy().astype(str), tuple(notes)


def _check(shares: Mapping[str, float]) -> None:
    if set(shares) != set(SHARES) or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-9:
        raise UserError(
            f"The shares of the split are {dict(shares)}: give train, validation and test shares above 0 that sum to 1."
        )


def _check_known(splits: pd.Series, documents: Sequence[Document]) -> None:
    wrong = splits[~splits.isin(["", *SHARES])]
    if len(wrong):
        at = int(wrong.index[0])
        raise UserError(
            f'"{documents[at].name}" is of the split "{wrong.iloc[0]}": choose {listing(SHARES)}, or leave it empty.'
        )


def _units(table: pd.DataFrame, free: pd.Series) -> tuple[pd.Series, list[str]]:
    """Groups; where a domain has only one, and shares it with no other domain, its documents."""
    of_domain = table[free].groupby("domain")["group"].nunique()
    of_group = table[free].groupby("group")["domain"].nunique()
    single = table["domain"].map(of_domain).eq(1) & table["group"].map(of_group).eq(1) & free
    units = table["group"].where(~single, table["group"] + "\0" + table.index.astype(str))
    names = sorted(set(table.loc[single, "domain"]))
    if not names:
        return units, []
    sentence = (
        f"{listing(names)} {'has' if len(names) == 1 else 'have'} one group of documents, which is therefore split by "
        "document: test windows may resemble those of the training."
    )
    return units, [sentence]


def _placed(table: pd.DataFrame, shares: Mapping[str, float], seed: int) -> np.ndarray:
    counts = table.pivot_table("windows", "group", "domain", aggfunc="sum", fill_value=0)
    if len(counts) < len(shares):
        raise UserError(
            f"{len(counts)} group{'s' * (len(counts) != 1)} of documents with a window cannot be split into "
            f"{listing(shares)}: give {len(shares)} or more, or a shorter length."
        )
    values = counts.to_numpy().astype(float)
    of_domain = values / np.maximum(values.sum(axis=0), 1)  # every domain counts alike, however large
    largest = of_domain.max(axis=1)
    order = np.lexsort((text_hashes(counts.index, seed), -np.where(largest >= LARGE, largest, 0)))
    placed = place_groups(of_domain, order, list(shares.values()))
    _fill(values, placed, len(shares))
    names = np.array(list(shares), dtype=object)[placed]
    return table["group"].map(dict(zip(counts.index, names, strict=True))).to_numpy()


def _fill(counts: np.ndarray, placed: np.ndarray, splits: int) -> None:
    """Move the smallest group of a domain to a split where the domain has none, if one stays where it came from."""
    sizes = counts.sum(axis=1)
    for label in range(counts.shape[1]):
        has = counts[:, label] > 0
        for split in range(splits):
            if (has & (placed == split)).any():
                continue
            full = [at for at in range(splits) if (has & (placed == at)).sum() > 1]
            movable = np.flatnonzero(has & np.isin(placed, full))
            if len(movable):
                placed[movable[np.argmin(sizes[movable])]] = split


def _missing(table: pd.DataFrame, splits: Sequence[str]) -> list[str]:
    has = (
        table.groupby(["domain", "split"]).size().unstack(fill_value=0).reindex(columns=splits, fill_value=0)
    )
    return [
        f"{domain} has no windows for {listing(name for name in splits if row[name] == 0)}: it has too few groups."
        for domain, row in has.iterrows()
        if (row == 0).any()
    ]

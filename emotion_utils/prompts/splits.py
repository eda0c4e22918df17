"""Build, select and test splits that no template family, pair or repeated text ever crosses."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int, Shaped

from emotion_utils.prompts.keywords import JAPANESE_LETTER
from emotion_utils.statistics.resampling import connected_groups

SPLITS: dict[str, float] = {"build": 0.6, "select": 0.2, "test": 0.2}
KEYS = ("group", "pair_id")
"""Columns that must not cross splits."""
NOT_WORD = re.compile(r"[\W_]+")
BETWEEN = re.compile(rf"(?<={JAPANESE_LETTER}) (?={JAPANESE_LETTER})")


def normalise(text: str) -> str:
    """Fold case, width, accents of composition, punctuation and spacing: what is equal then is the same prompt.

    Between Japanese characters a blank means nothing.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = BETWEEN.sub("", NOT_WORD.sub(" ", folded).strip())
    return words or folded.strip()


def grouped_splits(table: pd.DataFrame, *, seed: int = 0) -> pd.Series:
    """Assign every prompt to a split, whole groups at a time, the same way on every machine.

    Groups are the rows connected by :data:`KEYS` or by an equal normalised `text`. Large groups are placed first, each
    where its emotions are missed most; ties follow a hash of the group's texts, so that the order of the rows
    does not matter.

    Parameters
    ----------
    table
        Prompts with `text`, `emotion` and the keys.
    seed
        Changes the hash, hence the assignment.

    Returns
    -------
    The split of each row, on the index of `table`.
    """
    keyed = table[[key for key in KEYS if key in table]].assign(_text=table["text"].map(normalise))
    groups = connected_groups(keyed, list(keyed))
    labels, names = pd.factorize(table["emotion"])
    counts = np.zeros((groups.max(initial=-1) + 1, len(names)))
    np.add.at(counts, (groups, labels), 1)
    ties = np.full(len(counts), np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(ties, groups, text_hashes(keyed["_text"], seed))
    order = np.lexsort((ties, -counts.sum(axis=1)))
    placed = place_groups(counts, order, list(SPLITS.values()))
    return pd.Series(
        np.array(list(SPLITS), dtype=object)[placed[groups]], index=table.index, name="split", dtype="str"
    )


def place_groups(
    counts: Shaped[np.ndarray, "group label"], order: Int[np.ndarray, " group"], shares: Sequence[float]
) -> Int[np.ndarray, " group"]:
    """Give each group to the split that misses its labels most.

    Parameters
    ----------
    counts
        How often each label stands in each group.
    order
        Of the groups: those that come first have the choice.
    shares
        Of the splits, summing to 1.

    Returns
    -------
    The number of the split of each group.
    """
    missed = [[share * total for share in shares] for total in counts.sum(axis=0).tolist()]
    placed = np.zeros(len(counts), dtype=int)
    for group in order.tolist():
        present = [(label, count) for label, count in enumerate(counts[group].tolist()) if count]
        need = [sum(count * missed[label][i] for label, count in present) for i in range(len(shares))]
        best = need.index(max(need))
        for label, count in present:
            missed[label][best] -= count
        placed[group] = best
    return placed


def text_hashes(texts: Iterable[str], seed: int) -> np.ndarray:
    """A number of 64 bits per text, the same on every machine."""
    salted = (f"{seed}\n{text}".encode("utf-8", "surrogatepass") for text in texts)
    digests = [hashlib.blake2b(text, digest_size=8).digest() for text in salted]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)

"""Prompts that say the same, exactly or nearly, and what crosses the splits."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer

from emotion_utils.prompts.keywords import JAPANESE_LETTER
from emotion_utils.prompts.report import shorten
from emotion_utils.prompts.splits import normalise

N_GRAM = 4
"""Characters per n-gram; shorter ones make all English texts alike."""
N_GRAM_JAPANESE = 2
"""The same for Japanese, where a character says as much as several letters do."""

JAPANESE = re.compile(JAPANESE_LETTER)


def exact_duplicates(prompts: pd.DataFrame) -> pd.DataFrame:
    """List prompts whose texts are equal up to case, spacing and punctuation.

    Returns
    -------
    Columns `copy, id, emotion, split, text`, one row per prompt that has a twin, `copy` numbering the sets.
    """
    key = prompts["text"].map(normalise)
    twins = prompts[key.duplicated(keep=False)]
    copy = pd.factorize(key[twins.index])[0] + 1
    found = twins[["id", "emotion", "split", "text"]].copy()
    found.insert(0, "copy", copy)
    return found.sort_values("copy", kind="stable", ignore_index=True)


def near_duplicates(prompts: pd.DataFrame, threshold: float = 0.8) -> pd.DataFrame:
    """List pairs of prompts with a Jaccard similarity of character n-grams of at least `threshold`.

    The result is exact. Two sets that are that alike share one of the rarest n-grams of each (prefix filtering,
    Chaudhuri, Ganti and Kaushik 2006), so that only pairs with a rare n-gram in common are compared.

    Parameters
    ----------
    prompts
        With `id, text, emotion, split, group` and `pair_id`.
    threshold
        In (0, 1]; 1 finds texts with equal n-grams only.

    Returns
    -------
    Columns `similarity, id, other_id, text, other_text, same_emotion, same_group, same_split, same_pair`, the most
    similar first.
    """
    grams = _grams(prompts["text"].map(normalise).tolist())
    first, second, similarity = _similar(grams, threshold)
    one, other = (prompts.iloc[rows].reset_index(drop=True) for rows in (first, second))
    table = pd.DataFrame(
        {
            "similarity": similarity,
            "id": one["id"],
            "other_id": other["id"],
            "text": one["text"],
            "other_text": other["text"],
            **{
                f"same_{key}": (one[key] == other[key]).fillna(False) for key in ("emotion", "group", "split")
            },
            "same_pair": (one["pair_id"] == other["pair_id"]).fillna(False),
        }
    )
    return table.sort_values("similarity", ascending=False, kind="stable", ignore_index=True)


def closest(near: Mapping[str, pd.DataFrame], top: int = 8) -> pd.DataFrame:
    """The most similar pairs of all sets.

    Parameters
    ----------
    near
        For each set a table of :func:`near_duplicates`.
    top
        Pairs to list.

    Returns
    -------
    Columns `profile, similarity, text, other_text` and those that say what the two have in common.
    """
    table = pd.concat(near, names=["profile", None]).reset_index("profile").drop(columns=["id", "other_id"])
    table = table.sort_values("similarity", ascending=False).head(top)
    return table.assign(**{column: table[column].map(shorten) for column in ("text", "other_text")})


def n_grams(text: str) -> set[str]:
    """The character n-grams of a normalised text: of 4, of 2 where most of its letters are Japanese.

    Padded by a blank on both sides, so that a word at the edge counts as one in the middle.
    """
    japanese = len(JAPANESE.findall(text)) > len(text) / 2
    n = N_GRAM_JAPANESE if japanese else N_GRAM
    padded = f" {text} ".ljust(n, "\x02")  # a text shorter than an n-gram has one, too
    return {padded[i : i + n] for i in range(len(padded) - n + 1)}


def _grams(texts: list[str]) -> csr_matrix:
    """Which n-grams each text has, shape (text, n-gram), columns from the rarest to the most frequent."""
    if not texts:
        return csr_matrix((0, 0), dtype=np.float32)
    vectorizer = CountVectorizer(analyzer=n_grams, binary=True, dtype=np.float32)
    grams = vectorizer.fit_transform(texts).tocsr()
    rare_first = np.argsort(np.asarray(grams.sum(axis=0)).ravel(), kind="stable")
    grams = grams[:, rare_first].tocsr()
    grams.sort_indices()
    return grams


def _similar(grams: csr_matrix, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sizes = np.diff(grams.indptr)
    prefix = sizes - np.ceil(threshold * sizes - 1e-9).astype(int) + 1
    place = np.arange(grams.nnz) - np.repeat(grams.indptr[:-1], sizes)
    rare = grams.copy()
    rare.data = (place < np.repeat(prefix, sizes)).astype(np.float32)
    rare.eliminate_zeros()
    found = []
    for start in range(0, grams.shape[0], 512):
        candidates = (rare[start : start + 512] @ rare.T).tocoo()
        one, other = candidates.row + start, candidates.col
        one, other = one[one < other], other[one < other]
        shared = np.asarray(grams[one].multiply(grams[other]).sum(axis=1)).ravel()
        similarity = shared / (sizes[one] + sizes[other] - shared)
        near = similarity >= threshold - 1e-9
        found.append((one[near], other[near], similarity[near]))
    if not found:
        return np.empty(0, int), np.empty(0, int), np.empty(0)
    one, other, similarity = (np.concatenate(part) for part in zip(*found, strict=True))
    return one, other, similarity


def leakage(prompts: pd.DataFrame, near: pd.DataFrame | None = None) -> pd.DataFrame:
    """Count what stands in more than one split, for everything that could carry information across.

    Parameters
    ----------
    prompts
        With the columns of the schema.
    near
        From `near_duplicates`, to be counted, too.

    Returns
    -------
    Columns `what, values, crossing, prompts, example`: how many values there are, how many occur in several splits,
    how many prompts those hold, and one of them. Template families (`group`), pairs and texts must not cross; a shared
    `topic` is a property to know about.
    """
    keys = {key: prompts[key] for key in ("group", "template", "pair_id", "topic")}
    rows = [_crossing(key, values, prompts["split"]) for key, values in keys.items()]
    rows.append(_crossing("text", prompts["text"].map(normalise), prompts["split"]))
    if near is not None:
        across = near[~near["same_split"].astype(bool)]
        touched = len(set(across["id"]) | set(across["other_id"]))
        first = across[["text", "other_text"]].head(1).map(shorten).to_numpy().ravel()
        example = " / ".join(first)
        rows.append(("near duplicate", len(near), len(across), touched, example))
    return pd.DataFrame(rows, columns=["what", "values", "crossing", "prompts", "example"])


def _crossing(what: str, values: pd.Series, split: pd.Series) -> tuple[str, int, int, int, str]:
    n_splits = split.groupby(values).nunique()
    crossing = n_splits[n_splits > 1]
    touched = int(values.isin(crossing.index).sum())
    example = shorten(str(crossing.index[0])) if len(crossing) else ""
    return what, len(n_splits), len(crossing), touched, example

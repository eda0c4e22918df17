"""Features of a dictionary that spellings of one concept have of their own, or share (section 5.2 of the report).

The report takes the top features of a whole sentence with each spelling, where most features belong to the rest of the
sentence; here stand those of the spelling's tokens beside them. A spelling's own features can also tell its script
alone: what is above the mean of all spellings of a script does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix

from emotion_utils.communities.content import spelling_key
from emotion_utils.core.errors import UserError
from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.features.over_labels import label_means
from emotion_utils.features.reading import token_activations
from emotion_utils.japanese.spellings import ALL, APART, CARRIERS, spelling_table
from emotion_utils.japanese.survival import TOP, survival, surviving, top_features
from emotion_utils.models.positions import covering

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

SENTENCE, SPELLING = "whole sentence", "spelling"
PLACES = (SENTENCE, SPELLING)
"""Over which tokens activations are averaged: all of a sentence, as published, or those of the spelling."""
PUBLISHED, WITHIN = "as published", "above the script"
READINGS = (PUBLISHED, WITHIN)
"""Activations, or what of them is above the mean over the spellings of one script."""


def spelling_activations(
    model: Model, dictionary: Dictionary, layer: int, spellings: Sequence[str]
) -> dict[str, Float[np.ndarray, "spelling feature"]]:
    """Mean activations over tokens, averaged over the sentences that each spelling stands in.

    Parameters
    ----------
    model, dictionary
    layer
        After which the dictionary reads, counted from 0.
    spellings

    Returns
    -------
    For each of :data:`PLACES`.

    Raises
    ------
    UserError
        For a spelling that no token covers.
    """
    texts = [carrier.format(one) for one in spellings for carrier in CARRIERS]
    ends = [(at := carrier.index("{}"), at + len(one)) for one in spellings for carrier in CARRIERS]
    encoded = model.encode(texts)
    ids = [list(map(int, own)) for own in encoded.ids]
    read = token_activations(model, dictionary, layer, ids)
    places = zip(read.tokens.text.tolist(), read.tokens.place.tolist(), strict=True)
    covered = [set(covering(spans, *own)) for spans, own in zip(encoded.spans, ends, strict=True)]
    if not all(covered):
        text = texts[next(row for row, own in enumerate(covered) if not own)]
        raise UserError(f"No token covers the spelling in {text!r}: leave it out.")
    inside = np.array([place in covered[text] for text, place in places])
    found = {}
    for place, kept in zip(PLACES, (np.ones(len(inside), dtype=bool), inside), strict=True):
        text = read.tokens.text[kept]
        weights = 1 / np.bincount(text, minlength=len(texts))[text]
        shape = (len(texts), int(kept.sum()))
        mean = csr_matrix((weights, (text, np.arange(shape[1]))), shape) @ read.values[kept]
        found[place] = mean.toarray().reshape(len(spellings), len(CARRIERS), -1).mean(axis=1)
    return found


def spelling_survival(
    activations: dict[str, Float[np.ndarray, "spelling feature"]],
    table: pd.DataFrame | None = None,
    ks: Sequence[int] = TOP,
    *,
    n_permutations: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    """Survival of features between spellings of one concept, beside spellings of different concepts.

    Parameters
    ----------
    activations
        From :func:`spelling_activations`.
    table
        As :func:`emotion_utils.japanese.spellings.spelling_table`, row by row the spellings; by default that.
    ks
        Numbers of top features; those below the number of features are taken.
    n_permutations, seed

    Returns
    -------
    Columns ``place`` (:data:`PLACES`), ``reading`` (:data:`READINGS`), ``pairs`` (all, or without a shared character)
    and those of :func:`emotion_utils.japanese.survival.survival`.
    """
    own = spelling_table() if table is None else table
    codes, kinds = (pd.factorize(own[name])[0] for name in ("concept", "script"))
    parts = []
    for place, values in activations.items():
        kept = [k for k in ks if k < values.shape[1]]
        for reading, read in zip(READINGS, (values, above_script(values, kinds)), strict=True):
            for pairs, counted in ((ALL, None), (APART, apart(own["spelling"].tolist()))):
                rates = survival(
                    read, codes, kinds, kept, counted=counted, n_permutations=n_permutations, seed=seed
                )
                parts.append(rates.assign(place=place, reading=reading, pairs=pairs))
    joined = pd.concat(parts, ignore_index=True)
    names = ["place", "reading", "pairs"]
    return joined[[*names, *(name for name in joined if name not in names)]]


def above_script(
    values: Float[np.ndarray, "spelling feature"], kinds: Int[np.ndarray, " spelling"]
) -> Float[np.ndarray, "spelling feature"]:
    """Activations above the mean over the spellings of one script; 0 below it."""
    means = np.stack([values[kinds == kind].mean(axis=0) for kind in range(kinds.max() + 1)])
    return np.maximum(values - means[kinds], 0.0)


def apart(spellings: Sequence[str]) -> Bool[np.ndarray, "spelling spelling"]:
    """Pairs that share no character, whatever its width and case."""
    letters = [set(spelling_key(one)) for one in spellings]
    return np.array([[not one & other for other in letters] for one in letters])


def by_concept(
    values: Float[np.ndarray, "spelling feature"],
    table: pd.DataFrame,
    k: int,
    counted: Bool[np.ndarray, "spelling spelling"] | None = None,
) -> pd.DataFrame:
    """Survival within each concept, and between its spellings and those of other concepts.

    Parameters
    ----------
    values
        Activations.
    table
        Of the spellings.
    k
        Top features.
    counted
        Pairs that count; by default all.

    Returns
    -------
    Columns ``concept, value`` (mean over its ordered pairs), ``others`` (the same with the second spelling replaced by
    those of other concepts in its script) and ``known`` (others minus value); concepts without a pair are left out.
    """
    codes, concepts = pd.factorize(table["concept"])
    kinds = pd.factorize(table["script"])[0]
    left = surviving(top_features(values, k))
    same = codes[:, None] == codes
    usable = ~np.isnan(left) if counted is None else counted & ~np.isnan(left)
    other = np.where(usable & ~same, np.nan_to_num(left), 0.0)
    member = np.eye(kinds.max() + 1)[kinds]  # (spelling, script)
    with np.errstate(invalid="ignore"):
        beside = (other @ member) / ((usable & ~same) @ member)
    first, second = np.nonzero(usable & same & ~np.eye(len(codes), dtype=bool))
    pairs = pd.DataFrame(
        {
            "concept": concepts[codes[first]],
            "value": left[first, second],
            "others": beside[first, kinds[second]],
        }
    )
    means = pairs.groupby("concept", sort=False).mean().reset_index()
    return means.assign(known=means["others"] - means["value"])


def survival_between(
    first: Float[np.ndarray, "spelling feature"],
    second: Float[np.ndarray, "spelling other"],
    table: pd.DataFrame,
    ks: Sequence[int] = TOP,
    *,
    counted: Bool[np.ndarray, "spelling spelling"] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Survival in one sibling minus that in another, over the concepts that both have pairs of.

    Parameters
    ----------
    first, second
        Activations of the same spellings.
    table, ks, counted, seed

    Returns
    -------
    As :func:`emotion_utils.features.over_labels.label_means`, concepts in place of labels: rows ``survival k`` and
    ``known k``.
    """
    gaps = {}
    for k in ks:
        one, other = (by_concept(own, table, k, counted).set_index("concept") for own in (first, second))
        shared = one.index.intersection(other.index)
        for name, column in (("survival", "value"), ("known", "known")):
            gaps[f"{name} {k}"] = (one.loc[shared, column] - other.loc[shared, column]).to_numpy()
    return label_means(gaps, seed)

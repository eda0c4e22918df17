"""Spellings of concepts: which of them training never sees, and half-width forms of katakana."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache

import numpy as np

from emotion_utils.communities.content import Content

Spellings = Mapping[str, tuple[str, ...]]
"""Key of a concept to the spellings of it that may stand in a post."""
HALF_WIDTH = (0xFF65, 0xFF9E)
"""Code points of half-width katakana, without the two marks of voicing that follow them."""
VOICING = ("", "\uff9e", "\uff9f")


def split_spellings(content: Content, seed: int) -> tuple[Spellings, Spellings]:
    """Draw the spellings of each concept that training sees, and those that it never does.

    Parameters
    ----------
    content
    seed

    Returns
    -------
    Spellings that are seen, and unseen ones: half of those of a concept, rounded down.
    """
    seen, unseen = {}, {}
    for key, concept in content.concepts.items():
        rng = np.random.default_rng([seed, *key.encode()])  # of a concept, whatever others there are
        order = [concept.spellings[i] for i in rng.permutation(len(concept.spellings)).tolist()]
        n_unseen = len(order) // 2
        seen[key], unseen[key] = tuple(order[n_unseen:]), tuple(order[:n_unseen])
    return seen, unseen


def all_spellings(content: Content) -> Spellings:
    """Every spelling of each concept."""
    return {key: concept.spellings for key, concept in content.concepts.items()}


def half_width(text: str) -> str:
    """Katakana in half-width forms, a mark of voicing as a character of its own; other characters as they are."""
    return "".join(_narrow().get(character, character) for character in text)


@cache
def _narrow() -> dict[str, str]:
    found = {}
    for mark in VOICING:
        for code in range(*HALF_WIDTH):
            wide = unicodedata.normalize("NFKC", chr(code) + mark)
            if len(wide) == 1:
                found[wide] = chr(code) + mark
    return found

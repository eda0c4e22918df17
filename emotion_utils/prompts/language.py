"""In which language and in which words the prompts are written."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping

import pandas as pd
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from emotion_utils.prompts.keywords import words_with_spans

FEWEST_STOP_WORDS = 0.2
"""Share of stop words below which a text of five words or more is doubtful English."""


def language_check(prompts: pd.DataFrame) -> pd.DataFrame:
    """Judge whether each prompt is English from its script and its stop words.

    Returns
    -------
    Columns `id, text, latin, stop_words, verdict`: the share of Latin letters among letters, of stop words among
    words, and `english`, `other script`, `doubtful` (five words or more, few of them stop words) or `no letters`
    (emoji, digits).
    """
    rows = [(id_, text, *_language(text)) for id_, text in zip(prompts["id"], prompts["text"], strict=True)]
    return pd.DataFrame(rows, columns=["id", "text", "latin", "stop_words", "verdict"])


def _language(text: str) -> tuple[float, float, str]:
    letters = [character for character in text if character.isalpha()]
    if not letters:
        return float("nan"), float("nan"), "no letters"
    latin = sum(c.isascii() or unicodedata.name(c, "").startswith("LATIN") for c in letters) / len(letters)
    words = [word.casefold().replace("’", "'").split("'")[0] for word, _ in words_with_spans(text)]
    stop = sum(word in ENGLISH_STOP_WORDS for word in words) / max(len(words), 1)
    if latin < 0.5:
        return latin, stop, "other script"
    return latin, stop, "doubtful" if len(words) >= 5 and stop < FEWEST_STOP_WORDS else "english"


def word_coverage(sets: Mapping[str, pd.DataFrame], known: Collection[str]) -> pd.DataFrame:
    """Share of words that the bundled models have met in training.

    Parameters
    ----------
    sets
        Prompts by name.
    known
        Words, any case; phrases and compounds count by their parts.

    Returns
    -------
    Columns `profile, words, known, share, unknown`; `unknown` lists the most frequent ones.
    """
    parts = {part.casefold() for entry in known for part, _ in words_with_spans(entry)} | {
        k.casefold() for k in known
    }
    rows = []
    for name, prompts in sets.items():
        words = pd.Series(
            [word.casefold() for text in prompts["text"] for word, _ in words_with_spans(text)], dtype=str
        )
        met = words.map({word: _is_known(word, parts) for word in words.unique()}).astype(bool)
        frequent = words[~met].value_counts().index[:8]
        rows.append((name, len(words), int(met.sum()), float(met.mean()), ", ".join(frequent)))
    return pd.DataFrame(rows, columns=["profile", "words", "known", "share", "unknown"])


def _is_known(word: str, parts: Collection[str]) -> bool:
    """Whether the word, its compounds' parts or what it is a possessive of is known; digits always are."""
    base = word.replace("’", "'").removesuffix("'s")
    return word in parts or all(piece in parts or piece.isdigit() for piece in base.split("-"))

"""Where a text names its emotion: a word list, the span of the emotion word, and its place in the neutral partner."""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Mapping, Sequence

from emotion_utils.core.emotions import REFERENCE
from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import DATA
from emotion_utils.smallworld.languages import JAPANESE, JAPANESE_RUN

Span = tuple[int, int]
"""First character and the one after the last."""

LEXICON = DATA / "lexicons" / "keywords.json"
JAPANESE_LETTER = r"[一-鿿々ぁ-ゖァ-ヺー]"
WORD = re.compile(
    rf"{JAPANESE_RUN}|(?:(?!{JAPANESE_LETTER})[^\W_])+(?:['’\-](?:(?!{JAPANESE_LETTER})[^\W_])+)*"
)
"""A word; in Japanese, where no blank parts words, a run of one script."""


@functools.cache
def lexicons() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Read the lists of all languages."""
    read: dict[str, dict[str, list[str]]] = json.loads(LEXICON.read_text(encoding="utf-8"))
    return read


@functools.cache
def keyword_lexicon(lang: str = "en") -> Mapping[str, tuple[str, ...]]:
    """Read the words and phrases that name each emotion, by emotion."""
    if lang not in lexicons():
        raise UserError(
            f"There is no keyword list for language {lang!r} in {LEXICON.name}: it has {sorted(lexicons())}."
        )
    return {emotion: tuple(words) for emotion, words in lexicons()[lang].items()}


@functools.cache
def keyword_pattern(emotion: str, lang: str = "en") -> re.Pattern[str]:
    """Compile the keywords of one emotion, or of all emotions for `neutral`; any case.

    They are whole words where blanks part words: a Japanese keyword may stand anywhere.
    """
    lexicon = keyword_lexicon(lang)
    words = lexicon[emotion] if emotion in lexicon else [w for listed in lexicon.values() for w in listed]
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    before, after = ("", "") if lang == JAPANESE.name else (r"(?<!\w)", r"(?!\w)")
    return re.compile(f"{before}(?:{'|'.join(map(re.escape, longest_first))}){after}", re.IGNORECASE)


def find_keyword(text: str, emotion: str = "neutral", lang: str = "en") -> Span | None:
    """Find the first word or phrase that names the emotion (any emotion, for `neutral`).

    Of a label that the list does not know, nothing is found. A language without a list has that of English.

    >>> find_keyword("Oh, thank you so much.", "gratitude")
    (4, 9)
    >>> find_keyword("どうもありがとう。", "gratitude", "ja")
    (3, 8)
    """
    lang = lang if lang in lexicons() else "en"
    if emotion != REFERENCE and emotion not in keyword_lexicon(lang):
        return None
    found = keyword_pattern(emotion, lang).search(text)
    return found.span() if found else None


def words_with_spans(text: str) -> list[tuple[str, Span]]:
    """Cut a text into words, each with its character span."""
    return [(found.group(), found.span()) for found in WORD.finditer(text)]


def match_span(text: str, span: Span, partner: str) -> Span | None:
    """Find the words of the neutral partner that stand where the emotion word stands in `text`.

    The two texts are aligned word by word; the emotion word falls into a stretch that differs, and the
    stretch on the other side is its match, cut to as many words as the emotion word has.

    Parameters
    ----------
    text, span
        The emotional text and the emotion word in it.
    partner
        The neutral text of the same pair.

    Returns
    -------
    The span in `partner`, or None where the partner has nothing in that place.
    """
    ours, theirs = words_with_spans(text), words_with_spans(partner)
    inside = [i for i, (_, (start, end)) in enumerate(ours) if start < span[1] and end > span[0]]
    if not inside:
        return None
    for tag, a0, a1, b0, b1 in _alignment(ours, theirs):
        if a0 <= inside[0] < a1 and tag != "delete":
            first = min(b0 + inside[0] - a0, b1 - 1)
            last = min(first + len(inside), b1) - 1
            return theirs[first][1][0], theirs[last][1][1]
    return None


def _alignment(
    ours: Sequence[tuple[str, Span]], theirs: Sequence[tuple[str, Span]]
) -> Sequence[tuple[str, int, int, int, int]]:
    a, b = [word.casefold() for word, _ in ours], [word.casefold() for word, _ in theirs]
    return difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()

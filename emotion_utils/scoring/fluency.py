"""What steering costs in the words alone: variety and repetition."""

from __future__ import annotations

from collections.abc import Sequence

from emotion_utils.core.errors import UserError
from emotion_utils.prompts.keywords import words_with_spans
from emotion_utils.scoring.scorer import Scorer, per_text

WORDS = (
    "counts words between spaces, so not for a language written without them; falls with the length of a text, so "
    "only texts of similar length compare; NaN for a text of fewer than {n} words"
)


def word_ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    """Runs of `n` words of a text, whatever their case; punctuation does not count."""
    words = [word.casefold() for word, _ in words_with_spans(text)]
    return list(zip(*(words[i:] for i in range(n)), strict=False))


def distinct_ngrams(n: int) -> Scorer:
    """Share of different n-grams among all n-grams of a text, distinct-n {cite:p}`li2016`."""
    _check(n)
    limits = f"Says nothing about sense: shuffled words are as distinct; {WORDS.format(n=n)}."
    measure = per_text(lambda text: _distinct(word_ngrams(text, n)))
    return Scorer(f"distinct_{n}", (0, 1), f"fewer repeated runs of {n} word(s)", limits, measure)


def repeated_ngrams(n: int = 3) -> Scorer:
    """Share of n-grams of a text that have occurred in it before."""
    _check(n)
    limits = f"Misses loops with a changing word; {WORDS.format(n=n).replace('falls', 'rises')}."
    measure = per_text(lambda text: 1 - _distinct(word_ngrams(text, n)))
    return Scorer("repetition", (0, 1), f"more repeated runs of {n} words", limits, measure)


def _distinct(ngrams: Sequence[tuple[str, ...]]) -> float:
    return len(set(ngrams)) / len(ngrams) if ngrams else float("nan")


def _check(n: int) -> None:
    if n < 1:
        raise UserError(f"Runs of {n} words do not exist: n is at least 1.")

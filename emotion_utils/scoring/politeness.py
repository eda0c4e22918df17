"""Markers of politeness, after the strategies of {cite:t}`danescu2013`, with word lists of the project's own.

The published score of a strategy is the mean politeness, in standard deviations, of the requests that had it.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.core.paths import DATA
from emotion_utils.scoring.scorer import Scorer, per_text

LEXICON = DATA / "lexicons" / "politeness.json"
STRONG = 0.2
"""Published score, in absolute value, from which a strategy counts as polite or impolite."""

SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|\n+")
LEADING = re.compile(r"[\W_]*")


@dataclass(frozen=True)
class Strategy:
    """One way of being polite or not.

    Attributes
    ----------
    published
        Mean politeness of the requests that had it.
    where
        Its words count at the `start` of a sentence, `inside` it after the first word, `anywhere`, or at the start of
        a `question`.
    """

    name: str
    published: float
    where: str
    pattern: re.Pattern[str]

    def count(self, text: str) -> int:
        """How often the strategy occurs in a text."""
        return sum(map(self._in_sentence, _sentences(text)))

    def _in_sentence(self, sentence: str) -> int:
        if self.where == "question" and not sentence.rstrip("\"'”’)] ").endswith("?"):
            return 0
        starts = [found.start() for found in self.pattern.finditer(sentence)]
        kept = {"anywhere": starts, "inside": [s for s in starts if s > 0]}
        return len(kept.get(self.where, [s for s in starts if s == 0]))


@functools.cache
def strategies() -> dict[str, Strategy]:
    """Read the strategies by name."""
    listed = json.loads(LEXICON.read_text(encoding="utf-8"))["strategies"]
    return {
        name: Strategy(name, entry["published"], entry["where"], _pattern(entry["words"]))
        for name, entry in listed.items()
    }


def politeness_marker(name: str) -> Scorer:
    """Count one strategy, such as `please` or `hedges`."""
    if name not in strategies():
        raise UserError(f'There is no politeness strategy "{name}": {suggestion(name, strategies())}')
    strategy = strategies()[name]
    limits = "A word list: blind to tone, irony and wordings that it lacks; longer texts have more."
    measure = per_text(lambda text: float(strategy.count(text)))
    column = f"politeness_{name.replace(' ', '_')}"
    return Scorer(column, (0, float("inf")), f"more markers of {name}", limits, measure)


def politeness(without: Collection[str] = (), name: str = "politeness") -> Scorer:
    """Number of polite strategies in a text minus the number of impolite ones, however often each occurs.

    Parameters
    ----------
    without
        Strategies left out: without `gratitude` and `apologising` the score does not rise by the emotion words alone.
    name
        Of the scorer, where it is used twice.
    """
    for strategy in without:
        politeness_marker(strategy)
    signs = {s: _sign(s.published) for s in strategies().values() if s.name not in without}
    limits = (
        "Signs come from English requests, not replies; thanks and apologies are markers themselves, so it is "
        "confounded with the emotion unless they are left out; a collapsed text may hold many."
    )
    low, high = (sum(sign == side for sign in signs.values()) for side in (-1, 1))
    measure = per_text(lambda text: float(sum(sign for s, sign in signs.items() if sign and s.count(text))))
    return Scorer(name, (-low, high), "more polite strategies than impolite ones", limits, measure)


def _sign(published: float) -> int:
    return 0 if abs(published) < STRONG else 1 if published > 0 else -1


def _sentences(text: str) -> Iterator[str]:
    """Sentences from their first word on."""
    for sentence in SENTENCE_END.split(text.replace("’", "'")):
        yield LEADING.sub("", sentence, count=1)


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w|'\w)", re.IGNORECASE)

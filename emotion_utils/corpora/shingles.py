"""Near-duplicates among many files, exactly: the share of a text's runs of words that stand in another."""

from __future__ import annotations

import re
import zlib
from collections import Counter

WORD = re.compile(r"\w+")
RUN = 8
"""Words of a run; shorter ones make all code of one language alike."""
SHARE = 0.5
"""Two texts are near-duplicates when at least so many runs of the shorter one stand in the other."""


class Seen:
    """Texts that were accepted, by their runs of words, and whether another one says the same."""

    def __init__(self) -> None:
        self._texts_with: dict[int, list[int]] = {}
        self._sizes: list[int] = []
        self._names: list[str] = []

    def twin(self, text: str) -> str | None:
        """The name of an accepted text that is nearly the same, the most similar one; None where there is none."""
        runs = shingles(text)
        shared = Counter(number for run in runs for number in self._texts_with.get(run, ()))
        scored = [(count / min(len(runs), self._sizes[number]), -number) for number, count in shared.items()]
        best, number = max(scored, default=(0.0, 0))
        return self._names[-number] if best >= SHARE else None

    def accept(self, text: str, name: str) -> None:
        """Remember a text under a name."""
        runs = shingles(text)
        number = len(self._names)
        self._names.append(name)
        self._sizes.append(len(runs))
        for run in runs:
            self._texts_with.setdefault(run, []).append(number)


def shingles(text: str) -> frozenset[int]:
    """Hashes of all runs of words, case folded; of a text of fewer words, the one run that there is."""
    words = WORD.findall(text.casefold())
    last = max(len(words) - RUN, 0)
    return frozenset(zlib.crc32(" ".join(words[at : at + RUN]).encode()) for at in range(last + 1))

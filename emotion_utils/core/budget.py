"""How much is run where not everything can be: tokens by a stated allowance, shared among parts by one rule.

A token is one position of one text that goes through a model. The rule is the same for a model of two million
parameters and for one of eight billion: every part gets the least that it needs, and of what it would like beyond that
all parts get the same share, as large as the tokens allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pandas as pd

from emotion_utils.core.errors import UserError

REFERENCE = 135_000_000
"""Parameters of the model at which the stated number of tokens is meant; smaller ones read more at the same price."""
STEPS = 60


@dataclass(eq=False)
class Spent:
    """Tokens that went through models while it was open; one that goes through some blocks only counts as so much."""

    tokens: float = 0.0


_OPEN: list[Spent] = []


@contextmanager
def counted() -> Iterator[Spent]:
    """Count the tokens that the engine and the judge put through models inside."""
    box = Spent()
    _OPEN.append(box)
    try:
        yield box
    finally:
        _OPEN.remove(box)


def spend(tokens: float) -> None:
    """Add tokens to all that count."""
    for box in _OPEN:
        box.tokens += tokens


@dataclass(frozen=True)
class Part:
    """One thing to be paid for.

    Attributes
    ----------
    name
        Of its size.
    least, wanted
        Units that it needs, and units that it would like.
    price
        Tokens of a unit.
    what
        The unit, as a reader calls it.
    """

    name: str
    least: int
    wanted: int
    price: float
    what: str = ""

    def at(self, share: float) -> int:
        """Units that it gets with a share of what it would like beyond the least."""
        least = min(self.least, self.wanted)
        return least + int(share * (self.wanted - least) + 1e-9)


@dataclass(frozen=True)
class Budget:
    """What each part gets.

    Attributes
    ----------
    tokens
        The allowance.
    parts
    share
        Of what each part would like beyond its least.
    """

    tokens: int
    parts: Sequence[Part]
    share: float

    @property
    def sizes(self) -> Mapping[str, int]:
        """Units of each part."""
        return {part.name: part.at(self.share) for part in self.parts}

    @property
    def planned(self) -> int:
        """Tokens of all parts together."""
        return round(sum(part.price * part.at(self.share) for part in self.parts))

    def table(self) -> pd.DataFrame:
        """What is run and what is left out.

        Returns
        -------
        One row per part: ``part, run, wanted`` (units), ``left_out`` (units), ``tokens`` (planned).
        """
        rows = []
        for part in self.parts:
            size = part.at(self.share)
            rows.append(
                (part.what or part.name, size, part.wanted, part.wanted - size, round(part.price * size))
            )
        return pd.DataFrame(rows, columns=["part", "run", "wanted", "left_out", "tokens"])


def allowance(tokens: int, parameters: int, reference: int = REFERENCE) -> int:
    """Tokens for a model: as stated from a reference on, and as many as cost the same below.

    >>> allowance(1000, 270_000_000), allowance(1000, 13_500_000)
    (1000, 10000)
    """
    if tokens < 1 or parameters < 1:
        raise UserError(f"A budget is of at least one token and parameter, not {tokens} and {parameters}.")
    return round(tokens * max(1.0, reference / parameters))


def allot(parts: Sequence[Part], tokens: int) -> Budget:
    """Give every part its least, and the same share of the rest: the largest that the tokens allow.

    Where the least of all parts costs more than the allowance, the least is run all the same: ``planned`` says so.

    >>> allot([Part("texts", 2, 10, 100.0), Part("layers", 1, 5, 50.0)], 800).sizes
    {'texts': 6, 'layers': 3}
    """
    low, high = 0.0, 1.0
    if Budget(tokens, parts, 1.0).planned <= tokens:
        return Budget(tokens, parts, 1.0)
    for _ in range(STEPS):
        middle = (low + high) / 2
        fits = Budget(tokens, parts, middle).planned <= tokens
        low, high = (middle, high) if fits else (low, middle)
    return Budget(tokens, parts, low)


def by_depth(n_layers: int, n: int) -> list[int]:
    """Layers at even steps of relative depth, the last among them.

    >>> by_depth(30, 6), by_depth(4, 6)
    ([4, 9, 14, 19, 24, 29], [0, 1, 2, 3])
    """
    n = min(n, n_layers)
    return [round((i + 1) * n_layers / n) - 1 for i in range(n)]

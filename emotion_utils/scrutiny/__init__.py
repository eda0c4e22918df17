"""What can be said of a claim without its model: the second column of the ledger, which no run changes.

The rules are in :mod:`emotion_utils.scrutiny.rules`; the other modules apply them, a group of claims each.
"""

from __future__ import annotations

from functools import lru_cache

from emotion_utils.scrutiny import subspaces
from emotion_utils.scrutiny.rules import SCRUTINY, Scrutiny

__all__ = ["SCRUTINY", "Scrutiny", "everything", "of", "subspaces"]


@lru_cache(maxsize=4)
def _everything(seed: int) -> tuple[tuple[str, Scrutiny], ...]:
    return tuple(subspaces.scrutiny(seed=seed).items())


def everything(seed: int = 0) -> dict[str, Scrutiny]:
    """Every claim that can be looked at.

    Parameters
    ----------
    seed
        Of the random draws.
    """
    return dict(_everything(seed))


def of(*prefixes: str, seed: int = 0) -> dict[str, Scrutiny]:
    """:func:`everything` whose id starts with one of the prefixes."""
    return {claim: found for claim, found in _everything(seed) if claim.startswith(prefixes)}

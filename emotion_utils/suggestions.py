"""The way out of a misspelt name: what was probably meant, and what there is."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["listing", "suggestion"]


def listing(names: Iterable[str]) -> str:
    """Names as prose: ``a, b and c``."""
    items = list(names)
    if len(items) < 2:
        return "".join(items) or "nothing"
    return f"{', '.join(items[:-1])} and {items[-1]}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of an error sentence about an unknown name: the near miss if there is one, then the choices."""
    names = list(known)
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    meant = f'did you mean "{near[0]}"? ' if near else ""
    return f"{meant}Known: {listing(names)}."

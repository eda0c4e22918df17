"""Errors that a user can act on."""

from __future__ import annotations

from collections.abc import Iterable


class UserError(ValueError):
    """Bad input, said in one sentence: what was wrong, with its value and place, and what to do.

    The command line prints the sentence alone and exits with status 2; in a notebook it is the last line
    of the traceback.
    """


def listing(names: Iterable[str]) -> str:
    """Names as prose: ``a, b and c``."""
    items = list(names)
    if len(items) < 2:
        return "".join(items) or "nothing"
    return f"{', '.join(items[:-1])} and {items[-1]}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of an error sentence about an unknown name: the near miss if there is one, then the choices."""
    from difflib import (
        get_close_matches,
    )  # needed by few runs, and a fifth of the time of importing the package

    names = list(known)
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    meant = f'did you mean "{near[0]}"? ' if near else ""
    return f"{meant}Known: {listing(names)}."

"""Errors that a user can act on."""

from __future__ import annotations

__all__ = ["UserError"]


class UserError(ValueError):
    """Bad input, said in one sentence: what was wrong, with its value and place, and what to do.

    The command line prints the sentence alone and exits with status 2; in a notebook it is the last line
    of the traceback.
    """

"""The two people of a document.

Person A acts on person B, or B on A; B is always the one who reacts. A form says how each is written, for example
by name or as the writer; which ways there are is a matter of the language.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """One person: ``mode`` is how a form writes them; ``gender`` is m, f or None while nothing has shown it."""

    mode: str
    noun: str = ""
    gender: str | None = None

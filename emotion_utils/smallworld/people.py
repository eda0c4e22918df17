"""The two people of a document and how they are mentioned.

Person A acts on person B, or B on A; B is always the one who reacts. A form says how each is written:
by ``name`` ("Tom"), by ``role`` ("the nurse"), as ``I`` (the writer) or as ``you`` (the reader).
"""

from __future__ import annotations

from dataclasses import dataclass

FORMS = ("", "o", "gen", "he", "him", "his", "himself", "was")
FIRST = dict(zip(FORMS, ("I", "me", "my", "I", "me", "my", "myself", "was"), strict=True))
SECOND = dict(zip(FORMS, ("you", "you", "your", "you", "you", "your", "yourself", "were"), strict=True))
MASCULINE = {"he": "he", "him": "him", "his": "his", "himself": "himself", "was": "was"}
FEMININE = {"he": "she", "him": "her", "his": "her", "himself": "herself", "was": "was"}
MENTIONS = frozenset({*FIRST, "name"})
GENDERED = frozenset({"he", "him", "his", "himself"})
PRONOUNS = frozenset(
    word for words in (FIRST, SECOND, MASCULINE, FEMININE) for form, word in words.items() if form != "was"
)


@dataclass(frozen=True)
class Person:
    """One person: ``mode`` is name, role, I or you; ``gender`` is m, f or None while nothing has shown it."""

    mode: str
    noun: str = ""
    gender: str | None = None

    def needs_gender(self, form: str) -> bool:
        """Whether writing this mention reveals a gender that the text has not shown so far."""
        return form in GENDERED and self.mode in ("name", "role") and self.gender is None


def mention(person: Person, form: str) -> str:
    """Write one mention, for example ``mention(Person("name", "Tom", "m"), "his")`` gives "his"."""
    if person.mode == "I":
        return FIRST[form]
    if person.mode == "you":
        return SECOND[form]
    if form in ("", "o", "name"):
        return person.noun
    if form == "gen":
        return person.noun + ("'" if person.noun.endswith("s") else "'s")
    return (MASCULINE if person.gender == "m" else FEMININE)[form]

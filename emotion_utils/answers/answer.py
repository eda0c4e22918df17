"""The answer of a chapter as a record, and its two forms on the page: *In short* and *What we found*."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emotion_utils.core.errors import UserError

SENTENCES = 3
"""At most so many make the short form of what was found."""
END = re.compile(r"(?<=[.!?])[*_)”\"]*\s+(?=[*_(“\"]*[A-Z])")
"""Between two sentences; a full stop inside a number or before a small letter ends none."""


@dataclass(frozen=True)
class Falsifier:
    """Something that would have shown a finding wrong.

    Attributes
    ----------
    condition
        What would have had to come out, as a clause: "no setting reaches the goal".
    happened
        Whether it did; None where this run cannot say, which `decided_by` explains.
    decided_by
        The numbers that decide, in a few words: "3 of 3 emotions reach it".
    """

    condition: str
    happened: bool | None
    decided_by: str

    @property
    def word(self) -> str:
        """`it happened`, `it did not`, or `cannot be said here`."""
        return {True: "it happened", False: "it did not", None: "cannot be said here"}[self.happened]


@dataclass(frozen=True)
class Answer:
    """What a chapter answers.

    Attributes
    ----------
    question
        One sentence that ends in a question mark.
    finding
        At most three sentences in Markdown, with the numbers that matter.
    falsifiers
        Every one that the page states; the first is the one of the short form.
    points
        What was found, in more words: one Markdown sentence or two each, for the end of the page.
    """

    question: str
    finding: str
    falsifiers: tuple[Falsifier, ...]
    points: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would not be short, or not an answer."""
        if not self.question.endswith("?"):
            raise UserError(f"The question {self.question!r} does not ask: end it with a question mark.")
        if (n := len(END.split(self.finding.strip()))) > SENTENCES:
            raise UserError(f"The finding {self.finding!r} has {n} sentences: {SENTENCES} at most.")
        if not self.falsifiers:
            raise UserError(
                f"Nothing could have shown the answer to {self.question!r} wrong: name a falsifier."
            )

    def in_short(self) -> str:
        """Markdown for the top of the page: question, finding, and the first falsifier."""
        first = self.falsifiers[0]
        return (
            f'<div class="emo-short">\n\n**In short.** *{self.question}*\n\n{self.finding}\n\n'
            f"*Would have shown this wrong:* {first.condition}. **{_capital(first.word)}**: {first.decided_by}."
            "\n\n</div>"
        )

    def what_we_found(self) -> str:
        """Markdown for the end of the page: the points, then each falsifier and whether it happened."""
        points = "".join(f"- {point}\n" for point in self.points or (self.finding,))
        rows = "".join(
            f"| {_cell(_capital(one.condition))} | **{one.word}** | {_cell(one.decided_by)} |\n"
            for one in self.falsifiers
        )
        return f"{points}\n| What would have shown this wrong | Did it happen? | What decides |\n|---|---|---|\n{rows}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

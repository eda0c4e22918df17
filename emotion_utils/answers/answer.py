"""The answer of a chapter as a record, and its two forms on the page: *In short* and *What we found*."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emotion_utils.core.errors import UserError

SENTENCES = 3
"""At most so many make the short form of what was found."""
HEAD = ("What would have shown this wrong", "Did it happen?", "What decides")
INLINE = (
    (re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)"), r'<a href="\2">\1</a>'),
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*(.+?)\*\*"), r"<b>\1</b>"),
    (re.compile(r"(?<![\w*])\*([^*]+)\*(?![\w*])"), r"<i>\1</i>"),
)
"""Of Markdown that a cell of a table keeps."""
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
            f"*Would have shown this wrong:* {first.condition}. **{capital(first.word)}**: {first.decided_by}."
            "\n\n</div>"
        )

    def what_we_found(self) -> str:
        """Markdown for the end of the page: the points, then each falsifier and whether it happened."""
        points = "".join(f"- {point}\n" for point in self.points or (self.finding,))
        rows = [(capital(one.condition), f"**{one.word}**", one.decided_by) for one in self.falsifiers]
        return f"{points}\n{in_a_table(HEAD, rows)}\n"


def capital(text: str) -> str:
    """The text with a capital letter in front."""
    return text[:1].upper() + text[1:]


def in_a_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in HTML that the book and JupyterLab show alike; cells keep bold, italic and code of their Markdown."""
    names = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{_inline(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="emo-table"><table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>'


def _inline(text: str) -> str:
    """A line of Markdown in HTML: bold, italic, code and links; all else escaped."""
    shown = html.escape(" ".join(text.split()), quote=False)
    for pattern, tag in INLINE:
        shown = pattern.sub(tag, shown)
    return shown

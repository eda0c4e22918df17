"""The template syntax: from a line of text with slots to nodes.

``{A}`` ``{B.gen}`` mention people, ``{x:tool}`` draws a word and binds it, ``{x}`` repeats it, ``{x.a:tool}`` puts
"a" or "an" before it, ``{:tool}`` draws without binding, ``[one|two|]`` offers wordings, ``{^plain/polite}`` is what
the style of the form asks for, and in forms ``{&event}``, ``{&fill:pool 1-3}``, ``{&react 1-2}`` stand for whole
sentences.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from emotion_utils.core.errors import UserError
from emotion_utils.smallworld.languages import ENGLISH, Language
from emotion_utils.smallworld.nodes import Choice, Deed, Draw, Lit, Mention, Ref, Styled
from emotion_utils.smallworld.sentences import EventSlot, Fill, React
from emotion_utils.smallworld.world import Node

SLOT = re.compile(
    r"\{(?:(?P<who>[AB])(?:\.(?P<form>\w+))?"
    r"|(?P<name>[a-z_]\w*)(?P<art>\.a)?(?::(?P<category>\w+))?"
    r"|\^(?P<plain>[^{}/|]*)/(?P<polite>[^{}/|]*)"
    r"|:(?P<anon>\w+)|\.a:(?P<anon_a>\w+)"
    r"|&(?P<sub>event|react|fill)(?::(?P<pool>\w+))?(?: (?P<lo>\d+)(?:-(?P<hi>\d+))?)?"
    r"(?: sep=(?P<sep>\"[^\"]*\"|\w+))?)\}"
)
CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
SENTENCE_END = re.compile(r"""(?:[.!?]["')\]]*\s+|\n[-*#>\d.)\] ]*|(?:^|[\s(])["'(]+)$""")
SEPARATORS = {"newline": "\n", "space": " ", "blank": "\n\n"}


def parse_template(
    text: str, where: str, language: Language = ENGLISH, *, sentence: bool = False
) -> tuple[Node, ...]:
    """Nodes of a template; ``sentence`` says that one begins with it. ``where`` is named in errors."""
    nodes: list[Node] = []
    _Parser(where, language).parse(text, nodes, cap=sentence)
    return tuple(nodes)


@dataclass(frozen=True)
class _Parser:
    """Reads the templates of one place, in one language."""

    where: str
    language: Language

    def parse(self, text: str, nodes: list[Node], cap: bool, choices: bool = True) -> bool:
        """Append the nodes of ``text``; returns whether a sentence starts after it."""
        pos = 0
        while pos < len(text):
            found = [m for m in (SLOT.search(text, pos), CHOICE.search(text, pos) if choices else None) if m]
            match = min(found, key=lambda m: m.start()) if found else None
            literal = text[pos : match.start() if match else len(text)]
            cap = self._add_literal(literal, nodes, cap)
            if match is None:
                break
            if match.re is CHOICE:
                cap = self._add_choice(match.group(1), nodes, cap)
            else:
                nodes.append(self._slot(match, cap and self.language.capitals))
                cap = False
            pos = match.end()
        return cap

    def _add_literal(self, literal: str, nodes: list[Node], cap: bool) -> bool:
        if not literal:
            return cap
        if cap and nodes and isinstance(nodes[-1], Choice):
            cap = bool(SENTENCE_END.search(literal)) or cap
        start = re.search(r"\w", literal)
        if cap and self.language.capitals and start and not literal[: start.start()].strip(" \"'(-"):
            literal = literal[: start.start()] + literal[start.start()].upper() + literal[start.end() :]
        nodes.append(Lit(literal))
        return bool(SENTENCE_END.search(literal)) or (cap and start is None)

    def _add_choice(self, body: str, nodes: list[Node], cap: bool) -> bool:
        options = []
        ends = []
        for option in body.split("|"):
            inner: list[Node] = []
            ends.append(self.parse(option, inner, cap, choices=False))
            if any(getattr(node, "name", "") and isinstance(node, Draw) for node in inner):
                raise UserError(
                    f"{self.where}: a wording in [{body}] binds a variable, which only some texts would then have. "
                    "Bind it outside the brackets."
                )
            options.append(tuple(inner))
        nodes.append(Choice(tuple(options)))
        return all(ends)

    def _slot(self, match: re.Match[str], cap: bool) -> Node:
        g = match.groupdict()
        if g["who"]:
            return self._mention(match.group(), g["who"], g["form"] or "", cap)
        if g["plain"] is not None:
            return Styled(g["plain"], g["polite"])
        if (g["art"] or g["anon_a"]) and self.language.article is None:
            raise UserError(
                f"{self.where}: {match.group()} asks for an article, which {self.language.title} has not."
            )
        if g["anon"] or g["anon_a"]:
            return Draw(g["anon"] or g["anon_a"], "", bool(g["anon_a"]), cap)
        if g["name"] == "deed":
            return Deed()
        if g["name"]:
            return (
                Draw(g["category"], g["name"], bool(g["art"]), cap)
                if g["category"]
                else Ref(g["name"], bool(g["art"]), cap)
            )
        return self._sentences(g)

    def _mention(self, slot: str, who: str, form: str, cap: bool) -> Mention:
        if form not in self.language.mentions:
            known = ", ".join(sorted(self.language.mentions - {""}))
            raise UserError(f"{self.where}: {slot} is no mention of a person. Known: {known}.")
        return Mention(who, form, cap)

    def _sentences(self, g: dict[str, str | None]) -> Node:
        """What stands for whole sentences."""
        low = int(g["lo"] or 1)
        high = int(g["hi"] or low)
        if g["sub"] == "event":
            return EventSlot()
        if g["sub"] == "react":
            return React(low, high)
        sep = self.language.blank if g["sep"] is None else g["sep"].strip('"').replace("\\n", "\n")
        return Fill(g["pool"] or "general", low, high, SEPARATORS.get(sep, sep))

"""The template syntax: from a line of text with slots to nodes.

``{A}`` ``{B.gen}`` mention people, ``{x:tool}`` draws a word and binds it, ``{x}`` repeats it, ``{x.a:tool}`` puts
"a" or "an" before it, ``{:tool}`` draws without binding, ``[one|two|]`` offers wordings, and in forms
``{&event}``, ``{&fill:pool 1-3}``, ``{&react 1-2}`` stand for whole sentences.
"""

from __future__ import annotations

import re

from emotion_utils.core.errors import UserError
from emotion_utils.smallworld.nodes import Choice, Deed, Draw, Lit, Mention, Ref
from emotion_utils.smallworld.people import MENTIONS
from emotion_utils.smallworld.sentences import EventSlot, Fill, React
from emotion_utils.smallworld.world import Node

SLOT = re.compile(
    r"\{(?:(?P<who>[AB])(?:\.(?P<form>\w+))?"
    r"|(?P<name>[a-z_]\w*)(?P<art>\.a)?(?::(?P<category>\w+))?"
    r"|:(?P<anon>\w+)|\.a:(?P<anon_a>\w+)"
    r"|&(?P<sub>event|react|fill)(?::(?P<pool>\w+))?(?: (?P<lo>\d+)(?:-(?P<hi>\d+))?)?"
    r"(?: sep=(?P<sep>\"[^\"]*\"|\w+))?)\}"
)
CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
SENTENCE_END = re.compile(r"""(?:[.!?]["')\]]*\s+|\n[-*#>\d.)\] ]*|(?:^|[\s(])["'(]+)$""")
SEPARATORS = {"newline": "\n", "space": " ", "blank": "\n\n"}


def parse_template(text: str, where: str, *, sentence: bool = False) -> tuple[Node, ...]:
    """Nodes of a template; ``sentence`` capitalises its first letter. ``where`` is named in errors."""
    nodes: list[Node] = []
    _parse(text, where, nodes, cap=sentence)
    return tuple(nodes)


def _parse(text: str, where: str, nodes: list[Node], cap: bool, choices: bool = True) -> bool:
    """Append the nodes of ``text``; returns whether a sentence starts after it."""
    pos = 0
    while pos < len(text):
        found = [m for m in (SLOT.search(text, pos), CHOICE.search(text, pos) if choices else None) if m]
        match = min(found, key=lambda m: m.start()) if found else None
        literal = text[pos : match.start() if match else len(text)]
        cap = _add_literal(literal, nodes, cap)
        if match is None:
            break
        if match.re is CHOICE:
            cap = _add_choice(match.group(1), where, nodes, cap)
        else:
            nodes.append(_slot(match, where, cap))
            cap = False
        pos = match.end()
    return cap


def _add_literal(literal: str, nodes: list[Node], cap: bool) -> bool:
    if not literal:
        return cap
    if cap and nodes and isinstance(nodes[-1], Choice):
        cap = bool(SENTENCE_END.search(literal)) or cap
    start = re.search(r"\w", literal)
    if cap and start and not literal[: start.start()].strip(" \"'(-"):
        literal = literal[: start.start()] + literal[start.start()].upper() + literal[start.end() :]
    nodes.append(Lit(literal))
    return bool(SENTENCE_END.search(literal)) or (cap and start is None)


def _add_choice(body: str, where: str, nodes: list[Node], cap: bool) -> bool:
    options = []
    ends = []
    for option in body.split("|"):
        inner: list[Node] = []
        ends.append(_parse(option, where, inner, cap, choices=False))
        if any(getattr(node, "name", "") and isinstance(node, Draw) for node in inner):
            raise UserError(
                f"{where}: a wording in [{body}] binds a variable, which only some texts would then have. "
                "Bind it outside the brackets."
            )
        options.append(tuple(inner))
    nodes.append(Choice(tuple(options)))
    return all(ends)


def _slot(match: re.Match[str], where: str, cap: bool) -> Node:
    g = match.groupdict()
    if g["who"]:
        if (g["form"] or "") not in MENTIONS:
            raise UserError(
                f"{where}: {match.group()} is no mention of a person. Known: {', '.join(sorted(MENTIONS - {''}))}."
            )
        return Mention(g["who"], g["form"] or "", cap)
    if g["anon"] or g["anon_a"]:
        return Draw(g["anon"] or g["anon_a"], "", bool(g["anon_a"]), cap)
    if g["name"]:
        if g["name"] == "deed":
            return Deed()
        return (
            Draw(g["category"], g["name"], bool(g["art"]), cap)
            if g["category"]
            else Ref(g["name"], bool(g["art"]), cap)
        )
    low = int(g["lo"] or 1)
    high = int(g["hi"] or low)
    if g["sub"] == "event":
        return EventSlot()
    if g["sub"] == "react":
        return React(low, high)
    sep = (g["sep"] or "space").strip('"').replace("\\n", "\n")
    return Fill(g["pool"] or "general", low, high, SEPARATORS.get(sep, sep))

"""A cheap look ahead for recognising texts: which templates can possibly stand at a position.

A template's fixed pieces must occur in the text in order and not too far apart. The check never rules out a template
that fits; it only spares the exact match for most of those that do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emotion_utils.smallworld.nodes import Choice, Draw, Lit, Node

if TYPE_CHECKING:
    from emotion_utils.smallworld.content import Content

__all__ = ["Lookahead"]

LONGEST_MENTION = 40
Skeleton = tuple[tuple[str, int], ...]


class Lookahead:
    """Fixed pieces of sentence templates, each with the longest text that its slots can put before it."""

    def __init__(self, content: Content) -> None:
        self._longest = {c: max(map(len, words)) + len("an ") for c, words in content.lexicon.items()}
        self._skeletons: dict[int, Skeleton] = {}
        self._text = ""
        self._found: dict[tuple[str, int], list[int]] = {}

    def plausible(self, group: str, templates: list[tuple[Node, ...]], text: str, pos: int) -> list[int]:
        """Indices of the ``templates`` that may stand at ``pos`` of ``text``; remembered per ``group`` and text."""
        if text is not self._text:
            self._text, self._found = text, {}
        if (group, pos) not in self._found:
            self._found[group, pos] = [i for i, nodes in enumerate(templates) if self.fits(nodes, text, pos)]
        return self._found[group, pos]

    def fits(self, nodes: tuple[Node, ...], text: str, pos: int) -> bool:
        """False only where ``nodes`` cannot write what ``text`` says from ``pos`` on."""
        latest = pos  # where the piece ends at the latest; ``pos`` is where it ends at the earliest
        for piece, slack in self._skeleton(nodes):
            latest += slack + len(piece)
            at = text.find(piece, pos, latest)
            if at < 0:
                return len(text) < latest
            pos = at + len(piece)
        return True

    def _skeleton(self, nodes: tuple[Node, ...]) -> Skeleton:
        if id(nodes) not in self._skeletons:
            pieces, slack = [], 0
            for node in nodes:
                if isinstance(node, Lit):
                    pieces.append((node.text, slack))
                    slack = 0
                else:
                    slack += self._longest_text(node)
            self._skeletons[id(nodes)] = tuple(pieces)
        return self._skeletons[id(nodes)]

    def _longest_text(self, node: Node) -> int:
        if isinstance(node, Lit):
            return len(node.text)
        if isinstance(node, Draw):
            return self._longest[node.category]
        if isinstance(node, Choice):
            return max(sum(map(self._longest_text, option)) for option in node.options)
        return max(LONGEST_MENTION, 150 * (type(node).__name__ == "Deed"))

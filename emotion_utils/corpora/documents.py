"""A text with what it is and with what it belongs together, and a corpus of such texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from emotion_utils.core.errors import UserError


@dataclass(frozen=True)
class Document:
    """A text of one domain.

    Attributes
    ----------
    text
    domain
        The label of a folder, a column or a register of the small world.
    group
        What may never stand on two sides of a split: a package with all its domains, a seed of the small world, a file.
    name
        For tooltips and error sentences.
    split
        ``train``, ``validation`` or ``test`` where the source itself says it; empty where windows are split by group.
    breaks
        Characters of ``text`` at which another short text begins: there a cut puts the tokenizer's end of text.
    """

    text: str
    domain: str
    group: str
    name: str
    split: str = ""
    breaks: tuple[int, ...] = ()

    @property
    def pieces(self) -> list[str]:
        """The short texts that the document consists of, one where it has no breaks."""
        edges = (0, *self.breaks, len(self.text))
        return [self.text[start:end] for start, end in pairwise(edges)]


@dataclass(frozen=True)
class Corpus:
    """Documents of one source.

    Attributes
    ----------
    source
        As the reader named it.
    documents
    notes
        Sentences on what was left out, and on what the source is.
    """

    source: str
    documents: tuple[Document, ...]
    notes: tuple[str, ...] = ()

    @property
    def domains(self) -> list[str]:
        """Names of the domains, sorted."""
        return sorted({document.domain for document in self.documents})


def join(pieces: Sequence[str], domain: str, group: str, name: str, split: str = "") -> Document:
    """One document of several short texts."""
    lengths = [len(piece) for piece in pieces]
    breaks = tuple(sum(lengths[:at]) for at in range(1, len(lengths)))
    return Document("".join(pieces), domain, group, name, split, breaks)


def check_domains(documents: Sequence[Document], at_least: int = 2) -> None:
    """Refuse texts that cannot be told apart by domain.

    Raises
    ------
    UserError
        Naming the domains that there are.
    """
    found = sorted({document.domain for document in documents})
    if len(found) < at_least:
        raise UserError(
            f"These {len(documents)} documents are of {len(found)} domain{'s' * (len(found) != 1)} "
            f"({', '.join(found) or 'none'}), so that no probe can read the domain: give {at_least} or more, "
            "one folder or one label each."
        )

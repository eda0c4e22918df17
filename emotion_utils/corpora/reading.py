"""The one door to documents of any source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.core.paths import expanded
from emotion_utils.corpora.documents import Corpus
from emotion_utils.corpora.local import local
from emotion_utils.corpora.packages import read_packages
from emotion_utils.corpora.streamed import stream
from emotion_utils.corpora.texts import small_world

HUB = "hub:"
SOURCES: dict[str, Callable[..., Corpus]] = {"small world": small_world, "packages": read_packages}
"""Sources that have a name; another one is a function that gives a :class:`documents.Corpus`, and its line here."""


def read(source: str, **options: Any) -> Corpus:
    """Read the documents of a source.

    Parameters
    ----------
    source
        ``small world`` (:func:`texts.small_world`); ``packages`` (:func:`packages.read_packages`), real text that every
        installation has; the path of a folder or file (:func:`local.local`); or ``hub:`` and the name of a data set
        (:func:`streamed.stream`).
    options
        Of that function, such as ``seed``, ``text`` and ``label``.

    Raises
    ------
    UserError
        For anything else, and for what the source refuses.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> len(eu.corpora.read("small world", groups={"train": 2, "validation": 1, "test": 1}).domains)
    17
    """
    if source in SOURCES:
        return SOURCES[source](**options)
    if source.startswith(HUB) and source != HUB:
        return stream(source.removeprefix(HUB), **options)
    if source.strip() and expanded(source).exists():
        return local(source, **options)
    known = [*SOURCES, "hub:name", "the path of a folder or file"]
    raise UserError(f'There is no source of texts "{source}": {suggestion(source, known)}')

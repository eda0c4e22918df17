"""What the posts are made of, read from YAML: communities, concepts with their spellings, styles and areas.

No spelling stands inside another one or inside any other text, so that a spelling which training never saw is nowhere
in its posts: that is checked whenever the content is read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from emotion_utils.core.errors import UserError, listing, suggestion

CONTENT = Path(__file__).parent / "content"
FILES = ("areas", "communities", "concepts", "styles")
FEWEST_SPELLINGS, MOST_SPELLINGS = 3, 5
SLOTS = ("<a>", "<b>")
PARTS = {"titles": (1, 2), "openings": (0, 0), "one": (1, 1), "two": (2, 2), "closings": (0, 0)}
"""Of a style: how many concepts at least and at most its sentences name."""


@dataclass(frozen=True)
class Concept:
    """Something that posts speak of.

    Attributes
    ----------
    key
    spellings
        Words for it that can stand in each other's place.
    sentences
        Of this concept alone, with ``<a>`` where a spelling stands.
    """

    key: str
    spellings: tuple[str, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Style:
    """How posts are written; its sentences fit any concept, ``<a>`` and ``<b>`` in them.

    Attributes
    ----------
    key
    titles, openings, one, two, closings
        Sentences, by their place and the number of concepts that they name.
    lines
        Whether every sentence is an item of a list.
    half_width
        Share of spellings in katakana that are written in half-width forms.
    """

    key: str
    titles: tuple[str, ...]
    openings: tuple[str, ...]
    one: tuple[str, ...]
    two: tuple[str, ...]
    closings: tuple[str, ...]
    lines: bool = False
    half_width: float = 0.0


@dataclass(frozen=True)
class Community:
    """Where posts are written.

    Attributes
    ----------
    key
        Its label.
    title
        Its name in Japanese.
    area
        Name of what it has in common with others.
    sentences
        Of the area; they name no concept.
    styles, concepts
    jargon
        Sentences with a word that no other community uses.
    """

    key: str
    title: str
    area: str
    sentences: tuple[str, ...]
    styles: tuple[Style, ...]
    concepts: tuple[Concept, ...]
    jargon: tuple[str, ...]


@dataclass(frozen=True)
class Content:
    """All communities, and all concepts by their keys."""

    communities: tuple[Community, ...]
    concepts: Mapping[str, Concept]


@cache
def load_communities() -> Content:
    """The communities of the project, read once."""
    return read_content(CONTENT)


def read_content(folder: Path) -> Content:
    """Read and check a folder of communities.

    Parameters
    ----------
    folder
        With the files :data:`FILES`.

    Raises
    ------
    UserError
        Naming the file and the entry at fault.
    """
    raw = {name: _read(folder / f"{name}.yaml") for name in FILES}
    concepts = {key: _concept(key, entry) for key, entry in raw["concepts"].items()}
    styles = {key: _style(key, entry) for key, entry in raw["styles"].items()}
    communities = tuple(
        _community(key, entry, raw["areas"], styles, concepts) for key, entry in raw["communities"].items()
    )
    _check_jargon(raw["communities"], communities)
    _check_spellings(concepts.values(), _texts(raw))
    return Content(communities, concepts)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{path.name} cannot be read ({error}): restore it from git.") from error
    if not isinstance(found, dict):
        raise UserError(f"{path.name} names nothing: write one entry per line, its key in front of a colon.")
    return found


def _concept(key: str, entry: dict[str, Any]) -> Concept:
    where = f"concepts.yaml, {key}"
    spellings = tuple(map(str, entry["variants"]))
    if (
        not FEWEST_SPELLINGS
        <= len({spelling_key(own) for own in spellings})
        == len(spellings)
        <= MOST_SPELLINGS
    ):
        raise UserError(
            f"{where}: {listing(spellings)} are not {FEWEST_SPELLINGS} to {MOST_SPELLINGS} different spellings: add or "
            "remove some; width and case make no difference."
        )
    return Concept(key, spellings, _sentences(where, entry["sentences"], 1, 1))


def _style(key: str, entry: dict[str, Any]) -> Style:
    where = f"styles.yaml, {key}"
    parts = {name: _sentences(f"{where}, {name}", entry[name], *sizes) for name, sizes in PARTS.items()}
    return Style(key, **parts, lines=bool(entry.get("lines")), half_width=float(entry.get("half_width", 0)))


def _community(
    key: str,
    entry: dict[str, Any],
    areas: Mapping[str, list[str]],
    styles: Mapping[str, Style],
    concepts: Mapping[str, Concept],
) -> Community:
    where = f"communities.yaml, {key}"
    jargon = tuple(
        _sentences(where, [text], 1, 1)[0].replace("<a>", word) for word, text in entry["jargon"].items()
    )
    return Community(
        key,
        entry["title"],
        entry["area"],
        _sentences(f"areas.yaml, {entry['area']}", _known(where, [entry["area"]], areas)[0], 0, 0),
        tuple(_known(where, entry["styles"], styles)),
        tuple(_known(where, entry["concepts"], concepts)),
        jargon,
    )


def _known(where: str, names: Iterable[str], table: Mapping[str, Any]) -> list[Any]:
    for name in names:
        if name not in table:
            raise UserError(f'{where}: there is no "{name}": {suggestion(name, table)}')
    return [table[name] for name in names]


def _sentences(where: str, texts: Iterable[str], fewest: int, most: int) -> tuple[str, ...]:
    for text in texts:
        named = sum(slot in text for slot in SLOTS)
        if not fewest <= named <= most or text.count("<") != named or ("<b>" in text and "<a>" not in text):
            raise UserError(
                f"{where}: {text!r} must name {fewest} to {most} concepts, each once, as {SLOTS[:most]}."
            )
    return tuple(texts)


def spelling_key(text: str) -> str:
    """What two spellings that differ in width, composition or case alone have in common."""
    return unicodedata.normalize("NFKC", text).casefold()


def _texts(raw: Mapping[str, Any]) -> Iterator[str]:
    """Every text of the content but the spellings themselves."""
    for key, entry in raw["concepts"].items():
        yield from _leaves({key: entry["sentences"]})
    for entry in raw["communities"].values():
        yield from entry["jargon"]
        yield from entry["jargon"].values()
    yield from _leaves([raw["areas"], raw["styles"]])


def _leaves(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from _leaves(part)


def _check_spellings(concepts: Iterable[Concept], texts: Iterable[str]) -> None:
    """Refuse a spelling that stands inside another one, or inside a text."""
    own = {spelling_key(spelling): concept.key for concept in concepts for spelling in concept.spellings}
    places = [(text, spelling_key(text)) for text in texts]
    for spelling, concept in own.items():
        inside = [other for other in own if spelling in other and spelling != other]
        inside += [text for text, key in places if spelling in key]
        if inside:
            raise UserError(
                f'concepts.yaml, {concept}: "{spelling}" also stands in {inside[0]!r}: write one of them otherwise, '
                "since a spelling that training leaves out must be nowhere in it."
            )


def _check_jargon(raw: Mapping[str, Any], communities: Iterable[Community]) -> None:
    """Refuse jargon that another community uses too."""
    for key, entry in raw.items():
        for word in entry["jargon"]:
            for other in communities:
                if other.key != key and any(word in text for text in (*other.jargon, *other.sentences)):
                    raise UserError(
                        f'communities.yaml, {key}: "{word}" is a word of {other.key} too: choose another.'
                    )

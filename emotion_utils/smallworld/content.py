"""The content of a small world, read from YAML: words, people, causes, reactions, fillers and forms.

``content/<language>/`` holds one file per idea (``lexicon``, ``people``, ``events``, ``reactions``, ``fillers``) and
one file per register under ``forms/``. Another language is another folder, and an entry in
:mod:`emotion_utils.smallworld.languages`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.core.errors import UserError
from emotion_utils.smallworld.languages import ENGLISH, Language, language_of
from emotion_utils.smallworld.nodes import Deed, Lit, Ref
from emotion_utils.smallworld.sentences import Fill
from emotion_utils.smallworld.templates import parse_template
from emotion_utils.smallworld.world import Content, Event, Form, Node, Reaction

CONTENT = Path(__file__).parent / "content"


@cache
def load_content(language: str = "en") -> Content:
    """The content of ``language``, read once.

    Raises
    ------
    UserError
        For a language that has none.
    """
    known = language_of(language)
    return read_content(CONTENT / language, known)


def read_content(folder: Path, language: Language = ENGLISH) -> Content:
    """Read and check a content folder; a :class:`UserError` names the file and the template at fault."""
    raw = {path.relative_to(folder).as_posix(): _read(path) for path in sorted(folder.rglob("*.yaml"))}
    lexicon: dict[str, list[str]] = dict(raw["lexicon.yaml"])
    names = raw["people.yaml"]
    for data in raw.values():
        if isinstance(data, dict) and isinstance(data.get("lexicon"), dict):
            lexicon |= data["lexicon"]
    lexicon = {k: list(dict.fromkeys(str(w) for w in v)) for k, v in lexicon.items()} | {
        "male": names["male"],
        "female": names["female"],
    }
    pools = _pools("fillers.yaml", raw["fillers.yaml"]["fillers"], language)
    forms: list[Form] = []
    for file, data in raw.items():
        if file.startswith("forms/"):
            own = {f"{data['register']}.{k}": v for k, v in (data.get("fillers") or {}).items()}
            pools |= _pools(file, own, language)
            forms += [_form(file, data, entry, language) for entry in data["forms"]]
    events, reactions = _events(raw["events.yaml"], language), _reactions(raw["reactions.yaml"], language)
    content = Content(language, lexicon, names, events, reactions, pools, forms)
    _check_forms(content)
    return content


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{path.name} is not valid YAML: {error}") from error


def _events(raw: dict[str, dict[str, list[dict[str, Any]]]], language: Language) -> list[Event]:
    events = []
    for kind, topics in raw.items():
        for topic, entries in topics.items():
            for index, entry in enumerate(entries):
                events.append(_event(f"{kind}.{topic}.{index}", kind, topic, entry, language))
    return events


def _event(key: str, kind: str, topic: str, entry: dict[str, Any], language: Language) -> Event:
    where = f"events.yaml, {key}"
    texts = entry["text"] if isinstance(entry["text"], list) else [entry["text"]]
    parsed = tuple(parse_template(text, where, language, sentence=True) for text in texts)
    feels = {e: float(p) for e, p in (entry.get("feels") or {kind: 1.0}).items()}
    if abs(sum(feels.values()) - 1) > 1e-9 or not set(feels) <= set(EMOTIONS):
        raise UserError(
            f"{where}: feels must give probabilities over {', '.join(EMOTIONS)} that add up to 1, not {feels}."
        )
    deed = entry.get("deed") or {}
    deeds = deed if isinstance(deed, dict) else dict.fromkeys(feels, deed)
    bound = [_bindings(nodes) for nodes in parsed]
    variables = {
        name: category for name, category in bound[0].items() if all(b.get(name) == category for b in bound)
    }
    deed_nodes = {e: parse_template(text, where, language) for e, text in deeds.items() if text}
    for nodes in deed_nodes.values():
        missing = {n.name for n in nodes if isinstance(n, Ref)} - set(variables)
        if missing:
            raise UserError(
                f"{where}: the deed speaks of {missing}, which not every paraphrase binds to the same category."
            )
    return Event(key, topic, feels, entry.get("severity", "minor"), parsed, deed_nodes, variables)


def _bindings(nodes: tuple[Node, ...]) -> dict[str, str]:
    return {n.name: n.category for n in nodes if getattr(n, "category", "") and getattr(n, "name", "")}  # type: ignore[attr-defined]


def _reactions(raw: dict[str, list[dict[str, Any]]], language: Language) -> list[Reaction]:
    reactions = []
    for emotion in EMOTIONS:
        for index, entry in enumerate(raw[emotion]):
            key = f"{emotion}.{index}"
            nodes = parse_template(entry["text"], f"reactions.yaml, {key}", language, sentence=True)
            needs = {n.name for n in nodes if isinstance(n, Ref)} - set(_bindings(nodes))
            needs |= {"deed"} if any(isinstance(n, Deed) for n in nodes) else set()
            reactions.append(
                Reaction(
                    key,
                    emotion,
                    bool(entry["kw"]),
                    entry["int"],
                    entry["pol"],
                    bool(entry.get("voc")),
                    nodes,
                    frozenset(needs),
                )
            )
    return reactions


def _pools(
    file: str, raw: dict[str, list[str]], language: Language
) -> dict[str, list[tuple[str, tuple[Node, ...]]]]:
    return {
        pool: [
            (f"{pool}.{i}", parse_template(text, f"{file}, {pool}.{i}", language, sentence=True))
            for i, text in enumerate(texts)
        ]
        for pool, texts in raw.items()
    }


def _form(file: str, data: dict[str, Any], entry: dict[str, Any], language: Language) -> Form:
    where = f"{file}, {entry['id']}"
    nodes = parse_template(entry["text"].strip("\n"), where, language)
    own = set(data.get("fillers") or {})
    nodes = tuple(_own_pool(node, data["register"], own) for node in nodes)
    person = entry.get("person") or {"A": "name", "B": "name"}
    if unknown := sorted({*person.values()} - {*language.modes}):
        raise UserError(
            f"{where}: {unknown[0]!r} is no way to write a person. Known: {', '.join(language.modes)}."
        )
    return Form(
        entry["id"],
        data["register"],
        data.get("formality", "plain"),
        (person["A"], person["B"]),
        float(entry.get("weight", 1)),
        _absorb_trails(nodes),
        entry.get("style") or data.get("style", "plain"),
    )


def _own_pool(node: Node, register: str, own: set[str]) -> Node:
    if isinstance(node, Fill) and node.pool in own:
        return Fill(f"{register}.{node.pool}", node.low, node.high, node.sep)
    return node


def _absorb_trails(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Where a filler may be absent, the white space after it goes with it."""
    out: list[Node] = []
    for node in nodes:
        before = out[-1] if out else None
        if isinstance(before, Fill) and before.low == 0 and isinstance(node, Lit):
            rest = node.text.lstrip(" \n")
            out[-1] = Fill(before.pool, 0, before.high, before.sep, node.text[: len(node.text) - len(rest)])
            if rest:
                out.append(Lit(rest))
        else:
            out.append(node)
    return tuple(out)


def _check_forms(content: Content) -> None:
    for form in content.forms:
        for node in form.nodes:
            there = len(content.pools.get(node.pool, [])) if isinstance(node, Fill) else 0
            if isinstance(node, Fill) and there < node.high:
                raise UserError(
                    f"{form.key} asks for {node.high} sentences of the pool {node.pool!r}, which has {there}. "
                    "Add sentences or ask for fewer."
                )

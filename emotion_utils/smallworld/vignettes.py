"""The `implicit` prompts: the small world's causes told up to the moment before somebody speaks.

Each vignette tells a cause and stops at the colon after which the reaction would follow. Its neutral twin is told by
the same people in the same frame; only the clause that tells what happened differs. The emotion is that of the person
who is about to speak, and no word of it has been said. A model that reads English, or that was trained on the small
world, can know it; a model of the same words that learnt to react to nothing cannot.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from emotion_utils.core.emotions import EMOTIONAL
from emotion_utils.smallworld.derivations import push
from emotion_utils.smallworld.grammar import load_grammar
from emotion_utils.smallworld.nodes import capitalise
from emotion_utils.smallworld.people import Person
from emotion_utils.smallworld.world import State

if TYPE_CHECKING:
    from numpy.random import Generator

    from emotion_utils.smallworld.views import View
    from emotion_utils.smallworld.world import Event, Node

SELECT, TEST = ("garden", "office", "technology"), ("health", "sport")
SEED = 20261125
SEEDS = {"en": SEED, "ja": 20261130}
"""By language, of its prompt set: with these no vignette is told twice."""
FRAMES = {
    "en": (
        "{cause} {B} said to {A}:",
        "{cause} At the door {B} said to {A}:",
        "{cause} {aside} In the evening {B} said to {A}:",
    ),
    "ja": (
        "{cause}{B}は{A}に言った。「",
        "{cause}{B}は{A}に言った。「",
        "{cause}{aside}それから{B}は{A}のほうを向いて言った。「",
    ),
}
"""By language. The third keeps the cause waiting behind a sentence about something else."""
SETS = {"en": "implicit", "ja": "ja_implicit"}
"""Language to the name of its prompt set."""
MODES = (("name", "name"), ("name", "I"), ("name", "name"))
PARTNER, OTHER = "partner", "other"
"""Roles of the two neutral vignettes of :func:`build_triples`."""


def build_implicit(language: str = "en") -> list[dict[str, Any]]:
    """Rows of ``data/prompts/implicit.jsonl``: 72 vignettes per emotion, each with its neutral twin.

    Those of ``ja``, ``data/prompts/ja_implicit.jsonl``, are beginnings of documents of the small world.

    Each topic of the small world has two causes of each emotion and two neutral ones; a cause is told three times,
    each time in another frame and, where there are several, in another wording. The causes that share a neutral event
    are the unit that is resampled; a topic, whose vignettes share words, lies in one split.
    """
    view = load_grammar(language).view("train")
    events = {event.key: event for event in load_grammar(language).content.events}
    topics = sorted({event.topic for event in events.values()})
    rng = np.random.default_rng(SEEDS[language])
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for emotion in EMOTIONAL:
        causes = [(topic, k) for topic in topics for k in (0, 1)]
        for topic, k in causes:
            for version in range(len(MODES)):
                number = sum(pair[0]["emotion"] == emotion for pair in pairs) + 1
                told = events[f"{emotion}.{topic}.{k}"], events[f"neutral.{topic}.{k}"]
                stem = SETS[language].replace("_", "-")
                pairs.append(_pair(told, version, view, rng, f"{stem}-{emotion}-{number:03d}"))
    return [pair[0] for pair in pairs] + [pair[1] for pair in pairs]


def _pair(
    told: tuple[Event, Event], version: int, view: View, rng: Generator, name: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    cause, plain = told
    modes = MODES[version]
    text, people = _write(_wording(cause, version), State(modes=modes), view, rng)
    other, _ = _write(_wording(plain, version), State(modes=modes, a=people.a, b=people.b), view, rng)
    general = view.pools["general"]
    aside, _ = _write(general[int(rng.integers(len(general)))][1], State(), view, rng)
    emotion = cause.key.split(".")[0]
    texts = [_framed(version, clause, aside, people, view) for clause in (text, other)]
    keys = [(cause, emotion, name), (plain, "neutral", name.replace("implicit-", "implicit-neutral-"))]
    rows = [
        _row(prompt, event, label, version, identifier, name, view.language.name)
        for prompt, (event, label, identifier) in zip(texts, keys, strict=True)
    ]
    return rows[0], rows[1]


def build_triples(tellings: int = 6) -> list[dict[str, Any]]:
    """Vignettes of every topic by the same people in the same frame: one of each emotion and two neutral ones.

    Which of a topic's two neutral causes is the partner is drawn, and so are its causes of each emotion. If emotions
    are nothing special, an emotional vignette and the neutral one that is no partner can change places. No prompt of
    the profiles is repeated but by chance.

    Parameters
    ----------
    tellings
        Of every topic, each by other people; frames and wordings take turns.

    Returns
    -------
    Rows as those of a profile, and ``role``: an emotion, :data:`PARTNER` or :data:`OTHER`.
    """
    grammar = load_grammar("en")
    view, events = grammar.view("train"), {event.key: event for event in grammar.content.events}
    rng, rows = np.random.default_rng(SEED), []
    for topic in sorted({event.topic for event in events.values()}):
        plain, felt = (int(k) for k in rng.integers(2, size=2))
        causes = {PARTNER: f"neutral.{topic}.{plain}", OTHER: f"neutral.{topic}.{1 - plain}"}
        causes |= {emotion: f"{emotion}.{topic}.{felt}" for emotion in EMOTIONAL}
        for telling in range(tellings):
            version, people = telling % len(MODES), State()
            general = view.pools["general"]
            aside, _ = _write(general[int(rng.integers(len(general)))][1], State(), view, rng)
            for role, key in causes.items():
                state = State(modes=MODES[version], a=people.a, b=people.b)
                clause, drawn = _write(_wording(events[key], telling), state, view, rng)
                people = drawn if people.a is None else people
                emotion = role if role in EMOTIONAL else "neutral"
                text, pair = _framed(version, clause, aside, people, view), f"triple-{topic}-{telling}"
                row = _row(text, events[key], emotion, telling, f"{pair}-{role}", pair, "en")
                rows.append({**row, "role": role})
    return rows


def _wording(event: Event, version: int) -> tuple[Node, ...]:
    return event.texts[version % len(event.texts)]


def _write(nodes: tuple[Node, ...], state: State, view: View, rng: Generator) -> tuple[str, State]:
    """Draw one text of a template."""
    stack, out = push(nodes, None), []
    while stack is not None:
        node, stack = stack
        branch = node.draw(state, view, rng)
        out.append(branch.text)
        state, stack = branch.state, push(branch.push, stack)
    return "".join(out), state


def _framed(version: int, clause: str, aside: str, people: State, view: View) -> str:
    speaker = view.language.mention(people.b or Person("I"), "", people.style)
    listener = people.a.noun if people.a is not None else ""
    frame = FRAMES[view.language.name][version]
    text = frame.format(cause=capitalise(clause), aside=capitalise(aside), B=speaker, A=listener)
    return re.sub(r"\s+", " ", text)


def _row(
    text: str, event: Event, emotion: str, version: int, name: str, pair: str, language: str
) -> dict[str, Any]:
    split = "select" if event.topic in SELECT else "test" if event.topic in TEST else "build"
    return {
        "id": name,
        "text": text,
        "emotion": emotion,
        "template": f"{event.key}.{version % len(event.texts)}",
        "group": f"{SETS[language]}/{event.topic}-{event.key.rsplit('.', 1)[1]}",
        "topic": event.topic,
        "register": "vignette",
        "lang": language,
        "keyword": False,
        "split": split,
        "pair_id": pair,
        **dict.fromkeys(("emotion_start", "emotion_end", "match_start", "match_end")),
    }

"""The `powered` prompt set, generated from templates, and the rule that matches words by place.

A paired effect of d = 0.2 needs 199 prompts at 80 % power, more than one writes by hand. Twenty frames of
four sentences (one per emotion) are filled with everyday objects: somebody did good to the object, harmed it,
or just used it. Frames and objects are kept apart between the splits, so neither wording nor content leaks.
A test holds `powered.jsonl` against what is made here.
"""

from __future__ import annotations

import functools
import re
from typing import Any, NamedTuple

import yaml

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.core.paths import PROMPTS
from emotion_utils.prompts.keywords import find_keyword
from emotion_utils.prompts.schema import SPANS

SLOT = re.compile(r"\{(\w+)\}")


def matched_span(text: str, span: tuple[int, int], partner: str) -> tuple[int, int] | None:
    """Characters of the words of `partner` that stand where `span` stands in `text`, counted in words.

    Returns None where the partner is too short.
    """
    words = r"\w+(?:['’]\w+)*"
    first = len(re.findall(words, text[: span[0]]))
    count = len(re.findall(words, text[span[0] : span[1]]))
    found = list(re.finditer(words, partner))[first : first + count]
    return (found[0].start(), found[-1].end()) if len(found) == count else None


def build_powered() -> list[dict[str, Any]]:
    """Rows of ``data/prompts/powered.jsonl``: 240 sentences per emotion, in the schema of all prompt sets."""
    rows: list[dict[str, Any]] = []
    for number, (frame, item) in enumerate(_fillings(), start=1):
        rows.extend(_quadruple(frame, item, f"powered-{number:03d}"))
    order = {emotion: rank for rank, emotion in enumerate(EMOTIONS)}
    return sorted(rows, key=lambda row: (order[row["emotion"]], row["pair_id"]))


def _fillings() -> list[tuple[Frame, Item]]:
    """Twelve objects per frame; each object of a larger pool serves every third frame."""
    pairs: list[tuple[Frame, Item]] = []
    for index, frame in enumerate(frames()):
        pool = items(frame.split)
        step = len(pool) // 12
        pairs.extend((frame, item) for item in pool[index % step :: step])
    return pairs


def _quadruple(frame: Frame, item: Item, pair: str) -> list[dict[str, Any]]:
    texts = [_fill(template, item) for template in frame.texts]
    return [_row(emotion, texts[k], texts[-1], frame, k, item, pair) for k, emotion in enumerate(EMOTIONS)]


def _fill(template: str, item: Item) -> str:
    return SLOT.sub(lambda slot: getattr(item, slot[1]), template)


def _row(
    emotion: str, text: str, neutral: str, frame: Frame, k: int, item: Item, pair: str
) -> dict[str, Any]:
    span = find_keyword(text, emotion)
    match, nowhere = matched_span(text, span, neutral) if span else None, (None, None)
    return {
        "id": pair.replace("-", f"-{emotion}-"),
        "text": text,
        "emotion": emotion,
        "template": frame.texts[k],
        "group": f"{emotion}/{frame.names[k]}",
        "topic": item.topic,
        "register": "speech",
        "lang": "en",
        "keyword": span is not None,
        "split": frame.split,
        "pair_id": pair,
        **dict(zip(SPANS, (*(span or nowhere), *(match or nowhere)), strict=True)),
    }


class Item(NamedTuple):
    """An object and what people do to it: past tense and gerund of a kind, a harmful and a plain act."""

    topic: str
    noun: str
    good: str
    gooding: str
    bad: str
    bading: str
    plain: str
    plaining: str


class Frame(NamedTuple):
    """One construction per emotion, in the order of `EMOTIONS`."""

    split: str
    names: tuple[str, str, str, str]
    texts: tuple[str, str, str, str]


def frames() -> list[Frame]:
    """All frames, split by split."""
    given = _given()["frames"].items()
    return [Frame(split, *zip(*frame.items(), strict=True)) for split, own in given for frame in own]


def items(split: str) -> list[Item]:
    """Objects of a split.

    Parameters
    ----------
    split
        One of ``build``, ``select``, ``test``.
    """
    return [Item(*line.split()) for line in _given()["objects"][split]]


@functools.cache
def _given() -> dict[str, Any]:
    given: dict[str, Any] = yaml.safe_load((PROMPTS / "powered_frames.yaml").read_text(encoding="utf-8"))
    return given

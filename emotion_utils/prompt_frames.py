"""Frames and objects of the `powered` prompt set, from ``data/prompts/powered_frames.yaml``."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import yaml

from emotion_utils.paths import PROMPTS

__all__ = ["Frame", "Item", "frames", "items"]


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

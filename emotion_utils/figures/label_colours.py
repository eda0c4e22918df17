"""Colours of labels in one figure: those of the book's emotions, and others that can be told from them."""

from __future__ import annotations

from collections.abc import Iterable

from emotion_utils.plots.style import EMOTION_COLOURS, PALETTE, emotion_colour

MOST = 6
"""Labels that a figure can tell apart by colour."""


def label_colours(labels: Iterable[str]) -> dict[str, str]:
    """A colour for each label, no two alike as long as there are at most :data:`MOST`.

    Parameters
    ----------
    labels
        Of a figure, each once.
    """
    labels = list(labels)
    found = {label: EMOTION_COLOURS[label] for label in labels if label in EMOTION_COLOURS}
    free = [colour for colour in PALETTE if colour not in found.values()]
    others = [label for label in labels if label not in found]
    if len(others) > len(free):
        return found | {label: emotion_colour(label) for label in others}
    return {label: (found | dict(zip(others, free, strict=False)))[label] for label in labels}

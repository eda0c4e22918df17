"""The small world: a generated corpus whose every truth is known, and the models trained on it."""

from __future__ import annotations

from emotion_utils.core.lazy import attach
from emotion_utils.smallworld.grammar import Document, Grammar, load_grammar
from emotion_utils.smallworld.world import EMOTIONS

__all__ = ["EMOTIONS", "Document", "Grammar", "load_grammar"]

__getattr__, __dir__ = attach(__name__)

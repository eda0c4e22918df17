"""The small world: a generated corpus whose every truth is known, and the models trained on it."""

from __future__ import annotations

from emotion_utils.smallworld.grammar import Document, Grammar, load_grammar
from emotion_utils.smallworld.world import EMOTIONS

__all__ = ["EMOTIONS", "Document", "Grammar", "load_grammar"]

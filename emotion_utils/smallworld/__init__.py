"""The small world: a generated corpus whose every truth is known, and the models trained on it."""

from emotion_utils.smallworld.content import EMOTIONS
from emotion_utils.smallworld.grammar import Document, Grammar, load_grammar

__all__ = ["EMOTIONS", "Document", "Grammar", "load_grammar"]

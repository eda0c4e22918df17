"""Emotion circuits in language models: every claim with its null."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

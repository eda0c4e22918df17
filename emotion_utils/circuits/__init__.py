"""Heads ablated, patched, attributed, assembled (chapters 06 and 07)."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

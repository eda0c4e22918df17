"""Emotion vectors: make, probe, place, read (Chapter 3)."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

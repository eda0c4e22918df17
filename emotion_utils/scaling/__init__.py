"""From 135 M to 8 B parameters: published vectors of models one cannot load, and what models share (Chapter 9)."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

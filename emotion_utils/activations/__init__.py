"""Read activations, keep them, look at them (chapter 02)."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

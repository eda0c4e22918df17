"""What the past predicts of a hidden state, and what is new in it (chapter 10)."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

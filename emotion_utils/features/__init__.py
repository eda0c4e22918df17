"""What sparse features of siblings and real models know, and what they are needed for (chapter 12)."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

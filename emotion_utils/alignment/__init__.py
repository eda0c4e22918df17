"""Maps between models, RSA and CKA, and their controls (chapter 04)."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

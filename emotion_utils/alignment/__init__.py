"""Maps between models, RSA and CKA, and their controls (Chapter 4)."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

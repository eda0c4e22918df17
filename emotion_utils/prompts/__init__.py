"""Prompt sets: read, complete, split, describe; and what a bag of words knows of them."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

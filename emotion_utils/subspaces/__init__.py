"""Bases of emotions and their overlap before any map (chapter 04)."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

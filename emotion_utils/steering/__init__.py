"""Steering a model: contexts, vectors and their unit of strength, trials, controls, and what they show."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

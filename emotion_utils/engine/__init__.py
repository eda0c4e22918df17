"""Interventions as data, run packed into large batches: generation and teacher forcing."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

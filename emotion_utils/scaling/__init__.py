"""From small models to large ones: the reports' comparison with wider models, and what it measures (Chapter 9)."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

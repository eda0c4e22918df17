"""How the bundled models were made: batches, optimiser, measures, and their cards."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

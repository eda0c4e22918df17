"""Find, load and open a model: names, files, families, hooks, tokens, padded batches, one table per model."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

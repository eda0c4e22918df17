"""Find, load and open a model: names, files, families, hooks, tokens, padded batches, one table per model.

Called, it lists the models that have a name: ``eu.models()``.
"""

from emotion_utils.core.lazy import attach

EXPORTS = {"known_models": "cards"}

__getattr__, __dir__ = attach(__name__, EXPORTS, call="known_models")

"""Read activations, keep them, look at them (Chapter 2).

Called, it reads activations of texts: ``eu.activations(model, texts)``.
"""

from emotion_utils.core.lazy import attach

EXPORTS = {"read_activations": "prompt_sets", "read_attention": "prompt_sets"}

__getattr__, __dir__ = attach(__name__, EXPORTS, call="read_activations")

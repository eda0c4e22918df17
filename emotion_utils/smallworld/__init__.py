"""The small world: a generated corpus whose every truth is known, and the models trained on it."""

from emotion_utils.core.lazy import attach

EXPORTS = {
    "Document": "grammar",
    "Grammar": "grammar",
    "load_grammar": "grammar",
}

__getattr__, __dir__ = attach(__name__, EXPORTS)

"""Prompt sets: read, complete, split, describe; and what a bag of words knows of them.

Called, it gives a prompt set: ``eu.prompts("implicit")``.
"""

from emotion_utils.core.lazy import attach

EXPORTS = {"prompt_set": "loading"}

__getattr__, __dir__ = attach(__name__, EXPORTS, call="prompt_set")

"""What reaches the same as steering without an emotion vector: random vectors, and a bias on the first words."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

"""The reports' claims: their table, the verdict rule, and what each chapter measures for them."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

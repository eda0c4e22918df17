"""From 135 M to 8 B parameters: sets of vectors without their models, and what models of all sizes share.

`published` and `stories` read what others have published, `geometry`, `curves` and `axes` compare it, `transfer`
carries vectors from one model into another, and `record` keeps what the real models gave.
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

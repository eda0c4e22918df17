"""From 135 M to 8 B parameters: published vectors of models that one cannot load, the stories that they were made from,
and what models share; the reports' comparison with wider models, and vectors carried from one model into another.
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

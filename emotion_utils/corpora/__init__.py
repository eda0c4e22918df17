"""Documents of several domains, from any source, cut to windows of tokens."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

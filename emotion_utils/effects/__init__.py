"""The paired differences behind the results of chapters 05 to 07, so that all are tested once and the same way."""

from emotion_utils.core.lazy import attach

EXPORTS = {
    "Effect": "records",
    "beyond_random": "beyond",
    "collect": "collected",
    "reply_bounds": "bounds",
}

__getattr__, __dir__ = attach(__name__, EXPORTS)

"""What all else stands on: errors, paths, whole files, hashes, the store, sizes by profile."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

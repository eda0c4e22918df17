"""The emotions of the book, in the order of every table."""

EMOTIONS = ("gratitude", "anger", "apology", "neutral")

EMOTIONAL = EMOTIONS[:-1]
"""Those that have a vector, each against neutral."""

"""Emotion circuits in language models: every claim with its null."""

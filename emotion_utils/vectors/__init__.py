"""Emotion vectors: make, probe, place, read (chapter 03)."""

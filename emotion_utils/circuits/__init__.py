"""Heads ablated, patched, attributed, assembled (chapters 06 and 07)."""

"""Bases of emotions and their overlap before any map (chapter 04)."""

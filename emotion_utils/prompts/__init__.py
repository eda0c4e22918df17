"""Prompt sets: read, complete, split, describe; and what a bag of words knows of them."""

"""Data and models whose answer is known."""

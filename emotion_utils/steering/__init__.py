"""Steering a model: contexts, vectors and their unit of strength, trials, controls, and what they show."""

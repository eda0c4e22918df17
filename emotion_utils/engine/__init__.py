"""Interventions as data, run packed into large batches: generation and teacher forcing."""

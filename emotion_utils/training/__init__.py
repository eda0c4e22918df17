"""How the bundled models were made: batches, optimiser, measures, and their cards."""

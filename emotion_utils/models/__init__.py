"""Find, load and open a model: names, files, families, hooks, tokens, padded batches, one table per model."""

"""The reports' claims: their table, the verdict rule, and what each chapter measures for them."""

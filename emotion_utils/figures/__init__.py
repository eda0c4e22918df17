"""One file of figures per chapter."""

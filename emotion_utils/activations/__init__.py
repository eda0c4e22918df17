"""Read activations, keep them, look at them (chapter 02)."""

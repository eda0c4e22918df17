"""Maps between models, RSA and CKA, and their controls (chapter 04)."""

"""Statistics of paired effects: one way for every effect of the book, fast enough for thousands of tests.

`paired.paired_effects` is the whole of it; its parts are in `units`, `sizes`, `bootstrap`, `flips`, `equivalence` and
`shapes`. `corrections` and `power` put a name of our own on statsmodels, `mixed` checks robustness, and `published` has
what the reports do.
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

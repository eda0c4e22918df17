"""Statistics of paired effects: one way for every effect of the book, fast enough for thousands of tests.

`paired.paired_effects` is the whole of it; its parts are in `units`, `bootstrap`, `flips` and `equivalence`.
`corrections` and `power` put a name of our own on statsmodels, and `mixed` checks robustness. `nulls` holds a value
against draws of its null, `permutations` has their p values, `resampling` and `jackknife` have intervals.
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

"""The calibration laboratory: data whose answer is known, and what every method says about them.

`generators` makes pairs of models that share nothing, or exactly so much; `twins` writes a bundled model in other
coordinates; `handmade` is a transformer with a known circuit, and `planted_head` asks who finds it; `planted` moves
states along a known direction, and `dictionaries` makes them of known atoms; `trials` measures how often a method cries
wolf and how often it finds what is there; `coverage` does the same for intervals; `published` takes the reports'
formulas apart; `ledger` keeps the committed table, and `methods` reads it.
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

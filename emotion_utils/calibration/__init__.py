"""The calibration laboratory: what every method says about data whose answer is known (chapter 00).

The data are made in `planted`. `trials` measures how often a method finds what is not there and how often it finds what is there,
`coverage` and `paired` do the same for intervals and tests; `published` and `scaling` take the reports' formulas apart;
`ledger` keeps the committed table, `methods` and `overview` read it.
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

"""The calibration laboratory: what every method says about data whose answer is known (Chapter 0).

The data are made in `planted`. `trials` measures how often a method finds what is not there and what is there,
`coverage`, `paired` and `similarity` do the same for intervals, tests, RSA, CKA and the choice of k;
`published` and `scaling` take the reports' formulas apart; `ledger` keeps the committed table, `methods`
and `overview` read it.
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

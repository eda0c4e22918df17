"""What can be said of a claim without its model: the second column of the ledger, which no run changes.

The words are in :mod:`emotion_utils.scrutiny.rules`; the other modules have a rule for each claim, which
:mod:`emotion_utils.scrutiny.rule_for_rules` tries on values that nobody printed.
"""

from emotion_utils.core.lazy import attach

EXPORTS = {
    "everything": "collected",
    "counted": "collected",
    "trials": "collected",
    "of": "collected",
    "SCRUTINY": "rules",
    "Scrutiny": "rules",
}

__getattr__, __dir__ = attach(__name__, EXPORTS)

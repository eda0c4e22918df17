"""What can be said of a claim without its model: the second column of the ledger, which no run changes.

The rules are in :mod:`emotion_utils.scrutiny.rules`; the other modules apply them, a group of claims each.
"""

from emotion_utils.core.lazy import attach

EXPORTS = {
    "everything": "collected",
    "of": "collected",
    "SCRUTINY": "rules",
    "Scrutiny": "rules",
}

__getattr__, __dir__ = attach(__name__, EXPORTS)

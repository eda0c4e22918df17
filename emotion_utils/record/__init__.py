"""The committed record of the real models, and a chapter's main numbers beside it.

`record_file` is ``data/real.json`` itself; `findings` keeps what a chapter found with its run and shows it beside the
record; `recorded` hands its numbers to answers about other models. `ledger.recording` makes a record from a whole run.
`kept_tables` are the tables of records that a chapter makes by a command of its own.
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

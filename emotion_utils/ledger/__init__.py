"""The claims ledger of one run: every claim of the reports, both verdicts, and where each was decided.

`assembly` collects what the chapters measured, `files` keeps it as ``build/<run>/claims.json``, `summary` counts it;
`figures.ledger` draws it. What is said without a model comes from `emotion_utils.scrutiny`.
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

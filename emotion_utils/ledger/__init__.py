"""The claims ledger of one run: every claim of the reports, both verdicts, and where each was decided.

`entries` puts what was measured beside a claim, `assembly` collects what the chapters of a run measured, `files` keeps
it as ``build/<run>/claims.json``, `summary` counts it; `figures.ledger` draws it. The first column, *Replication*,
comes from `emotion_utils.reports.replication`, the second, *Scrutiny*, from `emotion_utils.scrutiny`. `run_report` says
what each job of the run did and took, `values` what it gave, as hashes that two runs can be compared by.
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

"""The predictable and the novel part of hidden states of one model, from texts to tables (chapter 10).

============  =====================================================================
`sizes`       how much is read and trained, by profile
`study`       windows, states, baselines, predictors and errors of one model
`tables`      what a page shows of a study
`probing`     what probes read from both parts
`emotions`    emotion vectors in two parts, and steering with them
`predictors`  other predictors, and the planted process that says what to expect
`claims`      what the report's claims are judged by
`record`      the committed record of a real model: ``data/predictability/``
`beside`      models of a run beside the recorded one
`results`     what the chapter's answer is made from
`summaries`   what the tables say, in sentences for a page
============  =====================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

"""Siblings of one model: by which components they classify, and whether more than trainings differ (chapter 11).

============  =====================================================================
`sizes`       how much is trained and tried, by profile
`post_sets`   posts that they are trained and tested on
`study`       one training, from fine-tuning to the curves of its circuit
`components`  what attention and MLPs write at the last token: read, patched, left out
`post_pairs`  posts that look alike to a classifier and have different labels
`patching`    what each component restores of a label, as published and soundly
`depth`       the report's numbers of a circuit: its size, where it lies, what it adds up to
`circuit`     whether a circuit suffices and is needed; faithfulness curves
`retrained`   siblings beside two trainings of one of them
`tables`      what a page shows of studies, and what a record keeps
`record`      the committed record of all siblings, and of a real model in Japanese
`claims`      what the report's claims ask
`results`     what the chapter computed, for its answer
============  =====================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

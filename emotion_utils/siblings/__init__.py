"""Siblings of one model: by which components they classify, and whether more than trainings differ (chapter 11).

============  =====================================================================
`components`  what attention and MLPs write at the last token: read, patched, left out
`post_pairs`  posts that look alike to a classifier and have different labels
`patching`    what each component restores of a label, as published and soundly
`circuit`     whether a circuit suffices and is needed; faithfulness curves
`retrained`   siblings beside two trainings of one of them
`survival`    features of spellings of one concept, beside those of others
`spellings`   whether states know that several spellings are one concept
`japanese`    the four emotions in Japanese texts, read and moved across languages
============  =====================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)

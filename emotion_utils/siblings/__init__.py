"""Texts with labels, told apart by a model with a classification head and by what it has to beat (chapter 11).

==================  ===================================================================================
`labelled_texts`    anybody's texts with labels: read, brought to one form, cleaned and split
==================  ===================================================================================
"""

from emotion_utils.core.lazy import attach

EXPORTS = {
    "LabelledTexts": "labelled_texts",
    "labelled_texts_of": "labelled_texts",
    "read_labelled_texts": "labelled_texts",
}

__getattr__, __dir__ = attach(__name__, EXPORTS)

"""Texts with labels, told apart by a model with a classification head and by what it has to beat (chapter 11).

==================  ===================================================================================
`labelled_texts`    anybody's texts with labels: read, brought to one form, cleaned and split
`macro_f1`          macro F1 with its interval, and the difference between two classifiers
`baseline`          TF-IDF of characters and words with a linear support vector machine
==================  ===================================================================================
"""

from emotion_utils.core.lazy import attach

EXPORTS = {
    "LabelledTexts": "labelled_texts",
    "labelled_texts_of": "labelled_texts",
    "read_labelled_texts": "labelled_texts",
    "macro_f1_interval": "macro_f1",
}

__getattr__, __dir__ = attach(__name__, EXPORTS)

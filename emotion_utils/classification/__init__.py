"""Texts with labels, told apart by a model with a classification head and by what it has to beat (chapter 11).

==================  ===================================================================================
`labelled_texts`    anybody's texts with labels: read, brought to one form, cleaned and split
`macro_f1`          macro F1 with its interval, and the difference between two classifiers
`baseline`          TF-IDF of characters and words with a linear support vector machine
`classifier`        a model with a classification head, and what it says of texts
`conditioned`       its logits under interventions
`settings`          how it is fine-tuned: the report's settings, and those for the bundled miniatures
`fine_tuning`       the training of all its weights
`trainer`           Transformers' Trainer on batches in a given order, its state in a store
==================  ===================================================================================
"""

from emotion_utils.core.lazy import attach

EXPORTS = {
    "FineTuning": "settings",
    "LabelledTexts": "labelled_texts",
    "TextClassifier": "classifier",
    "conditioned_logits": "conditioned",
    "fine_tune": "fine_tuning",
    "fit_baseline": "baseline",
    "labelled_texts_of": "labelled_texts",
    "predictions": "classifier",
    "read_labelled_texts": "labelled_texts",
    "usual_fine_tuning": "settings",
    "macro_f1_interval": "macro_f1",
}

__getattr__, __dir__ = attach(__name__, EXPORTS)

"""Training the emotion classifier, against scikit-learn's own defaults on the same texts.

Ours also draws the texts from the grammar of the small world, which the other is spared. Both are counted in seconds of
the processor, and it is ours that is judged: a scorer is trained in every process that asks for it.
"""

from __future__ import annotations

import time
from itertools import count

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from emotion_utils.runtime.benchmarking import Row, in_turns, record
from emotion_utils.scoring import trained_classifier
from emotion_utils.scoring.classifier import training_texts

REPEATS = 5


def main() -> None:
    texts, seeds = training_texts(0), count(1)  # each training has a seed of its own: nothing is remembered
    ours, other = in_turns(
        lambda: trained_classifier(next(seeds)),
        lambda: make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(
            texts["text"].tolist(), texts["emotion"].tolist()
        ),
        REPEATS,
        clock=time.process_time,
    )
    unit = "ours, texts drawn, over scikit-learn's defaults, texts given; seconds of the processor"
    record(Row("classifier_training", ours, other, ours / other, unit, REPEATS))


if __name__ == "__main__":
    main()

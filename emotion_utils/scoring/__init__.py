"""Scorers of generated text: each is an object with a name, a range, a direction and its limits."""

from __future__ import annotations

from emotion_utils.core.lazy import attach
from emotion_utils.scoring.classifier import (
    EmotionClassifier,
    confusion,
    emotion_probability,
    held_out_predictions,
    steered_predictions,
    trained_classifier,
    training_texts,
)
from emotion_utils.scoring.divergence import kl_divergence
from emotion_utils.scoring.fluency import distinct_ngrams, repeated_ngrams
from emotion_utils.scoring.grammar import emotion_shift, grammatical, target_reply
from emotion_utils.scoring.hub import HUB_CLASSIFIERS, HubClassifier, hub_probability, load_hub_classifier
from emotion_utils.scoring.judge import Judge, genuine_nll, relative_perplexity
from emotion_utils.scoring.lexical import keyword_count, vader_sentiment
from emotion_utils.scoring.politeness import politeness, politeness_marker
from emotion_utils.scoring.replies import (
    first_reply,
    genuine_replies,
    reply_emotion,
    reply_emotions,
    sample_replies,
    splice,
)
from emotion_utils.scoring.scorer import Scorer, score, scorer_table

__all__ = [
    "HUB_CLASSIFIERS",
    "EmotionClassifier",
    "HubClassifier",
    "Judge",
    "Scorer",
    "confusion",
    "distinct_ngrams",
    "emotion_probability",
    "emotion_shift",
    "first_reply",
    "genuine_nll",
    "genuine_replies",
    "grammatical",
    "held_out_predictions",
    "hub_probability",
    "keyword_count",
    "kl_divergence",
    "load_hub_classifier",
    "politeness",
    "politeness_marker",
    "relative_perplexity",
    "repeated_ngrams",
    "reply_emotion",
    "reply_emotions",
    "sample_replies",
    "score",
    "scorer_table",
    "splice",
    "steered_predictions",
    "target_reply",
    "trained_classifier",
    "training_texts",
    "vader_sentiment",
]

__getattr__, __dir__ = attach(__name__)

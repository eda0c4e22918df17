"""Scorers of generated text: each is an object with a name, a range, a direction and its limits."""

from emotion_utils.core.lazy import attach

EXPORTS = {
    "EmotionClassifier": "classifier",
    "confusion": "classifier",
    "emotion_probability": "classifier",
    "held_out_predictions": "classifier",
    "steered_predictions": "classifier",
    "summarise_accuracy": "classifier",
    "trained_classifier": "classifier",
    "training_texts": "classifier",
    "kl_divergence": "divergence",
    "distinct_ngrams": "fluency",
    "repeated_ngrams": "fluency",
    "emotion_shift": "grammar",
    "grammatical": "grammar",
    "target_reply": "grammar",
    "HUB_CLASSIFIERS": "hub",
    "HubClassifier": "hub",
    "hub_probability": "hub",
    "load_hub_classifier": "hub",
    "Judge": "judge",
    "genuine_nll": "judge",
    "relative_perplexity": "judge",
    "keyword_count": "lexical",
    "vader_sentiment": "lexical",
    "politeness_marker": "politeness",
    "first_reply": "replies",
    "genuine_replies": "replies",
    "reply_emotion": "replies",
    "reply_emotions": "replies",
    "sample_replies": "replies",
    "splice": "replies",
    "Scorer": "scorer",
    "score": "scorer",
    "scorer_table": "scorer",
}

__getattr__, __dir__ = attach(__name__, EXPORTS)

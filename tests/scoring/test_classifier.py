"""The emotion classifier: scikit-learn by hand, held-out wordings, steered texts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.core.errors import UserError
from emotion_utils.prompts.bag_of_words import PENALTY, WORD_OR_MARK
from emotion_utils.scoring import (
    confusion,
    emotion_probability,
    first_reply,
    held_out_predictions,
    own_classifier,
    steered_predictions,
    summarise_accuracy,
    trained_classifier,
    training_texts,
)
from emotion_utils.scoring.classifier import unspaced

REPLIES = ["Thank you so much!", "Get out of my sight.", "It was all my fault.", "The bus leaves at noon."]


@pytest.fixture(scope="module")
def held_out():
    return held_out_predictions()


def test_probabilities_are_those_of_scikit_learn_by_hand():
    known = training_texts(seed=0)
    count = CountVectorizer(token_pattern=WORD_OR_MARK, ngram_range=(1, 2))
    weigh = TfidfTransformer(sublinear_tf=True)
    x = weigh.fit_transform(count.fit_transform(known["text"].map(first_reply)))
    model = LogisticRegression(C=PENALTY, tol=1e-3, max_iter=300).fit(x, known["emotion"].astype(str))
    by_hand = model.predict_proba(weigh.transform(count.transform(REPLIES)))
    ours = trained_classifier().probabilities(REPLIES)
    order = [list(model.classes_).index(emotion) for emotion in EMOTIONS]
    np.testing.assert_allclose(ours, by_hand[:, order], atol=1e-6)
    np.testing.assert_allclose(ours.sum(axis=1), 1)


def test_it_is_trained_once_per_process_and_seed():
    assert trained_classifier() is trained_classifier()


def test_no_wording_is_in_two_folds_and_all_emotions_are_balanced_enough(held_out):
    texts = training_texts()
    assert texts["text"].is_unique
    assert texts["group"].nunique() > 150
    assert texts["emotion"].value_counts(normalize=True).min() > 0.2
    world = texts[texts["source"] == "small world"]
    assert world.groupby("group")["emotion"].nunique().max() == 1
    assert len(held_out) == len(texts)


def test_held_out_wordings_are_classified_far_above_chance(held_out):
    right = held_out["emotion"] == held_out["predicted"]
    by_source = right.groupby(held_out["source"]).mean()
    assert by_source["small world"] > 0.75
    assert by_source["powered"] > 0.9
    assert by_source["real_world"] > 0.55
    table = confusion(held_out)
    np.testing.assert_array_equal(
        table.loc[list(EMOTIONS), list(EMOTIONS)],
        confusion_matrix(held_out["emotion"].astype(str), held_out["predicted"].astype(str), labels=EMOTIONS),
    )


def test_the_score_is_the_probability_of_the_row_s_emotion():
    scores = emotion_probability()(REPLIES, emotions=list(EMOTIONS))
    found = trained_classifier().probabilities(REPLIES)
    np.testing.assert_allclose(scores, np.diag(found))
    assert (scores > 0.5).all()
    np.testing.assert_allclose(emotion_probability()(REPLIES, emotions="anger"), found[:, 1])
    assert trained_classifier().predict(REPLIES) == list(EMOTIONS)
    with pytest.raises(UserError, match='"joy" is not known'):
        emotion_probability()(REPLIES, emotions="joy")


def test_only_the_first_reply_counts():
    texts = ['Thank you." I am furious with you.', "Thank you."]
    scores = emotion_probability()(texts, emotions="gratitude")
    assert scores[0] == scores[1]


def test_a_text_without_a_known_word_is_undecided():
    texts = ["", "ありがとう", "qqq zzz"]
    assert np.isnan(trained_classifier().probabilities(texts)).all()
    assert trained_classifier().predict(texts) == ["undecided"] * 3
    assert trained_classifier().probabilities([]).shape == (0, 4)


def test_steered_texts_are_held_against_the_replies_of_the_small_world():
    table = pd.DataFrame({"text": ["Thank you very much.", "Get out of my sight.", "Zebras"], "alpha": 1.0})
    found = steered_predictions(table)
    assert found["emotion"].tolist() == ["gratitude", "anger", "undecided"]
    assert found["predicted"].tolist()[:2] == ["gratitude", "anger"]
    counts = confusion(found)
    assert counts.loc["gratitude", "gratitude"] == counts.loc["anger", "anger"] == 1
    assert counts.loc["undecided"].sum() == 1
    assert counts.to_numpy().sum() == 3
    with pytest.raises(UserError, match='no column "text"'):
        steered_predictions(table.drop(columns="text"))


def test_texts_without_a_true_emotion_do_not_count_for_the_accuracy():
    names = ["anger", "apology", "undecided"]
    counts = pd.DataFrame([[6, 1, 1], [0, 2, 0], [0, 5, 0]], index=names, columns=names)
    assert summarise_accuracy(counts) == "80.0% of 10"
    assert summarise_accuracy(counts.loc[["undecided"]]) == "none of 0"


def test_own_labels_are_told_by_the_same_weights_as_scikit_learn_by_hand():
    texts = ["Sun and songs!", 'songs, "dance" and sun', "rain and debts", "debts? a doctor"]
    table = pd.DataFrame({"text": texts, "emotion": ["joy", "joy", "worry", "worry"]})
    counts = CountVectorizer(token_pattern=WORD_OR_MARK, ngram_range=(1, 2))
    weigh = TfidfTransformer(sublinear_tf=True)
    x = weigh.fit_transform(counts.fit_transform(texts))
    fitted = LogisticRegression(C=PENALTY, tol=1e-3, max_iter=300).fit(x, table["emotion"])
    new = ['A song, "sun" and debts', "rain"]
    expected = fitted.predict_proba(weigh.transform(counts.transform(new)))
    trained = own_classifier(table)
    assert trained.labels == ("joy", "worry")
    np.testing.assert_allclose(trained.probabilities(new), expected, atol=1e-8)
    scores = emotion_probability(trained)(new, emotions="worry")
    np.testing.assert_allclose(scores, expected[:, 1], atol=1e-8)
    with pytest.raises(UserError, match="not known: choose joy and worry"):
        emotion_probability(trained)(new, emotions="anger")


def test_where_no_spaces_are_written_characters_stand_for_words():
    happy, worried = (
        ["嬉しい日だった", "とても嬉しい", "嬉しくて踊った"],
        ["不安で眠れない", "とても不安だ", "将来が不安"],
    )
    table = pd.DataFrame({"text": happy + worried, "emotion": ["喜び"] * 3 + ["不安"] * 3})
    trained = own_classifier(table)
    assert trained.predict(["嬉しかった", "少し不安だった", "xyz"]) == ["喜び", "不安", "undecided"]
    assert not unspaced("He said 嬉しい once.")

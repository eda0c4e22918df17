"""The baseline learns what words tell, chooses its penalty on training texts, and is scikit-learn's own."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from emotion_utils.classification.baseline import UNITS, WORD, fit_baseline
from emotion_utils.core.errors import UserError

TEXTS = [f"{word}の{n}番目です。" for n in range(12) for word in ("りんご", "バナナ", "葡萄")]
LABELS = ["red", "yellow", "purple"] * 12


def test_words_end_where_the_script_changes():
    text = "スマホの設定をPCで確認! café 々〆 ﾐｰﾄ123 한국어"
    assert re.findall(WORD, text) == [
        "スマホ",
        "の",
        "設定",
        "を",
        "PC",
        "で",
        "確認",
        "!",
        "café",
        "々〆",
        "ﾐｰﾄ123",
        "한국어",
    ]


@pytest.mark.parametrize("units", UNITS)
def test_it_tells_apart_what_words_tell_apart(units):
    found = fit_baseline(TEXTS, LABELS, units)
    assert found.predict(["りんごが一つ", "この葡萄", "バナナ!"]) == ["red", "purple", "yellow"]
    assert found.predict([]) == []
    best = found.choice["macro_f1"]
    assert found.penalty == found.choice["penalty"][best.argmax()]
    assert found.scores(["りんごが一つ", "この葡萄"]).shape == (2, 3)
    assert np.argmax(found.scores(["りんごが一つ"])) == list(found.pipeline.classes_).index("red")


def test_it_is_scikit_learns_with_the_chosen_penalty():
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghij"))
    texts = ["".join(rng.choice(letters, 12)) for _ in range(120)]
    labels = ["ab" if text.count("a") > text.count("b") else "ba" for text in texts]
    found = fit_baseline(texts[:80], labels[:80], "characters", seed=3)
    assert not found.choice["macro_f1"].isna().any()
    count = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True)
    own = make_pipeline(count, LinearSVC(C=found.penalty, random_state=3)).fit(texts[:80], labels[:80])
    assert found.predict(texts[80:]) == own.predict(texts[80:]).tolist()
    scores = found.scores(texts[80:])
    np.testing.assert_allclose(scores[:, 1], own.decision_function(texts[80:]))
    np.testing.assert_allclose(scores[:, 0], -scores[:, 1])


def test_a_label_with_one_text_leaves_nothing_to_choose_by():
    found = fit_baseline([*TEXTS, "めろん"], [*LABELS, "green"])
    assert found.choice["macro_f1"].isna().all()
    assert "green" in found.predict(["めろん"])


def test_emoji_alone_get_a_label():
    assert fit_baseline(TEXTS, LABELS).predict(["😀😀"])[0] in set(LABELS)


def test_what_cannot_be_fitted_is_named():
    with pytest.raises(UserError, match='There are no units "word": did you mean "words"'):
        fit_baseline(TEXTS, LABELS, "word")
    with pytest.raises(UserError, match="The training texts have 1 label"):
        fit_baseline(TEXTS, ["a"] * len(TEXTS))

"""The bag-of-words baseline: planted truth, scikit-learn by hand, and a null that holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.core.errors import UserError
from emotion_utils.prompts import bag_of_words as prompts_bag_of_words
from emotion_utils.prompts.bag_of_words import (
    PENALTY,
    Fold,
    across,
    log_odds,
    predict,
    within,
    words_and_marks,
)
from emotion_utils.prompts.lexical_baseline import (
    bag_of_words,
    beside_largest,
    folded_log_odds,
    lexicality,
    mean_auroc,
    summarise_lexicality,
    telling_words,
)
from emotion_utils.statistics.permutations import permute_blocks

FILLER = [f"word{i}" for i in range(60)]


def planted(n: int, seed: int, signal: float, emotions=EMOTIONS, family: int = 3) -> pd.DataFrame:
    """Random words; with probability `signal` a word that only its emotion has."""
    rng = np.random.default_rng(seed)
    rows = []
    for emotion in emotions:
        for i in range(n):
            words = list(rng.choice(FILLER, size=5))
            words += [f"mark{emotion}"] if rng.random() < signal else []
            rows.append((" ".join(words), emotion, f"{seed}/{emotion}/{i // family}"))
    prompts = pd.DataFrame(rows, columns=["text", "emotion", "group"])
    return prompts.assign(pair_id=None, id=[f"{seed}-{i}" for i in range(len(prompts))])


def scores(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index("metric")


def test_words_that_only_one_emotion_has_are_learned_in_full():
    rows = scores(bag_of_words(planted(30, 0, 1.0), n_permutations=19))
    assert rows["value"].tolist() == [1.0] * 4
    assert rows["p"].tolist() == [0.05] * 4
    assert rows.loc["accuracy", ["chance", "n", "n_groups"]].tolist() == [0.25, 120, 40]
    assert rows.loc["AUROC anger", ["chance", "n", "n_groups"]].tolist() == [0.5, 60, 20]
    assert rows.loc["accuracy", "null"] == pytest.approx(0.25, abs=0.08)


def test_where_there_is_nothing_to_learn_p_is_uniform():
    two = ("anger", "neutral")
    ps = [
        bag_of_words(
            planted(16, s, 0.0, two, family=2), n_permutations=19, folds=2, n_resamples=9, seed=s
        ).loc[0, "p"]
        for s in range(1, 31)
    ]
    # Binomial(30, 0.05) exceeds 5 once in 300; the mean lies within 0.16 of its expectation 99 times in 100
    assert sum(p <= 0.05 for p in ps) <= 5
    assert np.mean(ps) == pytest.approx(0.525, abs=0.16)


def test_families_make_the_null_wider_than_single_rows_would():
    # each family has its own word: rows are copies of each other, so that there are 16 things to learn from, not 80
    prompts = planted(20, 5, 0.0, family=5)
    prompts["text"] += " " + prompts["group"].str.replace("/", "")
    assert bag_of_words(prompts, n_permutations=19, folds=3).loc[0, "p"] > 0.05


def test_the_numbers_are_those_of_scikit_learn_by_hand():
    prompts = planted(20, 7, 0.5)
    units = pd.factorize(prompts["group"])[0]
    log_p = np.zeros((len(prompts), 4))
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(prompts, prompts["emotion"], units)
    for a, b in folds:
        vectors = TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True)  # noqa: S106
        vectors.fit(prompts["text"].iloc[a])
        model = LogisticRegression(C=PENALTY, tol=1e-3, max_iter=300)
        model.fit(vectors.transform(prompts["text"].iloc[a]), prompts["emotion"].iloc[a])
        log_p[b] = model.predict_log_proba(vectors.transform(prompts["text"].iloc[b]))
    classes = sorted(EMOTIONS)
    rows = scores(bag_of_words(prompts, n_permutations=0))
    accuracy = (np.array(classes)[log_p.argmax(1)] == prompts["emotion"]).mean()
    assert rows.loc["accuracy", "value"] == pytest.approx(accuracy, abs=1e-9)
    for emotion in EMOTIONS[:-1]:
        two = prompts["emotion"].isin([emotion, "neutral"]).to_numpy()
        difference = log_p[:, classes.index(emotion)] - log_p[:, classes.index("neutral")]
        area = roc_auc_score(prompts["emotion"][two] == emotion, difference[two])
        assert rows.loc[f"AUROC {emotion}", "value"] == pytest.approx(area, abs=1e-9)
    assert (rows["low"] <= rows["value"]).all()
    assert (rows["value"] <= rows["high"]).all()


def test_across_sets_only_what_both_share_helps_and_shared_families_are_left_out():
    keyword, implicit = planted(30, 0, 1.0), planted(30, 1, 0.0)
    same = planted(30, 2, 1.0)
    table = lexicality(
        {"keyword": keyword, "implicit": implicit, "same": same},
        {"k": ("keyword", "implicit"), "s": ("keyword", "same")},
        n_permutations=2,
    )
    value = table[table["metric"] == "accuracy"].set_index(["train", "test"])["value"]
    assert value["keyword", "same"] == 1.0
    assert value["keyword", "implicit"] < 0.45
    assert value["implicit", "held-out folds"] < 0.45
    # a test set that contains the training families leaves nothing of them to train on
    extra = pd.concat([keyword, same], ignore_index=True)
    assert bag_of_words(extra, same, n_permutations=0).loc[0, "value"] == 1.0
    flipped = keyword.assign(
        emotion=keyword["emotion"].map(dict(zip(EMOTIONS, EMOTIONS[1:] + EMOTIONS[:1], strict=True)))
    )
    mixed = pd.concat([flipped, same], ignore_index=True)
    assert bag_of_words(mixed, same, n_permutations=0).loc[0, "value"] == 0.0


def test_two_emotions_are_enough_and_one_is_not():
    two = planted(20, 0, 1.0, emotions=("anger", "neutral"))
    assert bag_of_words(two, n_permutations=0)["metric"].tolist() == ["accuracy", "AUROC anger"]
    one = bag_of_words(planted(30, 0, 1.0, emotions=("anger",)), n_permutations=0)
    assert one["value"].isna().all()
    assert one.loc[0, "note"].startswith("one emotion only")


def test_too_few_groups_are_said_and_not_scored():
    rows = bag_of_words(planted(4, 0, 1.0, family=4))
    assert rows["value"].isna().all()
    assert rows.loc[0, "note"] == "4 groups, at least 8 are needed"


def test_blocks_keep_a_common_label_and_all_labels_are_kept():
    labels = np.array(["a", "a", "b", "b", "c", "c"], dtype=object)
    blocks = np.array([0, 0, 1, 1, 2, 2])
    seen = set()
    for seed in range(60):
        shuffled = permute_blocks(labels, blocks, np.random.default_rng(seed))
        assert (shuffled[::2] == shuffled[1::2]).all()
        seen.add(tuple(shuffled[::2]))
    assert len(seen) == 6


def test_the_telling_word_of_each_emotion_is_the_planted_one():
    rows = telling_words(planted(30, 0, 1.0), top=1)
    assert rows["word"].tolist() == [f"mark{emotion}" for emotion in EMOTIONS]


def test_the_reading_says_value_null_and_verdict():
    table = lexicality({"set": planted(30, 0, 1.0), "tiny": planted(4, 0, 1.0, family=4)}, n_permutations=19)
    said = summarise_lexicality(table, "set")
    # Wilson's bound of 40 units of 40, with the tails of t
    assert (
        "*set*, held-out folds: **100%** (91% to 100%) is better than always naming the largest class, 25%, "
        in said
    )
    assert "and above its null" in said
    assert "p = 0.05, n = 120 prompts in 40 units" in said
    assert "*tiny*, held-out folds: not scored, 4 groups, at least 8 are needed." in said


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.51, 0.6, "better than"),
        (0.5, 0.6, "no better than"),
        (0.3, 0.49, "worse than"),
        (0.3, 0.5, "no better than"),
    ],
)
def test_an_accuracy_stands_beside_the_largest_class(low, high, word):
    assert beside_largest(low, high, 0.5) == word


def test_mean_aurocs_are_of_one_comparison():
    columns = ["train", "test", "metric", "value"]
    rows = [("a", "held-out folds", "AUROC x", 0.6), ("a", "held-out folds", "AUROC y", 0.8)]
    rows += [
        ("a", "held-out folds", "accuracy", 0.1),
        ("a", "b", "AUROC x", 0.5),
        ("c", "b", "AUROC x", np.nan),
    ]
    table = pd.DataFrame(rows, columns=columns)
    assert mean_auroc(table, "a") == pytest.approx(0.7)
    assert mean_auroc(table, "a", "b") == 0.5
    assert mean_auroc(table, "c", "b") is None
    assert mean_auroc(table, "d") is None


def test_the_reading_compares_implicit_with_the_profile():
    def rows(train: str, test: str, area: float) -> dict:
        return {"train": train, "test": test, "metric": "AUROC anger", "value": area}

    def said(implicit: float) -> str:
        parts = [
            rows("p", "held-out folds", 0.97),
            rows("implicit", "held-out folds", implicit),
            rows("p", "implicit", 0.7),
        ]
        return summarise_lexicality(pd.DataFrame(parts), "p")

    assert "*implicit* is almost as easy as *p* (0.92 against 0.97)" in said(0.92)
    assert "*implicit* is harder than *p* (0.60 against 0.97)" in said(0.60)
    assert "reaches 0.70 there" in said(0.92)


def test_a_bag_of_words_that_has_not_settled_is_refused(monkeypatch):
    hurried = LogisticRegression(C=PENALTY, tol=1e-3, max_iter=2)
    monkeypatch.setattr(prompts_bag_of_words, "classifier", lambda: hurried)
    with pytest.raises(UserError, match="not settled after 2 steps on 96 prompts"):
        bag_of_words(planted(30, 0, 0.5), n_permutations=1)


# --- labels of any kind


def test_without_a_reference_each_label_stands_against_all_others_as_scikit_learn_has_it():
    moods = ("joy", "worry", "calm", "dread")
    prompts = planted(20, 3, 0.5, emotions=moods)
    units, classes = pd.factorize(prompts["group"])[0], sorted(moods)
    chances = np.zeros((len(prompts), 4))
    for a, b in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(
        prompts, prompts["emotion"], units
    ):
        vectors = TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True)  # noqa: S106
        model = LogisticRegression(C=PENALTY, tol=1e-3, max_iter=300)
        model.fit(vectors.fit_transform(prompts["text"].iloc[a]), prompts["emotion"].iloc[a])
        chances[b] = model.predict_proba(vectors.transform(prompts["text"].iloc[b]))
    rows = scores(bag_of_words(prompts, n_permutations=0))
    assert rows.index.tolist() == ["accuracy", *(f"AUROC {mood}" for mood in sorted(moods))]
    for i, mood in enumerate(classes):
        area = roc_auc_score(prompts["emotion"] == mood, chances[:, i])
        assert rows.loc[f"AUROC {mood}", ["value", "n"]].tolist() == pytest.approx([area, 80], abs=1e-9)


def test_a_reference_is_what_the_others_are_told_from_whatever_they_are_called():
    moods = planted(20, 3, 0.5, emotions=("joy", "worry", "neutral"))
    book = moods.assign(emotion=moods["emotion"].replace({"joy": "anger", "worry": "gratitude"}))
    ours, theirs = (scores(bag_of_words(table, n_permutations=9)) for table in (moods, book))
    assert ours.loc["AUROC joy", "n"] == 40
    values = ["value", "low", "high"]
    assert ours.loc["AUROC joy", values].tolist() == pytest.approx(theirs.loc["AUROC anger", values].tolist())


def test_two_labels_without_a_reference_mirror_each_other():
    rows = scores(bag_of_words(planted(20, 1, 0.6, emotions=("joy", "worry")), n_permutations=9))
    assert rows.loc["AUROC joy", "value"] == pytest.approx(rows.loc["AUROC worry", "value"], abs=1e-12)
    assert 0.6 < rows.loc["AUROC joy", "value"] < 1


def test_thirty_labels_are_told_apart():
    labels = tuple(f"label {i:02d}" for i in range(30))
    rows = scores(bag_of_words(planted(6, 0, 1.0, emotions=labels, family=1), n_permutations=1))
    assert len(rows) == 31
    assert rows.loc["accuracy", ["value", "chance"]].tolist() == pytest.approx([1.0, 1 / 30])
    assert (rows["value"] == 1.0).all()


def test_log_odds_are_those_of_the_probabilities_also_at_the_ends():
    p = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3]])
    odds = log_odds(np.log(p), ("joy", "sad", "worry"), "sad")
    assert odds == pytest.approx(np.log(p[:, 1] / (1 - p[:, 1])))
    assert log_odds(np.log(p), ("joy", "sad", "neutral"), "sad") == pytest.approx(np.log(p[:, 1] / p[:, 2]))
    # 1 - p would round to 0, and its logarithm would not be finite
    sure = np.array([[0.0, -800.0, -801.0]])
    assert log_odds(sure, ("a", "b", "c"), "a") == pytest.approx(800 - np.log1p(np.exp(-1)))
    gone = np.array([[-np.inf, -0.1, -2.0], [-np.inf, -np.inf, 0.0], [-np.inf] * 3])
    for names in (("a", "b", "c"), ("a", "b", "neutral")):
        for name in names[:2]:
            assert np.isfinite(log_odds(gone, names, name)).all()
        assert log_odds(gone, names, "a")[0] == -np.finfo(float).max
        assert log_odds(gone, names, "b")[2] == 0


def test_a_class_that_no_training_row_has_and_a_fold_of_one_class_are_predicted():
    prompts = planted(6, 0, 1.0, emotions=("joy", "worry", "dread"), family=1)
    labels = prompts["emotion"].to_numpy(dtype=object)
    whole = within(prompts, 3, 0)(labels)[0]
    rows = np.flatnonzero(labels[whole.train] == "joy")
    only = Fold(whole.train[rows], whole.test, whole.x_train[rows], whole.x_test)
    found = predict([only], labels, len(prompts), ("dread", "joy", "worry"))
    assert (found[whole.test] == [-np.inf, 0, -np.inf]).all()
    assert np.isfinite(log_odds(found, ("dread", "joy", "worry"), "joy")).all()
    two = np.flatnonzero(labels[whole.train] != "dread")
    some = Fold(whole.train[two], whole.test, whole.x_train[two], whole.x_test)
    found = predict([some], labels, len(prompts), ("dread", "joy", "worry"))[whole.test]
    assert (found[:, 0] == -np.inf).all()
    assert np.exp(found).sum(axis=1) == pytest.approx(1)


def test_small_classes_have_fewer_folds_and_classes_of_one_are_not_scored():
    prompts = planted(3, 0, 1.0, emotions=("a", "b", "c", "d"), family=1)
    assert bag_of_words(prompts, n_permutations=1).loc[0, "value"] >= 0.5
    single = planted(1, 0, 1.0, emotions=tuple("abcdefghij"), family=1)
    rows = bag_of_words(single, n_permutations=1)
    assert rows.loc[0, "note"] == "one prompt of each emotion, at least two are needed"
    assert rows["value"].isna().all()


def test_training_texts_that_all_cross_into_the_test_are_refused():
    prompts = planted(6, 0, 1.0)
    with pytest.raises(UserError, match="All 24 texts to train a bag of words on share a group"):
        across(prompts, prompts)


def test_writing_without_spaces_is_cut_into_characters_and_pairs():
    assert words_and_marks("It's fine, 2nd time!") == ["it's", "fine", ",", "2nd", "time", "!"]
    assert words_and_marks("嬉しい！") == ["嬉", "し", "い", "嬉し", "しい", "！"]
    assert words_and_marks("OK、行こう") == ["行", "こ", "う", "行こ", "こう", "ok", "、"]
    assert words_and_marks("오늘은 좋은 날") == ["오늘은", "좋은", "날"]
    # no two texts have a stretch between marks in common, only the word in it
    rows = [(f"{a}{word}{b}です。", label) for label, word in (("喜び", "嬉しい"), ("悲しみ", "泣いた"))
            for a in "春夏秋冬" for b in "朝昼夜晩"]  # fmt: skip
    prompts = pd.DataFrame(rows, columns=["text", "emotion"]).assign(pair_id=None)
    prompts = prompts.assign(group=prompts["text"], id=prompts["text"])
    assert bag_of_words(prompts, n_permutations=19).loc[0, ["value", "p"]].tolist() == [1.0, 0.05]
    words = telling_words(prompts, top=3).groupby("emotion")["word"].agg(set)
    assert words["喜び"] <= {"嬉", "し", "嬉し", "しい"}


def test_telling_words_stand_in_the_order_of_the_labels():
    rows = telling_words(planted(20, 0, 1.0, emotions=("worry", "neutral", "joy", "anger")), top=1)
    assert rows["word"].tolist() == ["markanger", "markjoy", "markworry", "markneutral"]
    rows = telling_words(planted(20, 0, 1.0, emotions=("worry", "joy")), top=1)
    assert rows["word"].tolist() == ["markjoy", "markworry"]


def test_the_reading_says_what_labels_are_told_from():
    table = lexicality({"mine": planted(20, 0, 1.0, emotions=("joy", "worry"))}, n_permutations=9)
    assert "Told from all others, one emotion at a time" in summarise_lexicality(table, "mine", "all others")
    assert "implicit" not in summarise_lexicality(table, "mine", "all others")
    few = lexicality({"mine": planted(4, 0, 1.0, emotions=("joy", "worry"), family=4)})
    assert "Told from" not in summarise_lexicality(few, "mine", "all others")


def test_log_odds_of_folds_are_those_that_the_baseline_is_scored_by():
    table = planted(30, 0, 0.5)
    odds = folded_log_odds(table, seed=3)
    expected = scores(bag_of_words(table, n_permutations=0, seed=3))["value"]
    for emotion in odds:
        rows = table[table["emotion"].isin([emotion, "neutral"])]
        area = roc_auc_score(rows["emotion"] == emotion, odds.loc[rows["id"], emotion])
        assert area == pytest.approx(expected[f"AUROC {emotion}"])

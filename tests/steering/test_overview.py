"""A trial from beginning to end on few contexts, and the summary of several models in the store."""

from __future__ import annotations

import own_labels
import pandas as pd
import pytest

from emotion_utils.core.profiles import SteeringSize
from emotion_utils.core.store import Store
from emotion_utils.scoring.classifier import own_classifier
from emotion_utils.scoring.panel import WORDS, OwnPanel
from emotion_utils.steering import overview, screening, trials
from emotion_utils.steering.controls import KINDS
from emotion_utils.steering.plan import MAP
from emotion_utils.steering.subject import prepare

TINY = SteeringSize(2, 3, 2, 2, 3, 2)


@pytest.fixture(scope="module")
def trial(steered_model, implicit):
    return overview.trial(steered_model, implicit, TINY, strengths=(0.5, 1.0))


def test_a_trial_chooses_on_one_split_and_scores_on_another(trial, implicit):
    splits = implicit.set_index("text")["split"]
    assert set(splits[trial.sweep["context"].unique()]) == {"select"}
    for texts in (trial.steered, trial.untouched, trial.controls):
        assert set(splits[texts["context"].unique()]) == {"test"}
    assert len(trial.screened) == 3 * 2 * 3 * 4 * 2  # kinds, windows, emotions, layers, strengths
    assert len(trial.sweep) == 3 * screening.FINALISTS * 2
    assert len(trial.steered) == len(trial.untouched) == 3 * 3
    assert len(trial.controls) == 3 * (3 + 2) * 2


def test_the_summary_is_read_from_the_texts(trial):
    table = trial.summary().set_index("emotion")
    for emotion, row in table.iterrows():
        own = trial.steered[trial.steered["emotion"] == emotion]
        random = trial.controls[
            (trial.controls["emotion"] == emotion) & ~trial.controls["kind"].str.startswith("vector of")
        ]
        assert row["share"] == own["target"].mean()
        assert row["control"] == pytest.approx(random["target"].mean())
        assert row["controls"] == 3
        assert row["beyond_random"] == (row["p"] <= overview.LEVEL)
        assert row["steered"] == (row["share"] >= trials.GOAL and row["cost"] <= trials.BUDGET)
        assert (row["layer"], row["alpha"]) == (
            trial.chosen[emotion]["layer"],
            trial.chosen[emotion]["alpha"],
        )


def test_main_findings_are_those_of_the_summary(trial):
    found, table = trial.findings().set_index("finding"), trial.summary().set_index("emotion")
    for emotion, row in table.iterrows():
        own = found.loc[f"{emotion}: share of test texts that say it, steered"]
        assert (own["value"], own["null"]) == (row["share"], row["control"])
        assert found.loc[f"{emotion}: p against random vectors", "value"] == row["p"]
    assert found.loc["relative depth of the chosen layers, mean", "value"] == (table["layer"] + 1).mean() / 4
    assert 4 <= len(found) <= 10


def test_the_map_has_the_chosen_setting_and_every_strength_at_each_layer(steered_model, implicit, trial):
    shown = overview.shown_map(steered_model, implicit, trial)
    for emotion, row in trial.chosen.items():
        own = shown[(shown["emotion"] == emotion) & (shown["alpha"] != 0)]
        assert set(own["layer"]) == {0, 1, 2, 3}
        assert set(own["alpha"]) == {*MAP, row["alpha"]} - {0.0}
        assert set(own["where"]) == {row["where"]}


def test_a_trial_that_is_known_is_not_made_again(steered_model, implicit, trial, tmp_path, monkeypatch):
    monkeypatch.setattr(overview, "trial", lambda *a, **k: pytest.fail("made again"))
    found = overview.overview(["small-gpt2"], implicit, TINY, Store(tmp_path), (steered_model, trial))
    pd.testing.assert_frame_equal(found.drop(columns="model"), trial.summary())


def test_the_summary_of_a_model_is_kept_and_made_anew_for_another_seed(implicit, tmp_path, monkeypatch):
    made = []
    real = overview.prepare
    monkeypatch.setattr(overview, "prepare", lambda *a, **k: made.append(a[0].name) or real(*a, **k))
    store = Store(tmp_path)
    one = overview.overview(["small-gpt2"], implicit, TINY, store, first="small-gpt2")
    again = overview.overview(["small-gpt2"], implicit, TINY, store)
    assert made == ["small-gpt2"]
    pd.testing.assert_frame_equal(one, again)
    overview.overview(["small-gpt2"], implicit, TINY, store, seed=1)
    assert made == ["small-gpt2"] * 2


def test_a_model_passes_by_all_of_its_emotions_and_vectors():
    rows = [
        ("one", "anger", 0.9, True, 0.08, 10, 0.03, True),
        ("one", "apology", 1.0, True, 0.02, 10, 0.2, False),
        ("two", "anger", 0.1, False, 0.2, 10, 0.9, False),
    ]
    columns = ["model", "emotion", "share", "steered", "control", "controls", "p", "beyond_random"]
    table = pd.DataFrame(rows, columns=columns)
    found = overview.passed(table).set_index("model")
    assert found.loc["one", ["steered", "beyond_random", "emotions", "controls"]].tolist() == [2, 1, 2, 20]
    assert found.loc["one", ["share", "p_low", "p_high"]].tolist() == pytest.approx([0.95, 0.03, 0.2])
    assert found.loc["one", "control"] == pytest.approx(0.05)
    assert found["controls_fail"].tolist() == [True, False]


def test_models_that_stand_in_one_table_pay_for_each_other():
    table = pd.DataFrame({"p": [0.01, 0.04, 0.9, 0.03], "beyond_random": [True, True, False, True]})
    found = overview.corrected(table)
    assert found["q"].tolist() == pytest.approx([0.04, 0.16 / 3, 0.9, 0.16 / 3])
    assert found["beyond_random"].tolist() == [True, False, False, False]


@pytest.fixture(scope="module", params=[False, True], ids=["speaks", "deaf"])
def own_trial(request, implicit, tmp_path_factory):
    """Of a model that goes on in a label's words once it is pushed there, and of one that never does."""
    model = own_labels.speaker(request.param)
    own = own_labels.texts_of(model.tokenizer, tmp_path_factory.mktemp("own"))
    judge = OwnPanel({WORDS: own_classifier(own).predict})
    steered = prepare(model, implicit, own=own, reader=judge)
    return request.param, steered, overview.trial(steered, implicit, TINY, strengths=(2.0,))


def test_a_model_that_says_the_labels_words_is_steered_and_one_that_does_not_is_not(own_trial):
    deaf, steered, trial = own_trial
    assert list(steered.vectors) == ["minus neutral", "centred"]
    table = trial.summary().set_index("emotion")
    assert sorted(table.index) == ["joy", "worry"]
    assert (table["share"] == (0.0 if deaf else 1.0)).all()
    assert deaf or (table["untouched"] == 0).all()
    words = {e: {w[1:] for w in ws} for e, ws in own_labels.words_of(steered.model.tokenizer).items()}
    for row in trial.steered.itertuples():
        said = set(row.text.split())
        assert deaf or len(said & words[row.emotion]) > len(said) / 2
    assert set(trial.controls["kind"]) == {*KINDS, "vector of joy", "vector of worry"}
    # controls are written as far as the texts that they are held against, since one judge reads both
    assert trial.controls["n_tokens"].max() == trial.steered["n_tokens"].max() == trials.NEW_TOKENS

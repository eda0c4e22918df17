"""Every arm is measured on the same contexts, random vectors in turn, and kept with the run."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.baselines import arms as of_arms
from emotion_utils.core.profiles import SteeringSize
from emotion_utils.core.store import Store
from emotion_utils.steering import overview
from emotion_utils.steering.contexts import fresh_contexts
from emotion_utils.steering.controls import control_settings
from emotion_utils.steering.readout import reply_log_odds
from emotion_utils.steering.trials import chosen_settings, outcomes, run

TINY = SteeringSize(2, 3, 4, 2, 9, 2)


@pytest.fixture(scope="module")
def trial(steered_model, implicit):
    return overview.trial(steered_model, implicit, TINY, strengths=(0.5, 1.0))


@pytest.fixture(scope="module")
def table(steered_model, trial):
    return of_arms.arms(steered_model, trial.chosen, 4, 6)


def test_the_vector_and_the_untouched_model_are_those_of_a_plain_run(table, steered_model, trial):
    contexts, settings = fresh_contexts(4, 0), chosen_settings(steered_model, trial.chosen)
    odds = reply_log_odds(steered_model, contexts, settings).set_index(["emotion", "prompt"])["shift"]
    said = outcomes(steered_model, run(steered_model, contexts, settings), cost=False)
    said = said.set_index(["emotion", "prompt"])["target"]
    own = table[table["arm"] == of_arms.VECTOR].set_index(["emotion", "prompt"])
    assert own["shift"].to_dict() == pytest.approx(odds.to_dict(), abs=1e-4)
    assert own["says_it"].to_dict() == said.to_dict()
    still = table[table["arm"] == of_arms.UNTOUCHED]
    assert still["shift"].abs().max() < 1e-6
    assert table.groupby("arm")["unit"].nunique().to_dict() == dict.fromkeys(of_arms.ARMS, 4)


def test_random_vectors_take_turns_and_are_the_first_of_the_trial(table, steered_model, trial):
    own = table[(table["arm"] == of_arms.RANDOM) & (table["emotion"] == "anger")]
    assert own.groupby("number")["prompt"].apply(list).to_dict() == {
        number: list(range(number % 3, 4, 3)) for number in range(6)
    }
    (setting,) = chosen_settings(steered_model, {"anger": trial.chosen["anger"]})
    ours = of_arms.random_settings(steered_model, setting, 6, 0)
    theirs = [one for one in control_settings(steered_model, setting, 9, 0) if one.kind == of_arms.RANDOM]
    for one, other in zip(ours, theirs, strict=False):
        assert one.vector.tolist() == pytest.approx(other.vector.tolist())
        assert float(one.vector.norm()) == pytest.approx(float(steered_model.unit[setting.layer]), rel=1e-4)


def test_models_are_measured_while_they_are_loaded_and_kept(
    steered_model, implicit, trial, tmp_path, monkeypatch
):
    store, known = Store(tmp_path), (steered_model, trial)
    trials, first = of_arms.beside_models(["small-gpt2"], implicit, TINY, store, known, fresh=False)
    monkeypatch.setattr(of_arms, "arms", lambda *a, **k: pytest.fail("made again"))
    again = of_arms.arms_of_models(["small-gpt2"], implicit, TINY, store, of_arms.chosen_of(trials))
    pd.testing.assert_frame_equal(first, again)
    here = of_arms.arms_here(steered_model, trial.chosen, implicit, TINY, store)
    pd.testing.assert_frame_equal(here, first.drop(columns="model"))
    assert first.groupby(["emotion", "arm"])["prompt"].nunique().eq(4).all()

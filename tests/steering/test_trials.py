"""Texts of settings against the plain model with a hook, and their table by hand."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import steered

from emotion_utils.core.errors import UserError
from emotion_utils.engine.decoding import Sampling
from emotion_utils.engine.interventions import UNTOUCHED
from emotion_utils.scoring import genuine_replies, reply_emotions
from emotion_utils.steering import dose, trials
from emotion_utils.steering.choice import choose
from emotion_utils.steering.subject import MADE


def test_texts_are_those_of_the_plain_model_with_a_hook(steered_model, fresh):
    settings = [
        trials.SteeringSetting("anger", layer, alpha, steered_model.direction("anger", layer), MADE[0])
        for layer, alpha in ((1, 1.0), (2, -0.5), (0, 0.0))
    ]
    table = trials.run(steered_model, fresh.head(3), settings)
    assert len(table) == 9
    for row in table.itertuples():
        ids = steered_model.ids(row.context)
        start = len(ids) - 1
        vector = row.alpha * steered_model.direction("anger", row.layer)
        made = steered.continued(
            steered_model.model.network,
            ids,
            vector,
            row.layer,
            lambda at, s=start: s <= at < s + 2,
            trials.NEW_TOKENS,
        )
        assert row.ids == made
        assert row.context == fresh["context"][row.prompt]


def test_no_strength_is_the_untouched_model(steered_model):
    setting = trials.SteeringSetting("anger", 1, 0.0, steered_model.direction("anger", 1))
    assert setting.condition() is UNTOUCHED


def test_a_place_that_does_not_exist_is_named(steered_model):
    with pytest.raises(UserError, match='cannot be added "evrywhere": did you mean "everywhere"'):
        trials.SteeringSetting("anger", 1, 1.0, steered_model.direction("anger", 1), where="evrywhere")


def test_the_grid_has_every_vector_layer_and_strength(steered_model):
    settings = trials.grid(steered_model, (0.5, 1.0))
    assert len(settings) == 3 * 2 * 3 * 4 * 2
    assert len(trials.grid(steered_model, (0.5,), [1, 3], ["everywhere"])) == 3 * 1 * 3 * 2
    assert len({setting.condition().name for setting in settings}) == len(settings)
    assert all(
        float(s.vector.norm()) == pytest.approx(float(steered_model.unit[s.layer]), rel=1e-5)
        for s in settings
    )


def test_outcomes_say_what_the_replies_of_the_small_world_say(steered_model):
    texts = [' "Thank you very much."', ' "The shop opens at nine."', "xyz", ""]
    table = pd.DataFrame(
        {"text": texts, "emotion": "gratitude", "context": "Tom gave Anna a cup. Anna said to Tom:"}
    )
    found = trials.outcomes(steered_model, table)
    assert [name if isinstance(name, str) else None for name in found["says"]] == reply_emotions(texts)
    assert found["target"].tolist() == [1, 0, 0, 0]
    assert np.isnan(found["relative_perplexity"].iloc[3])
    assert "relative_perplexity" not in trials.outcomes(steered_model, table, cost=False)


@pytest.fixture
def scored():
    rows = [
        ("a", "anger", 1, 0, "anger", 1.0, 2.0),
        ("a", "anger", 1, 1, "apology", 0.0, 0.5),
        ("a", "anger", 1, 2, "neutral", 0.0, np.nan),
        ("b", "anger", 1, 0, None, 0.0, np.nan),
    ]
    columns = ["made", "emotion", "layer", "unit", "says", "target", "relative_perplexity"]
    return pd.DataFrame(rows, columns=columns).assign(alpha=1.0, where=trials.WHERE)


def test_cells_by_hand(scored):
    found = trials.sweep_summary(scored).set_index("made")
    a = found.loc["a"]
    assert a["share"] == pytest.approx(1 / 3)
    assert a["other"] == pytest.approx(1 / 3)
    assert a["cost"] == pytest.approx(np.exp((np.log(2) + np.log(0.5)) / 2))
    assert a["empty"] == pytest.approx(1 / 3)
    assert (a["n"], a["n_units"]) == (3, 3)
    assert np.isnan(a["low"])
    assert np.isnan(found.loc["b", "cost"])
    assert found.loc["b", "other"] == 0


def test_with_eight_units_there_are_intervals_that_hold_the_value():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "made": "a", "where": "w", "emotion": "anger", "layer": 0, "alpha": 1.0,
            "unit": np.repeat(np.arange(10), 3),
            "says": "anger", "target": rng.integers(2, size=30).astype(float),
            "relative_perplexity": np.exp(rng.normal(size=30)),
        }
    )  # fmt: skip
    row = trials.sweep_summary(table).iloc[0]
    assert 0 <= row["low"] < row["share"] < row["high"] <= 1
    assert row["cost_low"] < row["cost"] < row["cost_high"]


def test_rows_of_the_chosen_strength_and_all_windows(steered_model):
    chosen = {"anger": pd.Series({"layer": 1, "alpha": 0.35, "made": MADE[1], "where": trials.SEARCHED[1]})}
    table = pd.DataFrame({"emotion": ["anger", "anger"], "alpha": [0.7, 0.35]})
    assert trials.at_chosen(table, chosen)["alpha"].tolist() == [0.35]
    assert trials.in_doses(table, chosen)["alpha"].tolist() == [2.0, 1.0]
    settings = trials.elsewhere(steered_model, chosen)
    assert [s.where for s in settings] == list(trials.WINDOWS)
    assert all((s.layer, s.alpha, s.made) == (1, 0.35, MADE[1]) for s in settings)
    more = trials.chosen_settings(steered_model, chosen, (-1.0, 2.0))
    assert [(s.alpha, s.where) for s in more] == [(-1.0, trials.SEARCHED[1]), (2.0, trials.SEARCHED[1])]
    assert [s.alpha for s in dose.doses(steered_model, chosen, (-2.0, 1.0))] == [-0.7, 0.35]


def test_kinds_of_contexts_stand_below_each_other(scored):
    scored["text"] = [' "Yes." He left.', ' "Yes." He stayed.', ' "No."', "No"]
    found = trials.by_contexts({"one": scored, "two": scored.head(1)})
    assert found["contexts"].tolist() == ["one", "two"]
    assert found["different"].tolist() == [3, 1]  # Yes. and No. and No
    assert found["share"].tolist() == [0.25, 1.0]


def test_the_explorer_gets_the_chosen_kind_of_vector_once():
    sweep = pd.DataFrame(
        [
            (made, "w" if alpha else "any", "anger", 0, alpha, prompt, f"context {prompt}", "text", 0.0, 1.0)
            for made in MADE[1:2]
            for alpha in (0.0, 1.0)
            for prompt in range(3)
        ],
        columns=[
            "made",
            "where",
            "emotion",
            "layer",
            "alpha",
            "prompt",
            "context",
            "text",
            "target",
            "relative_perplexity",
        ],
    )
    other = sweep[sweep["alpha"] != 0]
    sweep = pd.concat([sweep, other.assign(made=MADE[0]), other.assign(where="other")], ignore_index=True)
    found = trials.for_explorer(sweep, {"anger": pd.Series({"made": MADE[1], "where": "w"})}, 2)
    assert len(found) == 4
    assert set(found["prompt"]) == {"context 0", "context 1"}


WHERE = {
    "end of prompt": lambda at, last: at == last,
    "whole prompt": lambda at, last: at <= last,
    "generated tokens": lambda at, last: at > last,
    "end of prompt and all new tokens": lambda at, last: at >= last,
    "everywhere": lambda at, last: True,
}


def test_windows_are_the_positions_that_their_names_say(steered_model, fresh):
    vector = steered_model.direction("gratitude", 2)
    settings = [trials.SteeringSetting("gratitude", 2, 1.0, vector, MADE[0], where=where) for where in WHERE]
    table = trials.run(steered_model, fresh.head(1), settings, how=Sampling(8))
    ids = steered_model.ids(fresh["context"][0])
    for row in table.itertuples():
        acts = partial(WHERE[row.where], last=len(ids) - 1)
        assert row.ids == steered.continued(steered_model.model.network, ids, vector, 2, acts, 8), row.where
    assert len({tuple(made) for made in table["ids"]}) > 2


TURNS = ["made", "emotion", "layer", "alpha"]


def test_exactly_the_planted_setting_steers_and_is_chosen(planted):
    alphas = (-2.0, 0.0, 0.5, 2.0)
    table = trials.run(
        planted, steered.quoted(), trials.grid(planted, alphas, windows=[trials.WHERE]), how=Sampling(6)
    )
    table = trials.outcomes(planted, table)
    summary = trials.sweep_summary(table)
    turned = summary[summary["share"] > 0]
    assert [tuple(row) for row in turned[TURNS].to_numpy()] == [steered.TURNED]
    assert turned["share"].tolist() == [1.0]
    # at layer 0 the same strength says thanks: another emotion than the vector's
    assert [tuple(r) for r in summary.loc[summary["other"] > 0, TURNS].to_numpy()] == [
        (MADE[1], "apology", 0, 2.0)
    ]
    still = summary[summary["alpha"] == 0]
    assert (still["empty"] == 1).all()  # the untouched model repeats the mark
    assert still["cost"].isna().all()
    chosen = choose(summary[summary["emotion"] == "apology"])["apology"]
    assert (chosen["made"], chosen["layer"], chosen["alpha"]) == (MADE[1], 1, 2.0)


def test_the_cost_is_that_of_the_plain_model_beside_genuine_replies(steered_model, fresh):
    context = fresh["context"][0]
    assert context.endswith('"')  # the reply follows at once, and the mark that closes it is not read
    found = trials.outcomes(
        steered_model, pd.DataFrame({"text": ["Thank you."], "context": context, "emotion": "anger"})
    )["relative_perplexity"][0]
    start, nats = steered_model.ids(context), []
    for reply in ("Thank you.", *genuine_replies("anger")):
        ids = steered_model.ids(context + reply)
        logs = steered.log_probs(steered_model.model.network, ids)
        new = range(len(start), len(ids))
        nats.append(-np.mean([float(logs[at - 1, ids[at]]) for at in new]))
    assert found == pytest.approx(np.exp(nats[0] - np.mean(nats[1:])), rel=1e-3)


def test_an_interval_stands_beside_its_value_where_there_is_one():
    table = pd.DataFrame(
        {"contexts": ["a", "b"], "share": [0.5, 0.25], "low": [0.4, np.nan], "high": [0.6, np.nan],
         "cost": [1.0, 2.0], "cost_low": [0.9, np.nan], "cost_high": [1.2, np.nan], "n_units": [9, 2]}
    )  # fmt: skip
    joined = trials.with_intervals(table)
    assert joined["share"].tolist() == ["0.50 (0.40–0.60)", "0.25"]
    assert joined["cost"].tolist() == ["1.00 (0.90–1.20)", "2.00"]
    assert list(joined) == ["contexts", "share", "cost"]

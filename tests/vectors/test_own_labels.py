"""Any labels, with a reference or none: what is compared, what labels that say nothing reach, what was planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import planted
import pytest
import torch
from own_texts import LAYERS, own_prompts, own_states
from sklearn.metrics import roc_auc_score

from emotion_utils.activations.prompt_sets import PromptSetActivations
from emotion_utils.core.errors import UserError
from emotion_utils.statistics.nulls import are_means
from emotion_utils.statistics.permutations import binomial_bounds
from emotion_utils.vectors.contrasts import methods_of, null_of_mean
from emotion_utils.vectors.held_out import Probes, held_out
from emotion_utils.vectors.probing import Contrast, contrast, exchanged, fit, null_areas, project

TWENTY = {f"label {i:02d}": 5 + (7 * i) % 13 for i in range(20)}
UNPAIRED = {"joy": 25, "worry": 40, "neutral": 15}
N = 39
"""Draws: p is at most 0.05 where at most one of them is as large."""


def probes_of(sizes, seed=0, strength=0.0, each=1, family=0.0, size="smoke", **planting) -> Probes:
    table = own_prompts(sizes, each)
    axes = planting.get("axes") or {label: i for i, label in enumerate(sizes) if label != "neutral"}
    found = own_states(table, axes if strength else {}, strength, seed, family)
    return Probes(PromptSetActivations("made", size, {"own": table}, {"own": found}), "own", seed)


def p_of(probes: Probes, emotion: str) -> float:
    """P of one label, from the parts, by hand."""
    (chosen, scored), vector = (
        probes.parts("own", "sentence end", emotion),
        probes.vector("sentence end", emotion),
    )
    layer = chosen.layers.index(probes.layer("own", "sentence end", emotion))
    ours = roc_auc_score(scored.positive, project(scored, vector.values)[:, layer])
    null = null_areas(vector.values, chosen, scored, np.unique(scored.prompts["unit"]), N, probes.seed)
    return float((1 + (null >= ours - 1e-12).sum()) / (1 + len(null)))


def rate_holds(p: list[float], at_most: bool = False) -> bool:
    low, high = binomial_bounds(sum(value <= 0.05 for value in p), len(p))
    return low <= 0.05 and (at_most or high >= 0.05)


def test_without_a_reference_a_label_stands_against_all_others():
    table = own_prompts(TWENTY)
    both = contrast(table, own_states(table), "label 07")
    assert sorted(both.prompts["id"]) == sorted(table["id"])
    own = set(table["id"][table["emotion"] == "label 07"])
    assert set(both.prompts["id"][both.positive]) == own
    vector = fit(both, "sentence end").values
    rows = both.values.double().numpy()
    mine = both.prompts["id"].isin(own).to_numpy()
    assert np.allclose(vector.numpy(), rows[mine].mean(0) - rows[~mine].mean(0), atol=1e-6)


def test_an_unpaired_reference_is_what_every_label_is_compared_with():
    table = own_prompts(UNPAIRED)
    both = contrast(table, own_states(table), "joy")
    assert set(both.prompts["emotion"]) == {"joy", "neutral"}
    assert both.positive.sum() == 25
    assert (~both.positive).sum() == 15
    with pytest.raises(UserError, match='no contrast for "jo": did you mean "joy"'):
        contrast(table, own_states(table), "jo")
    with pytest.raises(UserError, match='no contrast for "neutral": Known: joy and worry'):
        contrast(table, own_states(table), "neutral")


def test_labels_are_exchanged_inside_units_where_both_are_in_equal_numbers():
    pairs = planted.prompts("keyword")
    assert contrast(pairs, planted.activations(pairs, 0.0), "anger").is_paired()
    table = own_prompts(UNPAIRED)
    assert not contrast(table, own_states(table), "joy").is_paired()
    topics = own_prompts(TWENTY).assign(group=[f"topic {i % 5}" for i in range(sum(TWENTY.values()))])
    assert not contrast(
        topics, own_states(topics), "label 03"
    ).is_paired()  # every unit has both, one to nineteen
    empty = contrast(table, own_states(table), "joy").only("no split")
    assert isinstance(empty, Contrast)
    assert not empty.is_paired()


def test_an_exchange_is_one_for_all_labels_and_keeps_what_a_unit_has_in_common():
    table = own_prompts({"a": 12, "b": 9, "c": 30}, each=3)
    found = own_states(table)
    parts = [contrast(table, found, label) for label in ("a", "b", "c")]
    drawn = {}
    for part in parts:
        labels = exchanged(part.prompts, 20, 5)
        drawn[part.emotion] = pd.DataFrame(labels.T, index=part.prompts["id"]).loc[table["id"]]
    assert (drawn["a"] == drawn["b"]).all(axis=None)
    assert (drawn["a"] == drawn["c"]).all(axis=None)
    for _, unit in drawn["a"].groupby(table["group"].to_numpy()):
        assert (unit == unit.iloc[0]).all(axis=None)
    families = drawn["a"].groupby(table["group"].to_numpy()).first()
    assert families.apply(pd.Series.value_counts).T.eq({"a": 4, "b": 3, "c": 10}).all(axis=None)


def test_twenty_labels_that_say_nothing_are_found_at_the_level_of_the_test():
    """One label of each draw, sizes from 5 to 17 texts."""
    p = [p_of(probes_of(TWENTY, seed), f"label {seed % 20:02d}") for seed in range(240)]
    assert rate_holds(p), np.mean(np.array(p) <= 0.05)
    assert 0.4 < np.mean(p) < 0.6


def test_families_of_one_label_are_found_no_more_often():
    sizes = {label: 3 * n for label, n in list(TWENTY.items())[:6]}
    p = [p_of(probes_of(sizes, seed, each=3, family=1.0), f"label {seed % 6:02d}") for seed in range(200)]
    assert rate_holds(p, at_most=True), np.mean(np.array(p) <= 0.05)


def test_labels_beside_an_unpaired_reference_are_found_at_the_level_of_the_test():
    p = [p_of(probes_of(UNPAIRED, seed), ("joy", "worry")[seed % 2]) for seed in range(240)]
    assert rate_holds(p), np.mean(np.array(p) <= 0.05)


@pytest.mark.parametrize("sizes", [UNPAIRED, {"joy": 20, "worry": 30, "calm": 45}, {"joy": 30, "worry": 30}])
def test_the_mean_over_the_labels_is_tested_as_one(sizes, monkeypatch):
    """Shared neutral texts, and texts that stand against each other, move all scores at once."""
    module = "emotion_utils.vectors.held_out"
    monkeypatch.setattr(f"{module}.grouped_auc_draws", lambda *_, **__: np.zeros(2))
    monkeypatch.setattr(f"{module}.word_log_odds", lambda _, test: pd.DataFrame(0.0, test["id"], list(sizes)))
    p = []
    for seed in range(160):
        rows = held_out(probes_of(sizes, seed), [], methods=["sentence end"], seed=seed)
        p.append(float(rows.loc[are_means(rows), "p"].iloc[0]))
    # 19 draws: p is 0.05 where none is as large
    assert rate_holds(p), np.mean(np.array(p) <= 0.05)


def test_the_null_of_the_mean_is_that_of_labels_dealt_out_among_all():
    probes = probes_of(UNPAIRED)
    emotions = ("joy", "worry")
    one = [tuple(part for part in probes.parts("own", "sentence end", e)) for e in emotions]
    kept = [tuple(_first_layer(part) for part in pair) for pair in one]
    directions = np.stack([probes.vector("sentence end", e).values[:1].numpy() for e in emotions])
    found = null_of_mean(torch.from_numpy(directions), kept, 15, 4)
    reads = pd.concat([pair[1].prompts for pair in kept], ignore_index=True)
    states = np.concatenate([pair[1].values[:, 0].numpy() for pair in kept])
    first = ~reads["id"].duplicated().to_numpy()
    labels = exchanged(reads[first], 15, (4, 1))
    for draw in range(15):
        values = []
        for i, emotion in enumerate(emotions):
            use = np.isin(labels[draw], [emotion, "neutral"])
            values.append(
                roc_auc_score(labels[draw][use] == emotion, (states[first] @ directions[i, 0])[use])
            )
        assert found[draw] == pytest.approx(np.mean(values))


@pytest.mark.parametrize("sizes", [TWENTY | {"label 03": 15}, UNPAIRED])
def test_a_planted_direction_is_found(sizes):
    label = "label 03" if "label 03" in sizes else "worry"
    probes = probes_of(sizes, strength=4.0, axes={label: 2})
    assert p_of(probes, label) == 1 / (1 + N)
    assert probes.layer("own", "sentence end", label) in (1, 2)
    vector = probes.vector("sentence end", label).unit()
    assert abs(float(vector.at(1)[2])) > 0.8 > abs(float(vector.at(0)[2]))


def test_methods_at_the_word_need_marked_words():
    table = own_prompts(UNPAIRED)
    assert methods_of(table) == ("sentence end", "logistic, end")
    pairs = planted.prompts("keyword")
    assert len(methods_of(pairs)) == 4
    partly = pairs.assign(match_start=pairs["match_start"].where(pairs["emotion"] != "anger"))
    assert methods_of(partly) == ("sentence end", "logistic, end")
    rows = held_out(probes_of(UNPAIRED), [])
    assert set(rows["method"]) == {"sentence end", "logistic, end"}
    with pytest.raises(
        UserError, match='"emotion word" needs a marked word in the prompts of every label of own'
    ):
        held_out(probes_of(UNPAIRED), [], methods=["emotion word"])


def test_a_label_may_be_called_as_a_column_or_a_row_is():
    sizes = {"mean": 20, "value": 20, "n": 20, "怒り": 20}
    rows = held_out(probes_of(sizes, strength=2.0), [], methods=["sentence end"])
    assert rows["emotion"].tolist() == ["mean", "n", "value", "怒り", "mean (all)"]
    assert rows[are_means(rows)]["value"].iloc[0] == pytest.approx(rows["value"].iloc[:4].mean())
    assert LAYERS > rows["layer"].dropna().max() > 0


def _first_layer(part: Contrast) -> Contrast:
    return replace(part, layers=part.layers[:1], values=part.values[:, :1])

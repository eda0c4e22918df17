"""Control vectors: their length, their spread, and the comparison by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.steering import controls
from emotion_utils.steering.contexts import neutral_contexts
from emotion_utils.steering.subject import MADE
from emotion_utils.steering.trials import SteeringSetting
from emotion_utils.vectors import probing
from emotion_utils.vectors.vector import centred_class_means


def test_isotropic_directions_have_length_one_and_no_common_direction():
    made = controls.isotropic(400, 64, np.random.default_rng(0)).double()
    assert torch.allclose(made.norm(dim=1), torch.ones(400, dtype=torch.double))
    assert float(made.mean(dim=0).norm()) < 3 / np.sqrt(400)


def test_covariance_matched_directions_spread_as_the_states_do():
    rng = np.random.default_rng(0)
    scale = torch.tensor([4.0, 2.0, 1.0, 0.5])
    states = torch.from_numpy(rng.normal(size=(3000, 4))).float() * scale + 7
    made = controls.covariance_matched(states, 4000, rng).double()
    normal = torch.from_numpy(rng.normal(size=(40000, 4))) * scale
    expected = (normal / normal.norm(dim=1, keepdim=True)).square().mean(dim=0)
    assert torch.allclose(made.square().mean(dim=0), expected, atol=0.02)


@pytest.mark.parametrize("made", MADE)
def test_label_shuffled_vectors_are_made_like_the_vector_and_are_others(steered_model, made, monkeypatch):
    drawn = controls.label_shuffled(steered_model, "anger", 2, made, 6, 0)
    own = steered_model.vectors[made]["anger"].unit().at(2)
    assert torch.allclose(drawn.norm(dim=1), torch.ones(6), atol=1e-5)
    assert float((drawn @ own).abs().max()) < 0.99
    if made == MADE[1]:  # with the labels as they are it is the vector itself
        monkeypatch.setattr(controls, "permute_blocks", lambda labels, *_: labels)
        assert torch.allclose(
            controls.label_shuffled(steered_model, "anger", 2, made, 1, 0)[0], own, atol=1e-5
        )
        means = centred_class_means(steered_model.states, steered_model.labels.tolist())["anger"][2]
        assert torch.allclose(means / means.norm(), own, atol=1e-5)


def test_controls_are_as_long_as_the_vector_and_act_at_the_same_place(steered_model):
    setting = SteeringSetting(
        "anger", 1, 2.0, steered_model.direction("anger", 1, MADE[1]), MADE[1], where="everywhere"
    )
    made = controls.control_settings(steered_model, setting, 10, 3)
    assert pd.Series([m.kind for m in made]).value_counts().to_dict() == {
        "isotropic": 4, "covariance-matched": 3, "label-shuffled": 3, "vector of gratitude": 1, "vector of apology": 1,
    }  # fmt: skip
    for one in made:
        assert (one.layer, one.alpha, one.where, one.emotion) == (1, 2.0, "everywhere", "anger")
        assert float(one.vector.norm()) == pytest.approx(float(setting.vector.norm()), rel=1e-4)
    again = controls.control_settings(steered_model, setting, 10, 3)
    assert all(torch.equal(a.vector, b.vector) for a, b in zip(made, again, strict=True))
    other = controls.control_settings(steered_model, setting, 10, 4)
    assert not torch.equal(made[0].vector, other[0].vector)


def test_the_comparison_by_hand():
    steered = pd.DataFrame(
        {"emotion": "anger", "target": [1.0, 1.0, 0.0, 1.0, 0.0], "says": "anger", "prompt": range(5)}
    )
    untouched = pd.DataFrame(
        {"emotion": "anger", "says": ["neutral", "neutral", "anger", None, "anger"], "prompt": range(5)}
    )
    rows = []
    for number, hits in enumerate(([1, 1, 1, 1], [0, 0, 0, 0], [1, 0, 0, 0])):
        rows += [("anger", "isotropic", number, h, "anger" if h else "apology") for h in hits]
    rows += [("anger", "vector of apology", 0, 0.0, "neutral")] * 3 + [
        ("anger", "vector of apology", 0, 0.0, None)
    ]
    table = pd.DataFrame(rows, columns=["emotion", "kind", "number", "target", "says"])
    table["prompt"] = table.groupby(
        ["kind", "number"]
    ).cumcount()  # no control was tried on the fifth context
    found = controls.compare(steered, table, untouched).set_index("against")
    row = found.loc["all random"]
    assert row["share"] == 0.75
    assert row["untouched"] == 0.25
    assert row["control"] == pytest.approx(5 / 12)
    assert row["highest"] == 1.0
    assert row["difference"] == pytest.approx(0.75 - 5 / 12)
    assert row["controls"] == 3
    assert row["p"] == pytest.approx((1 + 1) / (1 + 3))
    assert row["other"] == pytest.approx(7 / 12)
    assert found.loc["vector of apology", "other"] == 0
    assert found["none of them"].to_dict() == {"all random": 0, "isotropic": 0, "vector of apology": 0.25}
    assert np.isnan(found.loc["vector of apology", "p"])
    assert row["p_holm"] == row["p"]
    assert found.drop(index="all random")["p_holm"].isna().all()
    both = pd.concat([table, table[table["number"] < 2].assign(emotion="apology")])
    again = controls.compare(pd.concat([steered, steered.assign(emotion="apology")]), both, untouched)
    own = again[again["against"] == "all random"].set_index("emotion")
    # two tests: the smaller p counts double, the larger at least as much
    assert own["p_holm"].to_dict() == pytest.approx(
        {"anger": min(1.0, 2 * own["p"].min()), "apology": max(2 * own["p"].min(), own["p"].max())}
    )
    shares = controls.by_control(table)
    assert shares["share"].tolist() == [1.0, 0.0, 0.25, 0.0]


def test_prompting_leaves_the_model_alone_and_changes_the_text_before(steered_model, implicit):
    found = controls.prompted(steered_model, neutral_contexts(implicit, "test", 4), implicit)
    assert found["emotion"].tolist() == steered_model.emotions
    assert found[["instruction", "example"]].stack().between(0, 1).all()


def test_labels_that_stay_give_the_difference_of_means_and_exchanged_ones_that_of_the_exchanged(
    planted, monkeypatch
):
    given = planted.built["anger"]
    states, labels = given.values[:, 1].double().numpy(), given.positive
    for exchange in (lambda labels, *_: labels, lambda labels, *_: labels[::-1]):
        monkeypatch.setattr(probing, "permute_blocks", exchange)
        told = exchange(labels)
        expected = states[told].mean(axis=0) - states[~told].mean(axis=0)
        found = controls.label_shuffled(planted, "anger", 1, MADE[0], 1, 0)[0].numpy()
        np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-5)


@pytest.mark.parametrize("made", MADE)
def test_few_controls_are_fine_and_none_is_refused(planted, made):
    setting = SteeringSetting("anger", 1, 1.0, planted.direction("anger", 1, made), made)
    for n in (1, 2):
        assert [m.kind for m in controls.control_settings(planted, setting, n, 0)][:-2] == list(
            controls.KINDS
        )[:n]
    with pytest.raises(UserError, match="ask for one or more, not 0"):
        controls.control_settings(planted, setting, 0, 0)

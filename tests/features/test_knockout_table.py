"""Knockouts where the answer is known: a classifier that reads one direction for each label."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_dictionaries import orthogonal, random_dictionary
from tiny_classifiers import LABELS, VOCABULARY, tiny

from emotion_utils.core.errors import UserError
from emotion_utils.features import knockout_table
from emotion_utils.features.control_features import choose, energies, top_features
from emotion_utils.features.knockout_table import (
    COLUMNS,
    MEASURES,
    between_siblings,
    knockout_means,
    knockouts,
)
from emotion_utils.features.reading import MEAN, RATE, SQUARE, TextActivations
from emotion_utils.siblings.circuit import Posts

WIDTH, EACH = 16, 12
OF_TOKEN = np.arange(VOCABULARY) % 3


def planted(copies: bool):
    """A classifier of the last token: dimension c says label c, strongly, and the next label, weakly.

    With copies, dimensions 3 to 5 say the label too, and more purely, but nothing reads them.
    """
    classifier = tiny("llama")
    network = classifier.model.network
    rng = np.random.default_rng(0)
    embedding = np.zeros((VOCABULARY, WIDTH))
    noise = rng.uniform(0.5, 1.5, VOCABULARY) if copies else np.ones(VOCABULARY)
    for token in range(VOCABULARY):
        label = OF_TOKEN[token]
        embedding[token, 6:] = np.where(rng.random(10) < 0.5, 2.0, 0.0)
        embedding[token, label] = 2 * noise[token]
        embedding[token, (label + 1) % 3] = 0.5 * noise[token]
        if copies:
            embedding[token, 3 + label] = 2.0
    with torch.no_grad():
        for block in network.model.layers:
            block.self_attn.o_proj.weight.zero_()
            block.mlp.down_proj.weight.zero_()
        network.model.embed_tokens.weight.copy_(torch.from_numpy(embedding))
        network.score.weight.zero_()
        network.score.weight[:, :3] = 3 * torch.eye(3)
    return classifier


def posts(seed=0):
    """Texts of a BOS and tokens, most of which are of the label, the last one always."""
    rng, found, labels = np.random.default_rng(seed), [], []
    for label in range(len(LABELS)):
        own = [t for t in range(3, VOCABULARY) if OF_TOKEN[t] == label]
        for _ in range(EACH):
            mixed = rng.integers(3, VOCABULARY, 3).tolist()
            found.append((1, *mixed, *rng.choice(own, 4).tolist()))
            labels.append(label)
    return Posts(found, np.array(labels))


BASIS = orthogonal(np.eye(WIDTH))


@pytest.fixture(scope="module")
def table():
    return knockouts(planted(copies=False), BASIS, 0, posts(), top=1, matched=5, random=5)


def test_what_a_label_needs_is_found_and_controls_do_no_harm(table):
    assert table.columns.tolist() == COLUMNS
    assert table["label"].tolist() == list(LABELS)
    assert (table["posts"] == EACH // 2).all()
    assert table["before"].tolist() == [100] * 3
    assert table["after"].tolist() == [0] * 3  # without it, the next label is the strongest
    assert table["effect"].tolist() == pytest.approx((100 - table["matched"]).tolist())
    assert table["matched"].max() < 25
    assert table["others_before"].tolist() == [100] * 3
    assert (table["nats_effect"] > 1).all()
    assert (table["energy_ratio"] > 0.2).all()
    # an orthonormal basis has no error that could be dropped
    assert table["reconstructed"].tolist() == [100] * 3
    assert table["reconstructed_after"].tolist() == [0] * 3


def test_features_that_know_the_label_but_are_not_needed_have_no_effect():
    found = knockouts(planted(copies=True), BASIS, 0, posts(), top=1, matched=5, random=5)
    assert found["before"].tolist() == [100] * 3
    assert found["drop"].tolist() == [0] * 3
    assert found["effect"].max() <= 0
    assert found["nats"].abs().max() < 0.5


def test_siblings_are_compared_label_by_label(table):
    other = table.assign(drop=table["drop"] - [10.0, 20.0, 30.0])
    found = between_siblings({"continued": table, "base": other}).set_index("measure")
    assert found.loc["drop", ["first", "second"]].tolist() == ["continued", "base"]
    assert found.loc["drop", "mean"] == pytest.approx(20)
    assert knockout_means(table).set_index("measure").loc["drop", "mean"] == pytest.approx(100)
    assert set(knockout_means(table)["measure"]) == set(MEASURES)
    # a label that was never found has nothing to lose
    lost = table.assign(before=[100.0, 0.0, 100.0], drop=[100.0, 0.0, 100.0])
    assert knockout_means(lost).set_index("measure").loc["drop", "mean"] == pytest.approx(200 / 3)
    assert knockout_means(lost, least=1).set_index("measure").loc["drop", ["mean", "labels"]].tolist() == [
        100,
        2,
    ]
    assert between_siblings({"a": lost, "b": other}, least=1).set_index("measure").loc["drop", "labels"] == 2


def test_features_are_chosen_on_other_posts_than_are_tested(monkeypatch):
    chose, tested = [], []
    read, run = knockout_table.text_activations, knockout_table.knocked_out_logits
    monkeypatch.setattr(
        knockout_table,
        "text_activations",
        lambda m, d, ids, *a, **k: chose.extend(ids) or read(m, d, ids, *a, **k),
    )
    monkeypatch.setattr(
        knockout_table,
        "knocked_out_logits",
        lambda c, d, at, ids, *a, **k: tested.extend(ids) or run(c, d, at, ids, *a, **k),
    )
    given = posts()
    assert len(set(given.ids)) == len(given.ids)
    knockouts(planted(copies=False), BASIS, 0, given, top=1, matched=2, random=2)
    assert len(chose) == 18
    assert not set(chose) & set(tested)
    assert set(chose) | set(tested) == set(given.ids)


def read_by_hand(seed=0, features=60):
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(0, 1, features))
    values = (rng.random((40, features)) * scale).astype(np.float32)
    values[:20, :5] += 5
    square, rate = values**2, np.clip(values / scale, 0, 1).astype(np.float32)
    return TextActivations(
        {MEAN: values, SQUARE: square, RATE: rate}, np.full(40, 7), np.ones(40), np.ones(40)
    )


def test_controls_fire_as_often_and_carry_as_much_and_are_others():
    dictionary, read = random_dictionary(8, 60), read_by_hand()
    label = np.repeat([0, 1], 20)
    found = choose(dictionary, read, label, 2, top=6, matched=20, random=20)
    energy = (read[SQUARE] * (dictionary.decoder.norm(dim=1).numpy() / dictionary.scale) ** 2)[:20].mean(
        axis=0
    )
    assert found[0].energy == pytest.approx(energy, rel=1e-4)
    assert found[0].rate == pytest.approx(read[RATE][:20].mean(axis=0), rel=1e-4)
    assert energies(dictionary, read[SQUARE])[:20].mean(axis=0) == pytest.approx(energy, rel=1e-4)
    assert set(range(5)) <= set(found[0].top)
    for one in found:
        assert all(not set(own) & set(one.top) and len(set(own)) == 6 for own in (*one.matched, *one.random))
        near = abs(np.log(one.ratio(one.energy)))
        plain = np.mean([one.energy[own].sum() for own in one.random]) / one.energy[one.top].sum()
        assert near < abs(np.log(plain)) + 0.05
    assert len({tuple(own) for own in found[0].matched}) > 10


def test_the_top_are_those_above_zero_in_order():
    d = np.array([0.3, np.nan, -2.0, 4.0, np.inf])
    assert top_features(d, 4).tolist() == [4, 3, 0]


def test_too_little_to_choose_from_is_refused():
    with pytest.raises(UserError, match="take 60 or more, and the dictionary has 16"):
        knockouts(planted(copies=False), BASIS, 0, posts())
    few = posts()
    kept = [i for i in range(len(few.label)) if few.label[i] or i < 2]
    with pytest.raises(UserError, match="'a' has 1 posts to test on"):
        knockouts(planted(copies=False), BASIS, 0, Posts([few.ids[i] for i in kept], few.label[kept]), top=1)

"""Pairs of posts that look alike: drawn among those with the cosine, or the most alike ones."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.siblings import post_pairs
from emotion_utils.siblings.post_pairs import similar_pairs


@pytest.fixture
def posts():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 4)), rng.integers(0, 3, 60), rng.random(60) < 0.8


def _unit(states):
    return states / np.linalg.norm(states, axis=1, keepdims=True)


def test_pairs_are_alike_right_and_of_two_labels(posts):
    states, label, right = posts
    found = similar_pairs(states, label, right, 50, least=0.5, seed=1)
    unit, pairs = _unit(states), found.pairs
    assert len(pairs) == 50 == len({tuple(pair) for pair in pairs.tolist()})
    assert ((unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(axis=1) >= 0.5).all()
    assert (label[pairs[:, 0]] != label[pairs[:, 1]]).all()
    assert right[pairs].all()
    alike = (unit @ unit.T >= 0.5) & (label[:, None] != label) & right & right[:, None]
    assert found.reach == alike.sum()
    assert np.isnan(found.lowest)
    every = similar_pairs(states, label, right, found.reach, least=0.5)
    assert {tuple(p) for p in every.pairs.tolist()} == {tuple(p) for p in np.argwhere(alike).tolist()}


@pytest.mark.parametrize("rows", [1024, 7])
def test_where_too_few_are_alike_the_most_alike_are_taken(posts, monkeypatch, rows):
    monkeypatch.setattr(post_pairs, "ROWS", rows)
    states, label, right = posts
    found = similar_pairs(states, label, right, 30, least=0.9999)
    unit = _unit(states)
    cosine = np.where((label[:, None] != label) & right & right[:, None], unit @ unit.T, -np.inf)
    taken = cosine[found.pairs[:, 0], found.pairs[:, 1]]
    assert np.sort(taken) == pytest.approx(np.sort(cosine, axis=None)[-30:])
    assert found.lowest == pytest.approx(taken.min())
    assert found.reach == (cosine >= 0.9999).sum() < 30
    assert len({tuple(pair) for pair in found.pairs.tolist()}) == 30


def test_no_more_pairs_than_there_are(posts):
    states, label, right = posts
    found = similar_pairs(states, label, right, 10**5, least=0.9999)
    assert len(found.pairs) == ((label[:, None] != label) & right & right[:, None]).sum()


def test_one_label_has_no_pairs(posts):
    states, _, right = posts
    with pytest.raises(UserError, match="fewer than two labels"):
        similar_pairs(states, np.zeros(60, int), right)

"""The report's survival rate, by hand and with a planted truth: a model that knows no concept has the highest."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.japanese.survival import survival, surviving, top_features

CONCEPTS, EACH, FEATURES = 30, 4, 400


def planted(share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Spellings that have so much of their features in common with others of their concept."""
    rng = np.random.default_rng(seed)
    concept = np.repeat(np.arange(CONCEPTS), EACH)
    common = rng.gamma(1, size=(CONCEPTS, FEATURES))[concept]
    own = rng.gamma(1, size=(len(concept), FEATURES))
    return np.where(rng.random(FEATURES) < share, common, own), concept


def test_survival_is_the_share_of_features_that_the_other_spelling_does_not_have():
    top = top_features(np.array([[3.0, 2, 1, 0], [3.0, 0, 2, 1], [0.0, 0, 0, 0]]), 2)
    assert top.tolist() == [[True, True, False, False], [True, False, True, False], [False] * 4]
    left = surviving(top)
    assert left[0, 1] == left[1, 0] == 0.5
    assert left[0, 0] == 0
    assert np.isnan(left[0, 2])  # a spelling at which nothing fires
    assert left[2, 0] == 1


def test_the_table_is_the_mean_of_pairs_counted_one_by_one():
    activations, concept = planted(0.5)
    row = survival(activations, concept, np.zeros(len(concept)), [20], n_permutations=9).iloc[0]
    top, by_concept = [set(np.argsort(-own)[:20]) for own in activations], []
    for c in range(CONCEPTS):
        own = np.flatnonzero(concept == c)
        by_concept.append(np.mean([len(top[b] - top[a]) / 20 for a in own for b in own if a != b]))
    assert row["value"] == pytest.approx(np.mean(by_concept))
    assert row["low"] < row["value"] < row["high"]


@pytest.mark.parametrize(("share", "knows"), [(0.5, True), (0.0, False)])
def test_a_model_that_knows_concepts_has_the_lower_survival(share, knows):
    activations, concept = planted(share)
    table = survival(activations, concept, np.zeros(len(concept)), n_permutations=99)
    assert ((table["p"] <= 0.05) & (table["known_low"] > 0)).all() == knows
    if not knows:
        assert table["known"].abs().max() < 0.03
    other = survival(planted(0.8)[0], concept, np.zeros(len(concept)), n_permutations=9)
    assert (other["value"] < table["value"]).all()  # which the report would call less robust


def test_exchanges_stay_among_spellings_of_a_kind():
    activations, concept = planted(0.5)
    alone = np.arange(len(concept))  # nothing can be exchanged
    table = survival(activations, concept, alone, [20], n_permutations=9)
    assert table["null"].iloc[0] == pytest.approx(table["value"].iloc[0])
    assert table["p"].iloc[0] == 1


def test_what_cannot_be_counted_is_refused():
    activations, concept = planted(0.5)
    with pytest.raises(UserError, match="The top 400 of 400 features"):
        survival(activations, concept, concept, [400])
    with pytest.raises(UserError, match="No concept has two spellings"):
        survival(activations, np.arange(len(concept)), concept)

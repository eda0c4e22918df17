"""Features of spellings: tokens by hand, and planted concepts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from small_dictionaries import random_dictionary

from emotion_utils.features.spelling_features import (
    PLACES,
    PUBLISHED,
    SENTENCE,
    SPELLING,
    WITHIN,
    above_script,
    apart,
    by_concept,
    spelling_activations,
    spelling_survival,
    survival_between,
)
from emotion_utils.japanese.spellings import ALL, APART, CARRIERS, spelling_table
from emotion_utils.models.model import load

FEATURES = 200


@pytest.fixture(scope="module")
def table():
    return spelling_table()


def planted(table, concept: float, seed=0):
    """Each spelling has 15 features of its own, and 15 of its concept, of this size."""
    rng = np.random.default_rng(seed)
    own = np.zeros((len(table), FEATURES))
    of_concept = {key: rng.choice(FEATURES, 15, replace=False) for key in table["concept"].unique()}
    for row, key in enumerate(table["concept"]):
        own[row, rng.choice(FEATURES, 15, replace=False)] += rng.uniform(1, 2, 15)
        own[row, of_concept[key]] += concept * rng.uniform(1, 2, 15)
    return own


def test_activations_are_those_of_tokens_by_hand():
    model = load("small-gemma2-jpn")
    dictionary = random_dictionary(model.d_model, 30)
    spellings = ["会議", "MTG", "ミーティング"]
    found = spelling_activations(model, dictionary, 1, spellings)
    for row, one in enumerate(spellings):
        plain = {place: [] for place in PLACES}
        for carrier in CARRIERS:
            text = carrier.format(one)
            encoded = model.encode([text])
            ids, spans = list(map(int, encoded.ids[0])), list(encoded.spans[0])
            with torch.no_grad():
                out = model.network(torch.tensor([ids]), output_hidden_states=True).hidden_states[2][0]
            a = dictionary.encode(out).numpy()
            start = carrier.index("{}")
            inside = [i for i, (p, q) in enumerate(spans) if p < q and p < start + len(one) and q > start]
            plain[SENTENCE].append(a[1:].mean(axis=0))
            plain[SPELLING].append(a[inside].mean(axis=0))
        for place in PLACES:
            assert found[place][row] == pytest.approx(np.mean(plain[place], axis=0), rel=1e-3, abs=1e-3)


def test_planted_concepts_are_known_and_spellings_of_their_own_are_not(table):
    given = {"planted": planted(table, 2.0), "none": planted(table, 0.0)}
    found = spelling_survival(given, table, (20, 500), n_permutations=49)
    assert set(found["k"]) == {20}
    rows = found.set_index(["place", "reading", "pairs"])
    for reading in (PUBLISHED, WITHIN):
        for pairs in (ALL, APART):
            assert rows.loc[("planted", reading, pairs), "p"] == pytest.approx(1 / 50)
            assert rows.loc[("planted", reading, pairs), "known"] > 0.3
            assert abs(rows.loc[("none", reading, pairs), "known"]) < 0.05
    # the published rate is highest where a model knows nothing of concepts
    assert rows.loc[("none", PUBLISHED, ALL), "value"] > rows.loc[("planted", PUBLISHED, ALL), "value"]


def test_concepts_are_averages_of_a_plain_loop():
    table = pd.DataFrame({"concept": list("aabbb"), "spelling": list("vwxyz"), "script": list("KLKLK")})
    values = planted(table, 1.0)
    k = 10
    top = [set(np.argsort(-row, kind="stable")[:k][np.sort(row)[::-1][:k] > 0]) for row in values]
    left = [[1 - len(a & b) / len(b) for b in top] for a in top]
    found = by_concept(values, table, k).set_index("concept")
    assert found.loc["a", "value"] == pytest.approx((left[0][1] + left[1][0]) / 2, abs=1e-9)
    others = [left[0][3], (left[1][2] + left[1][4]) / 2]
    assert found.loc["a", "others"] == pytest.approx(np.mean(others))
    assert found.loc["a", "known"] == pytest.approx(np.mean(others) - found.loc["a", "value"])


def test_siblings_are_compared_concept_by_concept(table):
    counted = apart(table["spelling"].tolist())
    found = survival_between(planted(table, 0.0), planted(table, 2.0), table, (20,), counted=counted)
    rows = found.set_index("measure")
    assert rows.loc["survival 20", "low"] > 0.2
    assert rows.loc["known 20", "high"] < -0.2
    none = survival_between(planted(table, 0.0, 1), planted(table, 0.0, 2), table, (20,)).set_index("measure")
    assert none.loc["known 20", "low"] < 0 < none.loc["known 20", "high"]


def test_a_feature_of_a_script_is_not_above_it():
    values = np.array([[3.0, 1.0], [3.0, 0.0], [0.0, 0.0]])
    assert above_script(values, np.array([0, 0, 1])).tolist() == [[0, 0.5], [0, 0], [0, 0]]
    assert apart(["ab", "AB", "c"]).tolist() == [
        [False, False, True],
        [False, False, True],
        [True, True, False],
    ]

"""Tokens that features fire on, beside counting by hand, draws of firings and planted features."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from emotion_utils.core.errors import UserError
from emotion_utils.features.cues import (
    BEYOND,
    COLUMNS,
    MEASURES,
    cue_means,
    cues,
    cues_between,
    cues_by_label,
    diversity,
    strong_firings,
)
from emotion_utils.features.reading import TokenActivations, Tokens


def made(columns, token, text):
    tokens = Tokens(np.asarray(text), np.arange(len(token)), np.asarray(token))
    values = np.stack(columns, axis=1).astype(np.float32)
    return TokenActivations(tokens, csr_matrix(values), np.arange(len(columns)) * 10)


def corpus(seed=0):
    """Tokens of 40 texts as common as words are."""
    rng = np.random.default_rng(seed)
    weight = 1 / np.arange(1, 61)
    return rng.choice(60, 4000, p=weight / weight.sum()), np.repeat(np.arange(40), 100)


def test_strong_firings_are_the_largest_tenth_and_at_least_so_many():
    a = np.arange(300) - 50.0  # 249 firings
    assert strong_firings(a, 0.1, 20).tolist() == list(range(299, 274, -1))
    assert len(strong_firings(a, 0.01, 20)) == 20
    assert not len(strong_firings(np.r_[np.zeros(9), np.ones(19)], 0.1, 20))


def test_diversity_is_that_of_counting_and_of_drawing():
    rng = np.random.default_rng(1)
    firings = rng.choice(9, 60, p=np.r_[0.6, np.full(8, 0.05)])
    counts = np.bincount(firings, minlength=12)
    top, unique, rarefied, same = diversity(counts, 20)
    common = Counter(firings.tolist()).most_common(1)[0][1]
    assert (top, unique) == pytest.approx((common / 60, len(set(firings.tolist()))))
    drawn = [len(set(rng.permutation(firings)[:20].tolist())) for _ in range(4000)]
    assert rarefied == pytest.approx(np.mean(drawn), abs=0.08)
    pairs = firings[:, None] == firings
    assert same == pytest.approx((pairs.sum() - 60) / (60 * 59))
    assert np.isnan(diversity(np.array([3, 2]), 20)[2])
    assert diversity(np.array([20, 0]), 20).tolist() == pytest.approx([1, 1, 1, 1])


def test_rarefied_tokens_do_not_depend_on_how_often_a_feature_fires_and_unique_ones_do():
    token, text = corpus()
    rng = np.random.default_rng(2)
    often, seldom = (np.where(rng.random(4000) < share, rng.random(4000), 0) for share in (0.9, 0.08))
    found = cues(made([often, seldom], token, text), draws=9).set_index("feature")
    assert found.loc[0, "unique_tokens"] > 1.5 * found.loc[10, "unique_tokens"]
    assert found.loc[0, "rarefied_tokens"] == pytest.approx(found.loc[10, "rarefied_tokens"], rel=0.25)


def test_a_feature_of_one_token_is_told_from_one_that_fires_anywhere():
    token, text = corpus()
    rng = np.random.default_rng(3)
    one = np.where(token == 5, rng.random(4000) + 1, 0)
    anywhere = [np.where(rng.random(4000) < 0.5, rng.random(4000), 0) for _ in range(20)]
    silent = np.zeros(4000)
    found = cues(made([one, *anywhere, silent], token, text), draws=29)
    assert found.columns.tolist() == COLUMNS
    first = found.iloc[0]
    assert first[list(MEASURES)].tolist() == [1, 1, 1, 1]
    assert first["top"] == 5
    assert first["top_token_share_beyond"] > 0.5
    assert first["rarefied_tokens_beyond"] < -5
    rest = found.iloc[1:21]
    plain = []  # the null of one of them, as many tokens of each text drawn one text at a time
    where = strong_firings(anywhere[0])
    for _ in range(200):
        drawn = [
            token[rng.choice(np.flatnonzero(text == t), n, False)] for t, n in Counter(text[where]).items()
        ]
        plain.append(len(set(np.concatenate(drawn).tolist())))
    assert found.iloc[1]["unique_tokens_null"] == pytest.approx(np.mean(plain), abs=1.5)
    assert rest[list(BEYOND)].mean().abs().tolist() == pytest.approx([0, 0, 0, 0], abs=2)
    assert rest["same_token_beyond"].mean() == pytest.approx(0, abs=0.01)
    assert found.iloc[-1][["strong", "top"]].tolist() == [0, -1]
    assert np.isnan(found.iloc[-1]["rarefied_tokens"])


def test_labels_are_averages_of_their_features_and_siblings_are_paired():
    token, text = corpus()
    rng = np.random.default_rng(4)
    broad = [np.where(rng.random(4000) < 0.5, rng.random(4000), 0) for _ in range(8)]
    narrow = [np.where(np.isin(token, [2 * i, 2 * i + 1]), rng.random(4000), 0) for i in range(8)]
    top = [np.array([10 * i]) for i in range(8)]
    labels = list("abcdefgh")
    tables = [cues_by_label(cues(made(own, token, text), draws=9), top, labels) for own in (broad, narrow)]
    assert tables[0]["features"].tolist() == [1] * 8
    found = cues_between(*tables).set_index("measure")
    assert found.loc["rarefied_tokens", "p"] == pytest.approx(2 / 2**8)
    assert found.loc["rarefied_tokens", "low"] > 0
    assert found.loc["same_token_beyond", "mean"] < 0
    means = cue_means(tables[0]).set_index("measure")
    assert means.loc["unique_tokens", "mean"] == pytest.approx(tables[0]["unique_tokens"].mean())
    same = cues_between(tables[0], tables[0]).set_index("measure")
    assert same.loc["rarefied_tokens", ["mean", "p"]].tolist() == [0, 1]


def test_one_firing_cannot_be_compared():
    with pytest.raises(UserError, match="rarefied to 1"):
        cues(made([np.ones(4)], [1, 2, 3, 4], [0, 0, 1, 1]), least=1)

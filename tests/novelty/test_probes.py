"""Probes and their scores against scikit-learn; planted classes found, exchanged labels not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.preprocessing import StandardScaler

from emotion_utils.core.errors import UserError
from emotion_utils.novelty.probes import (
    PENALTIES,
    ProbeScore,
    Rows,
    by_principal_components,
    f1,
    gap,
    probe,
    score_table,
)

DOCUMENTS = np.repeat(np.arange(60), 2)
SPLIT = np.where(DOCUMENTS < 36, "train", np.where(DOCUMENTS < 45, "validation", "test"))


def planted(seed=0, strength=1.0):
    """Three classes of documents with their own mean, rare the last; two places in each window."""
    rng = np.random.default_rng(seed)
    labels = np.array([0, 1, 0, 2, 1])[DOCUMENTS % 5]
    rows = Rows(np.repeat(labels[:, None], 2, axis=1), DOCUMENTS, SPLIT)
    means = strength * rng.standard_normal((3, 10))
    values = means[rows.labels.ravel()] + rng.standard_normal((240, 10))
    return rows, values * np.linspace(0.01, 100, 10)


def test_f1_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth, told = rng.integers(0, 4, 200), rng.integers(0, 5, 200)
    counts = np.zeros((5, 5))
    np.add.at(counts, (truth, told), 1)
    for metric in ("macro", "micro"):
        theirs = f1_score(truth, told, average=metric, labels=np.unique(truth) if metric == "macro" else None)
        assert f1(counts.reshape(1, -1), metric)[0] == pytest.approx(theirs)
    with pytest.raises(UserError, match='kind "weighted"'):
        f1(counts.reshape(1, -1), "weighted")


def test_a_probe_is_the_regression_of_scikit_learn_that_is_best_on_validation():
    rows, values = planted()
    scaler = StandardScaler().fit(values[rows.rows("train")])
    scaled = {name: scaler.transform(values[rows.rows(name)]) for name in ("train", "validation", "test")}
    reached = {}
    for penalty in PENALTIES:
        theirs = LogisticRegression(C=penalty, class_weight="balanced", max_iter=5000, tol=1e-8)
        theirs.fit(scaled["train"], rows.of("train"))
        told = theirs.predict(scaled["validation"])
        reached[penalty] = (-f1_score(rows.of("validation"), told, average="macro"), penalty, theirs)
    _, penalty, theirs = min(reached.values(), key=lambda one: one[:2])
    ours = probe(values, rows)
    assert ours.penalty == penalty
    assert (ours.predicted.ravel() == theirs.predict(scaled["test"])).mean() > 0.98
    assert ours.truth.ravel().tolist() == rows.of("test").tolist()


def test_two_classes_and_sparse_features_are_read_as_well():
    rng = np.random.default_rng(0)
    labels = (DOCUMENTS % 2)[:, None]
    rows = Rows(labels, DOCUMENTS, SPLIT)
    dense = np.where(rng.random((120, 6)) < 0.4, 1.0, 0.0)
    dense[:, 0] = labels[:, 0]
    assert (probe(csr_matrix(dense), rows).predicted == labels[SPLIT == "test"]).all()
    assert (probe(dense, rows).predicted == labels[SPLIT == "test"]).all()


def test_what_is_planted_has_an_interval_above_its_null_and_noise_has_not():
    rows, values = planted()
    noise = np.random.default_rng(9).standard_normal(values.shape)
    scores = {"planted": probe(values, rows), "noise": probe(noise, rows)}
    table = score_table(scores, n_permutations=99).set_index("representation")
    assert table.loc["planted", "macro_low"] > table.loc["planted", "null_high"]
    assert table.loc["planted", "p"] == 0.01
    assert table.loc["noise", "p"] > 0.05
    assert table.loc["noise", "macro_low"] < table.loc["noise", "null"] < table.loc["noise", "macro_high"]
    assert table["n"].tolist() == [60, 60]
    assert table["documents"].tolist() == [15, 15]
    ahead = gap(scores, ("planted", "noise"))
    assert ahead.ends((-1, 1))[0] > 0.2
    assert gap(scores, ("planted", "planted")).draws.tolist() == [0.0] * 200


def test_rows_share_no_document_between_splits():
    labels = (DOCUMENTS % 2)[:, None]
    crossed = SPLIT.copy()
    crossed[0] = "test"
    with pytest.raises(UserError, match="document 0 is in 2 splits"):
        Rows(labels, DOCUMENTS, crossed)
    with pytest.raises(UserError, match='split "validation"'):
        Rows(labels, DOCUMENTS, np.where(SPLIT == "validation", "train", SPLIT))
    with pytest.raises(UserError, match="one class"):
        Rows(np.zeros_like(labels), DOCUMENTS, SPLIT)
    with pytest.raises(UserError, match="7 rows of features and 120 labels"):
        probe(np.zeros((7, 2)), Rows(labels, DOCUMENTS, SPLIT))


def test_the_null_exchanges_whole_documents():
    """Predictions that repeat each document's label would look sure if single rows were exchanged."""
    labels = np.repeat((DOCUMENTS % 2)[:, None], 4, axis=1)
    score = ProbeScore(labels, 1 - labels[::-1], DOCUMENTS, 1.0, 1)
    drawn = score.null("micro", 300)
    assert drawn.std() > 2.5 * np.sqrt(0.25 / labels.size)  # of single rows


def test_components_are_those_of_scikit_learn_but_for_their_sign():
    values = np.random.default_rng(0).standard_normal((50, 6)) @ np.diag([5, 4, 3, 2, 1, 0.5])
    training = np.arange(40)
    scaled = StandardScaler().fit(values[training]).transform(values)
    theirs = PCA(3).fit(scaled[training]).transform(scaled)
    np.testing.assert_allclose(
        np.abs(by_principal_components(values, training, 3)), np.abs(theirs), atol=1e-8
    )

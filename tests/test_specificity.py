"""An emotion with directions of its own lies below the null; neutral differences lie inside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import sided

from emotion_utils.sides import Reading, Rows
from emotion_utils.specificity import specificity
from emotion_utils.subspaces import emotion_subspace, overlap, principal_components


def test_the_value_is_the_plain_overlap_and_a_strong_emotion_lowers_it():
    table = sided.prompts()
    rows = sided.rows(table)
    rng = np.random.default_rng(0)
    latent = sided.world(table, 1, strength=0.0)
    values = np.concatenate([latent, np.zeros((len(table), 6))], axis=1)
    for i, emotion in enumerate(rows.pairs):
        mine = (table["emotion"] == emotion).to_numpy()
        values[mine, 12 + 2 * i : 14 + 2 * i] += 4 + 4 * rng.normal(size=(mine.sum(), 2))
    reading = Reading("m", (0,), pd.Index(table["id"]), values[:, None] + 0)
    found = specificity(reading, rows, 3, 49)
    own = rows.pairs["anger"]
    u = emotion_subspace(reading.at(own["id"])[0], reading.at(own["partner"])[0], 3)
    v = principal_components(reading.at(rows.neutral["id"])[0], 3)
    row = found.set_index("emotion").loc["anger"]
    assert abs(row["value"] - overlap(u, v)) < 1e-12
    assert (found["p"] == 0.02).all()
    assert (found["low"] <= found["value"]).all()


def test_neutral_differences_are_not_specific():
    reading, _ = sided.two_of_one_world(3)
    rows = sided.rows()
    plain = rows.no_emotion(5)
    found = specificity(reading, Rows(rows.neutral, plain.pairs), 3, 99)
    assert (found["p"] > 0.02).all()

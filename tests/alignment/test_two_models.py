"""Two models in one call: the row of that pair in the table of all pairs."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.alignment.all_pairs import align_pairs
from emotion_utils.alignment.two_models import align_models
from emotion_utils.core.errors import UserError
from emotion_utils.models.model import load
from emotion_utils.prompts.loading import load_profile
from emotion_utils.subspaces.readings import read_model, rows_of


def test_two_models_are_compared_as_all_pairs_are(small):
    prompts, names = load_profile("baseline"), ("small-gpt2", "small-neo")
    found = align_models(small, load("small-neo"), prompts, k=3, n_permutations=9, seed=1)
    readings = {name: read_model(name, prompts) for name in names}
    table = align_pairs(readings, names, rows_of(prompts).halves(1), 3, 9, 1).best()
    own = table[(table["source"] == names[0]) & (table["target"] == names[1])].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, own)
    assert found["score"].tolist() == ["r2", "overlap", "probe"]


def test_a_model_is_not_compared_with_itself(small):
    with pytest.raises(UserError, match='Both models are called "small-gpt2"'):
        align_models(small, small, "smoke")

"""Emotions across languages: planted directions that both languages share, or each has alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from emotion_utils.activations.extraction import Activations
from emotion_utils.activations.prompt_sets import PromptSetActivations
from emotion_utils.core.errors import UserError
from emotion_utils.models.hooks import HookPoint
from emotion_utils.prompts.loading import load_profile
from emotion_utils.siblings.japanese import (
    PROBED,
    WITH_WORDS,
    WITHOUT_WORDS,
    _cell,
    means,
    probed,
    some_units,
)

WIDTH = 24
LABELS = ["gratitude", "anger", "apology", "neutral"]


def planted(shared: bool) -> PromptSetActivations:
    """States that hold the emotion, in one direction for both languages or in one for each."""
    rng = np.random.default_rng(0)
    directions = {
        language: 2 * np.eye(WIDTH)[np.arange(4) + (0 if shared else 4 * at)]
        for at, language in enumerate(WITH_WORDS)
    }
    prompts, found = {}, {}
    for sets in (WITH_WORDS, WITHOUT_WORDS):
        for language, name in sets.items():
            table = prompts[name] = some_units(load_profile(name), 6)
            labels = [LABELS.index(one) for one in table["emotion"]]
            states = directions[language][labels] + rng.standard_normal((len(table), WIDTH))
            rows = {"id": table["id"], "position": "end", "row": range(len(table)), "sink": False}
            reads = pd.DataFrame(rows | {"first": 0, "last": 1})
            found[name] = Activations({HookPoint(0, "resid_post"): torch.tensor(states).float()}, reads)
    return PromptSetActivations("planted", "smoke", prompts, found)


@pytest.mark.parametrize("shared", [True, False])
def test_a_shared_direction_reads_the_other_language_and_one_of_its_own_does_not(shared):
    activations = planted(shared)
    for made in WITH_WORDS:
        native, foreign = (means(_cell(activations, made, scored, 0)).iloc[0] for scored in WITH_WORDS)
        if made == "Japanese":
            native, foreign = foreign, native
        assert native["value"] > 0.9
        assert native["p"] == 0.05
        assert (foreign["p"] == 0.05) == (foreign["low"] > 0.6) == shared
        assert (foreign["rival_gain_low"] > 0) == shared


def test_an_auroc_is_that_of_a_peer_and_bags_of_words_know_one_language():
    activations = planted(True)
    row = _cell(activations, "English", "Japanese", 0).set_index("emotion").loc["anger"]
    built, scored = activations.prompts["baseline"], activations.prompts["ja_implicit"]
    values = {
        name: activations.found[name].values[HookPoint(0, "resid_post")].numpy()
        for name in ("baseline", "ja_implicit")
    }
    made = [
        values["baseline"][(built["split"] == "build") & (built["emotion"] == e)]
        for e in ("anger", "neutral")
    ]
    pairs = set(scored.loc[scored["emotion"] == "anger", "pair_id"])
    kept = scored["pair_id"].isin(pairs) & scored["split"].isin(["build", "test"])
    scores = values["ja_implicit"][kept] @ (made[0].mean(0) - made[1].mean(0))
    assert row["value"] == pytest.approx(roc_auc_score(scored.loc[kept, "emotion"] == "anger", scores))
    assert row["words"] == pytest.approx(0.5, abs=0.1)
    within = _cell(activations, "Japanese", "Japanese", 0).set_index("emotion")
    assert within["words"].tolist() == within["rival"].tolist()
    assert within.loc["anger", "rival"] == row["rival"]


def test_smoke_takes_whole_units_of_every_split_and_label():
    whole = load_profile("ja_implicit")
    part = some_units(whole, 2)
    assert len(part) < len(whole)
    counts = part.groupby(["split", "emotion"])["group"].nunique()
    assert len(counts) == 12
    assert counts.min() >= 2
    assert part["id"].tolist() == some_units(whole, 2)["id"].tolist()
    sizes = whole["group"].value_counts()
    assert (part["group"].value_counts() == sizes[part["group"].unique()]).all()


def test_a_model_is_probed_in_both_languages(small):
    table = probed(small, "smoke")
    assert list(table.columns) == PROBED
    assert table.groupby(["made", "scored"]).size().tolist() == [4] * 4
    assert table[["value", "words", "rival"]].notna().all(axis=None)
    with pytest.raises(UserError, match="There is no profile"):
        probed(small, "smok")

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
from emotion_utils.japanese import emotions
from emotion_utils.japanese.emotions import (
    FOREIGN,
    NATIVE,
    PROBED,
    TRANSFERRED,
    WITH_WORDS,
    WITHOUT_WORDS,
    WRONG,
    _effects,
    _of_language,
    _settings,
    means,
    probed,
    some_units,
    transferred,
)
from emotion_utils.models.hooks import HookPoint
from emotion_utils.novelty.steering_parts import EQUAL, RANDOM
from emotion_utils.prompts.loading import load_profile

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


def cell(activations: PromptSetActivations, made: str, scored: str) -> pd.DataFrame:
    """Vectors of one language on texts of one."""
    table = _of_language(activations, made, 0)
    return table[table["scored"] == scored]


@pytest.mark.parametrize("shared", [True, False])
def test_a_shared_direction_reads_the_other_language_and_one_of_its_own_does_not(shared):
    activations = planted(shared)
    for made in WITH_WORDS:
        native, foreign = (means(cell(activations, made, scored)).iloc[0] for scored in WITH_WORDS)
        if made == "Japanese":
            native, foreign = foreign, native
        assert native["value"] > 0.9
        assert native["p"] == 0.05
        assert (foreign["p"] == 0.05) == (foreign["low"] > 0.6) == shared
        assert (foreign["rival_gain_low"] > 0) == shared


def test_an_auroc_is_that_of_a_peer_and_bags_of_words_know_one_language():
    activations = planted(True)
    row = cell(activations, "English", "Japanese").set_index("emotion").loc["anger"]
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
    within = cell(activations, "Japanese", "Japanese").set_index("emotion")
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


def shifts(native: float, foreign: float, random: float = 0.1, spread: float = 0.02) -> pd.DataFrame:
    """Gains of replies in twelve Japanese scenes of twelve kinds of events."""
    rng = np.random.default_rng(0)
    kinds = [
        *[(NATIVE, "Japanese", native, 1), (FOREIGN, "English", foreign, 1)],
        *[(f"{WRONG}, Japanese", "Japanese", native / 2, 2), (f"{WRONG}, English", "English", 0.0, 2)],
        (f"{RANDOM}, {EQUAL}", "Japanese", 0.0, 99),
    ]
    rows = []
    for emotion in LABELS[:3]:
        for kind, made, gain, n in kinds:
            for number in range(n):
                centre = gain + (random * rng.standard_normal() if kind.startswith(RANDOM) else 0)
                for prompt in range(12):
                    value = centre + spread * rng.standard_normal()
                    rows.append((emotion, kind, made, number, prompt, prompt, value, value))
    columns = ["emotion", "kind", "made", "number", "prompt", "unit", "gain", "shift"]
    return pd.DataFrame(rows, columns=columns)


@pytest.mark.parametrize(("native", "foreign", "beyond"), [(2.0, 1.0, True), (2.0, 0.02, False)])
def test_a_vector_of_the_other_language_moves_replies_or_not(native, foreign, beyond):
    table = _effects(shifts(native, foreign), "Japanese", 0)
    rows = table.set_index(["made", "emotion"])
    for emotion in LABELS[:3]:
        own, other = rows.loc[("Japanese", emotion)], rows.loc[("English", emotion)]
        assert own["effect"] == pytest.approx(native, abs=0.02)
        assert own["p_holm"] <= 0.05
        assert (other["p_holm"] <= 0.05) == beyond
        assert other["own_share"] == pytest.approx(foreign / native, abs=0.02)
        assert own["wrong"] == pytest.approx(native / 2, abs=0.02)
        assert other["wrong"] == pytest.approx(0, abs=0.02)
        assert (own["vectors"], own["n"], own["scenes"]) == (99, 12, "Japanese")


def test_no_share_is_given_of_an_effect_that_may_be_nothing():
    table = _effects(shifts(0.0, 1.0, spread=0.5), "Japanese", 0)
    assert table["own_share"].isna().all()


def test_vectors_are_of_one_length_and_random_ones_are_shared():
    made = {
        language: {
            e: torch.randn(8, generator=torch.Generator().manual_seed(k)) for k, e in enumerate(LABELS[:3])
        }
        for language in WITH_WORDS
    }
    settings = _settings(made, "Japanese", 2, 5, 0)
    kinds = pd.Series([one.kind for one in settings]).value_counts()
    assert kinds[f"{RANDOM}, {EQUAL}"] == 3 * 5
    assert kinds[NATIVE] == kinds[FOREIGN] == 3
    for one in settings:
        own = float(made[one.made][one.emotion].norm())
        assert float(one.vector.norm()) == pytest.approx(own, rel=1e-5)
    native = {one.emotion: one for one in settings if one.kind == NATIVE}
    assert {one.made for one in native.values()} == {"Japanese"}


def test_replies_are_moved_in_both_languages(small, monkeypatch):
    monkeypatch.setattr(emotions, "SMOKE_SCENES", 3)
    monkeypatch.setattr(emotions, "SMOKE_VECTORS", 2)
    table = transferred(small, "smoke")
    assert list(table.columns) == TRANSFERRED
    assert table.groupby(["made", "scenes"]).size().tolist() == [3] * 4
    assert (table["vectors"] == 2).all()
    native = table["made"] == table["scenes"]
    assert table.loc[native & table["own_share"].notna(), "own_share"].eq(1).all()
    with pytest.raises(UserError, match="There is no profile"):
        transferred(small, "smok")

"""Sides hold the same prompts in the same order for every model, and only what the rows say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sided
import torch
from sklearn.metrics.pairwise import cosine_similarity

from emotion_utils.core.budget import REFERENCE
from emotion_utils.core.errors import UserError
from emotion_utils.heads.untrained import untrained_like
from emotion_utils.models.loading import load_config, token_counter
from emotion_utils.models.model import load
from emotion_utils.prompts import loading
from emotion_utils.subspaces import readings
from emotion_utils.subspaces.readings import (
    paired_states,
    read_model,
    read_text,
    read_untrained,
    rows_of,
    untrained_choice,
)


@pytest.fixture(scope="module")
def smoke():
    return loading.load_profile("smoke")


def test_every_emotional_prompt_stands_beside_its_own_partner():
    table = loading.load_profile("baseline")
    rows = rows_of(table)
    by_id = table.set_index("id")
    assert list(rows.neutral["id"]) == list(table.loc[table["emotion"] == "neutral", "id"])
    for emotion, own in rows.pairs.items():
        assert (by_id.loc[own["id"], "emotion"] == emotion).all()
        assert (by_id.loc[own["partner"], "emotion"] == "neutral").all()
        pairs = by_id["pair_id"]
        assert list(pairs[own["id"]]) == list(pairs[own["partner"]])
    assert rows.fewest == 70
    assert len(rows.emotional()) == 210


def test_halves_share_no_unit_and_leave_nothing_out():
    rows = sided.rows()
    one, other = rows.halves(3)
    units = [set(np.concatenate([own["unit"] for own in half.pairs.values()])) for half in (one, other)]
    assert units[0].isdisjoint(units[1])
    assert units[0] | units[1] == set(rows.units)
    assert len(one.neutral) == len(other.neutral) == len(rows.neutral)
    without = rows.without(int(rows.units[0]))
    assert set(without.units) == set(rows.units[1:])


def test_without_emotion_a_neutral_prompt_of_another_unit_takes_the_place():
    rows = sided.rows()
    made = rows.no_emotion(0).pairs["neutral"]
    unit = rows.neutral.set_index("id")["unit"]
    assert set(made["partner"]) == set(rows.neutral["id"])
    assert (unit[made["id"]].to_numpy() != unit[made["partner"]].to_numpy()).all()


def test_a_model_is_read_where_the_plain_forward_ends(smoke):
    states = read_model("small-pythia", smoke)
    model = load("small-pythia")
    text = smoke["text"].iloc[5]
    with torch.no_grad():
        hidden = model.network(
            **model.tokenizer(text, return_tensors="pt"), output_hidden_states=True
        ).hidden_states
    ours = states.at([smoke["id"].iloc[5]])
    assert ours[1, 0] == pytest.approx(hidden[2][0, -1].double().numpy(), abs=1e-4)
    assert ours.dtype == np.float64


def test_models_with_other_tokenizers_give_the_same_rows(smoke):
    rows = rows_of(smoke)
    one, other = (paired_states(read_model(name, smoke), rows) for name in ("small-gpt2", "small-gemma3"))
    assert np.array_equal(one.groups, other.groups)
    assert {e: v.shape for e, v in one.emotional.items()} == {e: v.shape for e, v in other.emotional.items()}
    assert paired_states(read_model("small-gpt2", smoke), rows, 2).neutral == pytest.approx(one.neutral[2:3])


def test_an_untrained_model_has_the_shape_but_not_the_states(smoke):
    trained, untrained = read_model("small-llama3", smoke), read_untrained("small-llama3", smoke, seed=1)
    assert untrained.values.shape == trained.values.shape
    assert np.array_equal(untrained.values, read_untrained("small-llama3", smoke, seed=1).values)
    assert np.abs(untrained.values - trained.values).max() > 0.1


def test_an_untrained_model_has_the_dtype_of_the_model_beside_it_and_not_that_of_its_configuration(
    tmp_path, smoke
):
    trained = load("small-llama3", dtype="bfloat16")
    trained.network.save_pretrained(tmp_path)
    trained.tokenizer.save_pretrained(tmp_path)
    assert load_config(str(tmp_path)).dtype == torch.bfloat16
    few = smoke.head(2)
    values = {
        dtype: read_untrained(str(tmp_path), few, dtype=dtype).values for dtype in ("float32", "bfloat16")
    }
    halves = {dtype: torch.tensor(own).bfloat16().double().numpy() for dtype, own in values.items()}
    assert np.array_equal(values["bfloat16"], halves["bfloat16"])
    assert not np.array_equal(values["float32"], halves["float32"])
    for dtype in ("float32", "bfloat16"):
        beside = load(str(tmp_path), dtype=dtype)
        assert untrained_like(beside, 0).dtype == beside.dtype == getattr(torch, dtype)


def test_the_text_alone_keeps_the_angles_of_its_word_counts():
    table = pd.DataFrame({"id": list("abcd"), "text": ["a cat sat", "a cat ran", "dogs bark", "dogs ran"]})
    values = read_text(table).values[:, 0]
    found = cosine_similarity(values)
    assert found[0, 2] == pytest.approx(0, abs=1e-9)
    assert found[0, 1] > found[1, 3] > 0
    assert np.linalg.norm(values, axis=1) == pytest.approx(np.ones(4))


def test_what_was_not_read_is_named():
    one, _ = sided.two_of_one_world()
    with pytest.raises(UserError, match='m0 was not read on "x"'):
        one.at(["x"])


def test_emotions_are_those_that_there_are():
    table = sided.prompts()
    assert list(rows_of(table).pairs) == ["gratitude", "anger", "apology"]
    assert list(rows_of(table[table["emotion"] != "anger"]).pairs) == ["gratitude", "apology"]


def test_at_half_depth_one_layer_is_read_the_same_that_the_published_formula_takes(smoke):
    whole, half = (read_model("small-gpt2", smoke, half_depth=only) for only in (False, True))
    assert half.layers == (1,)  # of four: relative depth 2/4
    ids = smoke["id"].tolist()
    assert half.at(ids)[0] == pytest.approx(whole.at(ids)[1], abs=1e-5)


def test_untrained_models_are_of_the_first_that_can_afford_their_seeds(smoke, monkeypatch):
    """Small models read more for the same price, by their parameters."""
    many, names = pd.concat([smoke] * 200, ignore_index=True), ["small-qwen3", "small-gpt2"]
    sizes = [sum(p.numel() for p in load(name).network.parameters()) for name in names]
    counts = [sum(token_counter(name)(many["text"].tolist())) for name in names]
    paid = [REFERENCE / size / n for size, n in zip(sizes, counts, strict=True)]
    assert paid[0] != paid[1]
    costly, cheap = (names[i] for i in np.argsort(paid))
    assert untrained_choice([costly, cheap], many) == (costly, 3)
    monkeypatch.setattr(readings, "UNTRAINED_TOKENS", int(np.ceil(3 / max(paid))))
    assert untrained_choice([costly, cheap], many) == (cheap, 3)
    assert untrained_choice([costly], many)[1] in (1, 2)
    monkeypatch.setattr(readings, "UNTRAINED_TOKENS", 1)
    assert untrained_choice([costly, cheap], many) == (costly, 1)

"""Vectors straight from a model and prompts are those of the steps that lead to them, done by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from emotion_utils.activations.prompt_sets import read_activations
from emotion_utils.core.errors import UserError
from emotion_utils.prompts.loading import load_profile
from emotion_utils.vectors.from_prompts import emotion_vector, logit_lens, probe, project

BASELINE = load_profile("baseline")


@pytest.fixture(scope="module")
def thanks(small):
    return emotion_vector(small, "gratitude", BASELINE)


def test_a_vector_is_the_difference_of_means_over_the_build_split(small, thanks):
    build = BASELINE[BASELINE["split"] == "build"]
    own = build[build["emotion"] == "gratitude"]
    partners = build[(build["emotion"] == "neutral") & build["pair_id"].isin(own["pair_id"])]
    ends = [read_activations(small, part).at("end")[1].double().mean(dim=0) for part in (own, partners)]
    torch.testing.assert_close(thanks.values.double(), ends[0] - ends[1], rtol=1e-4, atol=1e-4)
    assert (thanks.emotion, thanks.model, thanks.n) == ("gratitude", "small-gpt2", len(own))
    with pytest.raises(UserError, match='did you mean "gratitude"'):
        emotion_vector(small, "gratitud", "smoke")
    with pytest.raises(UserError, match='no method "sentence": did you mean "sentence end"'):
        emotion_vector(small, "gratitude", "smoke", method="sentence")
    with pytest.raises(UserError, match='no column "emotion"'):
        emotion_vector(small, "gratitude", BASELINE[["id", "text"]])
    with pytest.raises(UserError, match='no method "word"'):
        probe(small, "smoke", methods=["word"])


def test_a_vector_of_another_model_is_neither_projected_on_nor_read(small, thanks):
    other = replace(thanks, model="small-neo")
    for use in (lambda: project(small, ["Tom met Anna."], other), lambda: logit_lens(small, other, 1)):
        with pytest.raises(UserError, match='of the model "small-neo", and this is "small-gpt2"'):
            use()


def test_texts_lie_along_a_vector_by_their_inner_product(small, thanks):
    texts = ["Tom thanked Anna warmly.", "Tom met Anna today."]
    values = read_activations(small, texts).at("end")[1]
    table = project(small, texts, thanks)
    assert table.shape == (2, small.n_layers)
    lengths = thanks.values.norm(dim=1)
    for i in range(2):
        for layer in thanks.layers:
            expected = float(values[i, layer] @ thanks.values[layer] / lengths[layer])
            assert table.iloc[i][layer] == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_probes_are_scored_on_their_own_test_split_and_on_other_sets(small):
    table = probe(small, "baseline", ["minimal_pairs"]).set_index(["set", "emotion"])
    assert set(table.index.get_level_values("set")) == {"baseline", "minimal_pairs"}
    test = BASELINE[(BASELINE["split"] == "test") & BASELINE["emotion"].isin(["gratitude", "neutral"])]
    assert table.loc[("baseline", "gratitude"), "n"] == len(test)
    assert table["value"].dropna().between(0, 1).all()


def test_the_lens_reads_what_adding_the_vector_to_a_neutral_state_promotes(small, thanks):
    neutral = BASELINE[BASELINE["emotion"] == "neutral"]
    base = read_activations(small, neutral).at("end")[1][:, 3].mean(dim=0)
    head, norm = small.network.lm_head, small.network.transformer.ln_f
    with torch.no_grad():
        before, after = (torch.log_softmax(head(norm(x)), -1) for x in (base, base + thanks.at(3)))
    table = logit_lens(small, thanks, 3, top=5)
    best = (after - before).topk(5)
    assert table["token"].tolist() == [small.tokenizer.decode([i]) for i in best.indices.tolist()]
    assert table["change"].tolist() == pytest.approx(best.values.tolist(), abs=1e-3)

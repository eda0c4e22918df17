"""Vectors straight from a model and prompts are those of the steps that lead to them, done by hand."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
import torch

from emotion_utils.activations.prompt_sets import read_activations
from emotion_utils.core.errors import UserError
from emotion_utils.prompts.loading import load_profile
from emotion_utils.vectors.from_prompts import emotion_vector, logit_lens, probe, project
from emotion_utils.vectors.vector import EmotionVector

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


def test_vectors_from_elsewhere_are_scored_beside_our_own_on_the_same_prompts(small, thanks):
    """Our own vector, given as another's, gets our own scores; a random direction those of chance."""
    noise = torch.randn(small.n_layers, small.d_model, generator=torch.Generator().manual_seed(3))
    drawn = replace(thanks, method="at random", emotion="anger", values=noise)
    given = {"gratitude": thanks, "joy": drawn}
    table = probe(small, BASELINE, ["implicit"], vectors=given)
    own, other = (table[table["method"] == method] for method in ("sentence end", "given: sentence end"))
    assert set(other["emotion"]) == {"gratitude", "mean"}
    both = own[own["emotion"] == "gratitude"], other[other["emotion"] == "gratitude"]
    columns = ["set", "layer", "value", "low", "high", "null_high", "p", "words", "n", "n_units"]
    mine, theirs = (part[columns].reset_index(drop=True) for part in both)
    pd.testing.assert_frame_equal(mine, theirs)
    chance = probe(small, BASELINE, vectors={"anger": drawn}).set_index(["method", "emotion"])
    row = chance.loc[("given: at random", "anger")]
    assert row["p"] > 0.05 or row["value"] < 0.5
    assert row["value"] < chance.loc[("sentence end", "anger"), "value"]


def test_some_layers_of_a_vector_are_chosen_among(small, thanks):
    some = EmotionVector("gratitude", "read", thanks.model, (1, 3), thanks.values[[1, 3]])
    table = probe(small, BASELINE, vectors={"gratitude": some}).set_index(["method", "emotion"])
    assert table.loc[("given: read", "gratitude"), "layer"] in (1, 3)


def test_vectors_that_cannot_be_scored_are_refused(small, thanks):
    for given, said in (
        (
            {"joy": thanks},
            "None of the vectors joy stands for an emotion of the prompts, gratitude, anger and apology",
        ),
        ({"gratitude": replace(thanks, model="small-neo")}, 'of the model "small-neo"'),
        ({"gratitude": replace(thanks, kind="attn_out")}, "gratitude is of attn_out"),
    ):
        with pytest.raises(UserError, match=said):
            probe(small, BASELINE, vectors=given)


def test_a_given_vector_is_read_where_its_method_reads(small):
    word = emotion_vector(small, "gratitude", BASELINE, method="emotion word")
    table = probe(small, BASELINE, methods=["emotion word"], vectors={"gratitude": word})
    table = table[table["emotion"] == "gratitude"].set_index("method")
    columns = ["layer", "value", "null_high", "p", "n"]
    own, other = (table.loc[name, columns].tolist() for name in ("emotion word", "given: emotion word"))
    assert own == other

"""Vectors and unit of strength are those of the plain forward pass, text by text, on the build split alone."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import own_labels
import pandas as pd
import pytest
import steered
import torch

from emotion_utils.models.loading import load_tokenizer
from emotion_utils.steering.subject import CLOUD, MADE, MINUS_OTHERS, STEERED, prepare


@pytest.fixture(scope="module")
def build(implicit):
    return implicit[implicit["split"] == "build"].reset_index(drop=True)


@pytest.fixture(scope="module")
def by_hand(steered_model, build):
    """States of every token of every build prompt, shape (position, layer, d_model) each."""
    ids = [steered_model.model.tokenizer(text)["input_ids"] for text in build["text"]]
    return [steered.stream(steered_model.model.network, row).numpy() for row in ids]


def test_the_blocks_are_the_hidden_states_of_hugging_face(steered_model, build, by_hand):
    ids = torch.tensor([steered_model.model.tokenizer(build["text"][0])["input_ids"]])
    with torch.no_grad():
        hidden = steered_model.model.network(ids, output_hidden_states=True).hidden_states
    for layer in range(3):  # after the last block, Hugging Face gives the normalised state
        np.testing.assert_array_equal(hidden[layer + 1][0].numpy(), by_hand[0][:, layer])


def test_the_unit_is_the_median_length_over_neutral_tokens_but_the_first(steered_model, build, by_hand):
    kept = [by_hand[i][1:] for i in np.flatnonzero(build["emotion"] == "neutral")]
    lengths = np.linalg.norm(np.concatenate(kept).astype(np.float64), axis=-1)  # (token, layer)
    # between the two in the middle, the lower one is taken
    np.testing.assert_allclose(steered_model.unit.numpy(), np.median(lengths, axis=0), rtol=1e-3)
    np.testing.assert_allclose(
        steered_model.unit.numpy(), np.quantile(lengths, 0.5, axis=0, method="lower"), rtol=1e-5
    )
    first = np.linalg.norm([by_hand[i][0] for i in range(3)], axis=-1)
    assert (np.abs(first - steered_model.unit.numpy()) > 1).all()  # the first would have mattered


def test_the_cloud_is_made_of_these_tokens(steered_model, build, by_hand):
    tokens = np.concatenate([by_hand[i][1:] for i in np.flatnonzero(build["emotion"] == "neutral")])
    assert steered_model.cloud.shape == (CLOUD, 4, 128)
    flat, drawn = tokens.reshape(len(tokens), -1), steered_model.cloud.numpy().reshape(CLOUD, -1)
    for row in drawn[:: CLOUD // 8]:
        assert np.abs(flat - row).max(axis=1).min() < 2e-3


def test_vectors_are_differences_of_means_at_the_end(steered_model, build, by_hand):
    ends = np.stack([states[-1] for states in by_hand]).astype(np.float64)
    labels = build["emotion"].to_numpy()
    means = {e: ends[labels == e].mean(axis=0) for e in (*steered.EMOTIONS, "neutral")}
    centre = sum(means.values()) / 4
    for emotion in steered.EMOTIONS:
        pairs = set(build.loc[labels == emotion, "pair_id"])
        partners = ((labels == "neutral") & build["pair_id"].isin(pairs)).to_numpy()
        assert partners.sum() < (labels == "neutral").sum()
        expected = means[emotion] - ends[partners].mean(axis=0)
        found = steered_model.vectors[MADE[0]][emotion].values.numpy()
        np.testing.assert_allclose(found, expected, atol=2e-3)
        np.testing.assert_allclose(
            steered_model.vectors[MADE[1]][emotion].values.numpy(), means[emotion] - centre, atol=2e-3
        )
    np.testing.assert_allclose(steered_model.states.numpy(), ends, atol=2e-3)
    assert steered_model.labels.tolist() == labels.tolist()
    families = (build["group"] + "/" + build["emotion"]).tolist()
    assert len({*zip(families, steered_model.blocks.tolist(), strict=True)}) == len(set(families))


def test_a_direction_is_one_unit_long(steered_model):
    for made in MADE:
        found = steered_model.direction("anger", 2, made)
        assert float(found.norm()) == pytest.approx(float(steered_model.unit[2]), rel=1e-5)
        raw = steered_model.vectors[made]["anger"].values[2]
        assert float(torch.cosine_similarity(found, raw, dim=0)) == pytest.approx(1, abs=1e-5)
    assert list(steered_model.layers) == [0, 1, 2, 3]
    assert steered_model.emotions == list(steered.EMOTIONS)
    assert steered_model.knows_replies


def test_other_splits_change_nothing(steered_model, implicit):
    told = implicit["text"].where(implicit["split"] == "build", "It rains. " + implicit["text"])
    other = prepare(replace(steered_model.model, name="mine"), implicit.assign(text=told), seed=1)
    torch.testing.assert_close(other.unit, steered_model.unit, rtol=1e-5, atol=1e-3)
    for made in MADE:
        for emotion in steered.EMOTIONS:
            torch.testing.assert_close(
                other.vectors[made][emotion].values,
                steered_model.vectors[made][emotion].values,
                rtol=1e-4,
                atol=2e-3,
            )
    assert not other.knows_replies
    assert not torch.equal(other.cloud, steered_model.cloud)  # the seed chooses the tokens that are kept


@pytest.mark.parametrize("name", ["small-gpt2", "small-llama3", "small-gemma3"])
def test_a_text_begins_with_one_bos(name):
    tokenizer = load_tokenizer(name)
    ids = with_tokenizer(tokenizer).ids("We met.")
    assert ids[0] == tokenizer.bos_token_id
    assert ids.count(tokenizer.bos_token_id) == 1
    assert tokenizer.decode(ids[1:]) == "We met."


def test_a_tokenizer_without_bos_gives_the_bare_text():
    tokenizer = copy.deepcopy(load_tokenizer("small-qwen3"))
    tokenizer.bos_token = None
    assert with_tokenizer(tokenizer).ids("We met.") == tokenizer("We met.")["input_ids"]


def with_tokenizer(tokenizer):
    made = steered.planted()
    return replace(made, model=replace(made.model, tokenizer=tokenizer))


@pytest.fixture(scope="module")
def own(small, tmp_path_factory):
    return own_labels.texts_of(small.tokenizer, tmp_path_factory.mktemp("own"), ("joy", "worry", "calm"))


@pytest.mark.parametrize("reference", [True, False])
def test_own_labels_stand_against_the_reference_or_all_others(small, steered_model, implicit, own, reference):
    own = own.assign(emotion=own["emotion"].replace("calm", "neutral")) if reference else own
    found = prepare(small, implicit, own=own)
    kinds = [MADE[0], MADE[1]] if reference else [MINUS_OTHERS]
    assert found.kinds == kinds
    assert found.emotions == (["joy", "worry"] if reference else ["calm", "joy", "worry"])
    build = own[own["split"] == "build"]
    ends = np.stack(
        [steered.stream(small.network, small.tokenizer(t)["input_ids"])[-1] for t in build["text"]]
    )
    labels = build["emotion"].to_numpy()
    for label in found.emotions:
        rest = labels == "neutral" if reference else labels != label
        expected = ends[labels == label].mean(axis=0) - ends[rest].mean(axis=0)
        np.testing.assert_allclose(found.vectors[kinds[0]][label].values.numpy(), expected, atol=2e-3)
    torch.testing.assert_close(found.unit, steered_model.unit)  # of the scenes that are steered
    torch.testing.assert_close(found.cloud, steered_model.cloud)
    assert found.reader.names == ["words"]  # a bundled model's texts are read by no other model
    assert len(found.judged) == (own["split"] == "test").sum()
    held, against = found.sides("joy", 2)
    told = own[own["split"] == "test"].groupby("emotion")["text"].apply(list)
    assert all(any(text.startswith(part) for text in told["joy"]) for part in held)
    assert not any(any(text.startswith(part) for text in told["joy"]) for part in against)


def test_of_many_labels_the_first_by_name_are_steered_and_the_judge_knows_all(small, implicit, tmp_path):
    labels = [f"label {letter}" for letter in "hgfedcba"]
    found = prepare(small, implicit, own=own_labels.texts_of(small.tokenizer, tmp_path, labels, n=6))
    assert found.emotions == [f"label {letter}" for letter in "abcdef"]
    assert len(found.emotions) == STEERED
    assert found.own.labels == found.reader.words.labels == tuple(sorted(labels))
    assert set(found.labels) == set(labels)
    assert isinstance(found.judged, pd.DataFrame)


def test_with_one_label_beside_the_reference_there_is_one_kind_of_vector(small, implicit, tmp_path):
    found = prepare(small, implicit, own=own_labels.texts_of(small.tokenizer, tmp_path, ("joy", "neutral")))
    assert found.kinds == [MADE[0]]  # centred would point the same way

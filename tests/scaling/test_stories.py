"""Stories as they are read and as models read them: what is wrong with a file, what is averaged, what is cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scaling_sets import write_stories
from sklearn.feature_extraction.text import TfidfVectorizer

from emotion_utils.core.errors import UserError
from emotion_utils.core.store import Store
from emotion_utils.models.model import load
from emotion_utils.scaling.stories import read_states, read_stories

TEXTS = {
    "joy": ["Anna laughed and danced all day.", "The sun came out.", "He sang.", "More of it."],
    "fear": ["The door creaked; nobody breathed.", "He ran from the dog.", "She hid.", "More of it."],
    "anger": ["They shouted at the clerk.", "She slammed the door.", "He swore.", "More of it."],
}


def folder(tmp_path, topics=("a", "b", "a", "b"), **changed):
    rows = {
        emotion: [{"text": text, "topic": topic} for text, topic in zip(own, topics, strict=True)]
        for emotion, own in TEXTS.items()
    }
    return write_stories(
        tmp_path / "folder",
        {**rows, **changed},
        {"clusters": {"up": ["joy", "bliss"], "down": ["fear", "anger"], "no": []}},
    )


def test_the_first_stories_of_each_emotion_are_read(tmp_path):
    found = read_stories(folder(tmp_path), 3)
    assert (found.emotions, found.n) == (("anger", "fear", "joy"), 3)
    assert found.texts["joy"] == tuple(TEXTS["joy"][:3])
    assert found.shared_topics() == ("a", "b", "a")
    assert found.clusters == {"up": ("joy",), "down": ("fear", "anger")}
    assert found.frame()["id"].tolist()[:4] == ["anger/0", "anger/1", "anger/2", "fear/0"]
    assert found.sha256 != read_stories(folder(tmp_path), 2).sha256
    assert read_stories(folder(tmp_path), 3, ["joy", "fear"]).emotions == ("joy", "fear")
    other = [{"text": text, "topic": "c"} for text in TEXTS["joy"]]
    assert read_stories(folder(tmp_path, joy=other), 3).shared_topics() == ()


def test_the_words_are_those_of_scikit_learn(tmp_path):
    found = read_stories(folder(tmp_path), 3)
    documents = [" ".join(found.texts[emotion]) for emotion in found.emotions]
    expected = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(documents).toarray()
    assert np.array_equal(found.words(), expected)
    assert found.word_set().values.shape == (1, *expected.shape)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"joy": [{"text": "One."}]}, r"joy\.jsonl has 1 stories, and 3 were asked for"),
        ({"joy": [{"text": "One."}, "{torn", {"text": "x"}]}, r"line 2 of .*joy\.jsonl is damaged, it is no JSON"),
        ({"joy": [{"text": "One."}, "", {"text": " \n"}]}, r"line 3 of .*joy\.jsonl is a blank story"),
        ({"joy": [{"words": "One."}]}, r'line 1 of .*joy\.jsonl has no "text"'),
        ({"joy": ["[1]"]}, r'line 1 of .*joy\.jsonl has no "text"'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_stories_is_said_with_its_line(tmp_path, changed, said):
    with pytest.raises(UserError, match=said):
        read_stories(folder(tmp_path, **changed), 3)


def test_missing_stories_and_wrong_clusters_are_named(tmp_path):
    whole = folder(tmp_path)
    with pytest.raises(UserError, match=r"There is no file .*pride\.jsonl"):
        read_stories(whole, 3, ["joy", "pride"])
    with pytest.raises(UserError, match="has stories of nothing: name a folder"):
        read_stories(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="0 stories of each emotion were asked for"):
        read_stories(whole, 0)
    (whole / "emotions.json").write_text('{"clusters": {"a": "joy"}}', encoding="utf-8")
    with pytest.raises(UserError, match='has no "clusters" of names to lists'):
        read_stories(whole, 2)
    (whole / "emotions.json").write_text('{"clusters"', encoding="utf-8")
    with pytest.raises(UserError, match=r"emotions\.json is damaged"):
        read_stories(whole, 2)
    (whole / "emotions.json").unlink()
    assert read_stories(whole, 2).clusters == {}


@pytest.fixture(scope="module")
def model():
    return load("small-gpt2")


def test_a_state_is_the_mean_over_all_tokens_but_the_first(tmp_path, model):
    stories = read_stories(folder(tmp_path), 3)
    found = read_states(model, stories)
    assert found.values.shape == (4, 3, 3, 128)
    assert found.values.dtype == np.float32
    assert (found.layers, found.cut, found.topics, found.blocks) == ((0, 1, 2, 3), 0.0, ("a", "b", "a"), 4)
    ids = model.encode(["He sang."]).ids[0]
    with torch.no_grad():
        states = model.network(torch.tensor([ids]), output_hidden_states=True).hidden_states
    for layer in range(3):  # the last of them is after the final norm
        expected = states[layer + 1][0, 1:].mean(dim=0).numpy()
        assert np.abs(found.values[layer, 2, 2] - expected).max() < 1e-4 * np.abs(expected).max()
    means = found.means()
    assert np.allclose(means.values, found.values.mean(axis=2, dtype=float))
    assert means.name == "small-gpt2"
    assert means.parameters == sum(weight.numel() for weight in model.network.parameters())
    assert found.tokens == sum(len(model.encode([text]).ids[0]) for text in stories.frame()["text"])
    assert found.in_words().endswith(f"read 9 stories, {found.tokens} tokens.")


def test_a_story_that_is_too_long_is_cut_at_the_models_room_and_that_is_said(tmp_path, model):
    long = "He sang. " * 400
    stories = read_stories(folder(tmp_path, joy=[{"text": long}] + [{"text": "He sang."}] * 2), 3)
    found = read_states(model, stories)
    assert found.cut == pytest.approx(1 / 9)
    assert found.in_words().endswith("11% of the stories were longer than its room and were cut.")
    start = model.encode([long[:200]]).ids[0]
    again = read_stories(folder(tmp_path, joy=[{"text": long[: 9 * 300]}] + [{"text": "He sang."}] * 2), 3)
    assert len(start) < model.context
    assert np.array_equal(read_states(model, again).values, found.values)  # cut at the same token


def test_what_was_read_is_not_read_again(tmp_path, model, monkeypatch):
    stories, store = read_stories(folder(tmp_path), 2), Store(tmp_path / "store")
    first = read_states(model, stories, store=store)

    def refused(*_, **__):
        raise AssertionError("the model was run")

    monkeypatch.setattr(model.network.__class__, "forward", refused)
    assert np.array_equal(read_states(model, stories, store=store).values, first.values)
    with pytest.raises(AssertionError, match="the model was run"):
        read_states(model, stories)

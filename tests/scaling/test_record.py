"""The record of emotion geometry: it comes back as it was written, and says so where it does not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scaling_sets import write_stories

from emotion_utils.core.errors import UserError
from emotion_utils.core.store import Store
from emotion_utils.scaling import record as record_module
from emotion_utils.scaling.geometry import compare
from emotion_utils.scaling.record import (
    FOLDER,
    MEANS,
    MINIATURES,
    RECORD,
    Sizes,
    main,
    make_record,
    read_record,
    write_record,
)

CLUSTERS = {
    "Positive Anchors": ["joy", "pride"],
    "Fear & Overwhelm": ["fear", "panic"],
    "Depleted Disengagement": ["weary", "resigned"],
}
WORDS = ["door", "sun", "dog", "clerk", "song", "rain", "road", "house", "street", "bird"]


def stories(folder):
    rng = np.random.default_rng(1)
    lines = {}
    for own in CLUSTERS.values():
        for emotion in own:
            texts = [" ".join(rng.choice(WORDS, size=9)) + f" and {emotion}." for _ in range(3)]
            lines[emotion] = [{"text": text} for text in texts]
    return write_stories(folder, lines, {"clusters": CLUSTERS})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A record of two miniatures."""
    folder = tmp_path_factory.mktemp("stories")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_module, "MODELS", ("small-gpt2", "small-llama3"))
        patch.setattr(record_module, "MINIATURES", ())
        return make_record(stories(folder), Store(folder / "store"), n=3, sizes=Sizes(99, 9, 20))


def test_a_record_comes_back_as_it_was_written(made, tmp_path):
    write_record(made, tmp_path / "scaling")
    found = read_record(tmp_path / "scaling")
    assert sorted(path.name for path in (tmp_path / "scaling").iterdir()) == [MEANS, RECORD]
    assert (found.date, found.commit, found.stories) == (made.date, made.commit, made.stories)
    assert list(found.sets) == ["small-gpt2", "small-llama3"]
    for name, own in made.sets.items():
        again = found.sets[name]
        assert (again.emotions, again.layers, again.blocks) == (own.emotions, own.layers, own.blocks)
        assert again.parameters == own.parameters
        size = np.abs(own.values).max(axis=(1, 2), keepdims=True)
        assert (np.abs(again.values - own.values) / size).max() < 1e-3
    for name, table in made.tables.items():
        assert list(found.tables[name]) == list(table), name
        assert len(found.tables[name]) == len(table)
        for column in table.select_dtypes("number"):
            got = found.tables[name][column].astype(float)
            assert np.allclose(got, table[column].astype(float), rtol=1e-5, equal_nan=True), (name, column)
    assert found.tables["all_stories"].empty  # there is no published set


def test_a_similarity_is_the_same_from_the_record(made, tmp_path):
    write_record(made, tmp_path)
    found = read_record(tmp_path)
    told = made.tables["similarities"].iloc[0]
    again = compare(*found.sets.values(), found.words)
    assert (again.layer_one, again.layer_other) == (told["layer_one"], told["layer_other"])
    assert again.value == pytest.approx(told["value"], abs=0.01)
    assert again.partial == pytest.approx(told["partial"], abs=0.02)


def flipped(path):
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))


def edited(folder):
    path = folder / RECORD
    path.write_text(path.read_text(encoding="utf-8").replace('"n": 3', '"n": 4', 1), encoding="utf-8")


def other_format(folder):
    content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    (folder / RECORD).write_text(json.dumps({**content, "schema": 99}), encoding="utf-8")


DAMAGE = {
    "means.safetensors is not what was recorded, its hash differs": lambda folder: flipped(folder / MEANS),
    "record.json is not what was recorded, its hash differs": edited,
    "record.json has the format 99, and this is 1": other_format,
    "is damaged, it is not JSON": lambda folder: (folder / RECORD).write_text('{"schema"', encoding="utf-8"),
    "record.json is damaged": lambda folder: (folder / RECORD).write_text("[]", encoding="utf-8"),
    "There is no file .*means": lambda folder: (folder / MEANS).unlink(),
}


@pytest.mark.parametrize("said", DAMAGE)
def test_damage_is_one_sentence(made, tmp_path, said):
    write_record(made, tmp_path)
    DAMAGE[said](tmp_path)
    with pytest.raises(UserError, match=said):
        read_record(tmp_path)


def test_without_a_record_there_is_none_and_without_stories_none_is_made(tmp_path, capsys, monkeypatch):
    assert read_record(tmp_path) is None
    monkeypatch.delenv("EMOTION_CIRCUITS_STORIES", raising=False)
    assert main([]) == 2
    assert main(["--stories", str(tmp_path / "none")]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "error: No folder with stories is named: give it by --stories."
    assert "There is no folder" in told[1]


REFERENCE = {
    ("SmolLM2 135M", "Gemma 3 270M"): (0.93, 28, 17),
    ("SmolLM2 135M", "Llama 3.1 8B"): (0.78, 28, 26),
    ("SmolLM2 135M", "Qwen3 8B"): (0.80, 28, 29),
    ("Gemma 3 270M", "Llama 3.1 8B"): (0.76, 16, 26),
    ("Gemma 3 270M", "Qwen3 8B"): (0.77, 16, 29),
}
"""Computed by other code, from hidden states, before this package had any: similarity, and one more than the layers."""


def test_the_committed_record_agrees_with_an_independent_computation():
    """What is given the words is compared where Gemma is not: there it was read after the final norm as well."""
    table = read_record(FOLDER).tables["without_last"]
    raw = table[table["recipe"] == "raw"].set_index(["one", "other"])
    for pair, (value, *layers) in REFERENCE.items():
        assert raw.loc[pair, "value"] == pytest.approx(value, abs=0.02), pair
        assert raw.loc[pair, ["layer_one", "layer_other"]].tolist() == [layer - 1 for layer in layers], pair
        assert raw.loc[pair, "p"] <= 0.002
    for other, rest in (("Llama 3.1 8B", 0.56), ("Qwen3 8B", 0.61)):
        assert raw.loc[("SmolLM2 135M", other), "partial"] == pytest.approx(rest, abs=0.02)
    whole = read_record(FOLDER).tables["all_stories"]
    (eight,) = whole[(whole["one"] == "Llama 3.1 8B") & (whole["recipe"] == "raw")].to_dict("records")
    assert (eight["value"], eight["partial"]) == (
        pytest.approx(0.99, abs=0.02),
        pytest.approx(0.94, abs=0.02),
    )


def test_what_can_be_computed_from_the_committed_means_agrees_with_its_tables():
    found = read_record(FOLDER)
    names = ("SmolLM2 135M", "Gemma 3 270M")
    table = found.tables["similarities"].set_index(["one", "other", "recipe"])
    for standardise in (False, True):
        both = [found.sets[name] for name in names]
        again = compare(*both, found.words, standardise=standardise, n_permutations=99)
        told = table.loc[(*names, again.recipe)]
        assert again.value == pytest.approx(told["value"], abs=0.005)
        assert again.partial == pytest.approx(told["partial"], abs=0.005)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000
    assert found.models["smollm2-135m"]["cut"] == 0


def test_models_that_know_no_english_share_nothing_with_large_ones_beyond_words():
    table = read_record(FOLDER).tables["similarities"]
    rows = table[table["one"].isin(MINIATURES) & table["other"].isin(["Llama 3.1 8B", "Qwen3 8B"])]
    raw = rows[rows["recipe"] == "raw"]
    assert len(raw) == 2 * len(MINIATURES)
    assert (raw["beyond_words"] != "yes").all()
    real = table[table["one"].isin(["SmolLM2 135M", "Gemma 3 270M"]) & (table["other"] == "Llama 3.1 8B")]
    assert (real["beyond_words"] == "yes").all()

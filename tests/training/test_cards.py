"""The card says what was measured, for programs and for readers."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from emotion_utils.training import cards, steering_check
from emotion_utils.training.configs import spec_of


class Few(cards.Sizes):
    loss, samples, posterior, build, select, test = 6, 10, 4, 4, 3, 4


@pytest.fixture(scope="module")
def card(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("card") / "small-gpt2"
    shutil.copytree(trained, folder)
    spec = replace(spec_of("small-gpt2"), tokens=30_000)
    with (
        pytest.MonkeyPatch.context() as patch
    ):  # a setting per layer: which of them is chosen is not tested here
        patch.setattr(steering_check, "ALPHAS", (1.0,))
        patch.setattr(steering_check, "AFTER", (0,))
        cards.write_card(folder, spec, sizes=Few, progress=False)
    return folder


@pytest.mark.slow
def test_the_card_has_all_that_was_promised(card):
    found = json.loads((card / "card.json").read_text(encoding="utf-8"))
    assert found["parameters"] > 1_000_000
    assert found["data"]["documents"] > 100
    assert len(found["data"]["corpus_sha256"]) == 64
    assert len(found["evaluation"]["samples"]) == 10
    for key in ("loss", "grammatical", "posterior", "steering"):
        assert found["evaluation"][key]
    for measured in found["evaluation"]["loss"].values():
        assert measured["low"] <= measured["value"] <= measured["high"]
        assert measured["n"] > 0


def test_the_hash_is_that_of_the_weights(card):
    import hashlib

    found = json.loads((card / "card.json").read_text(encoding="utf-8"))
    assert found["sha256"] == hashlib.sha256((card / "model.safetensors").read_bytes()).hexdigest()


def test_the_page_names_the_command_and_every_measurement(card):
    page = (card / "README.md").read_text(encoding="utf-8")
    assert "make models NAME=small-gpt2" in page
    assert page.count("n = ") == 10  # one per row of the table
    assert "nan" not in page

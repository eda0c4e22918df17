"""A very short training run, made once."""

from __future__ import annotations

import pytest

from emotion_utils.training.__main__ import main


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    assert main(["train", "small-gpt2", "--tokens", "30000", "--no-evaluate", "--out", str(folder)]) == 0
    return folder / "small-gpt2"

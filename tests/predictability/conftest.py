"""One small study of a bundled model, read and trained once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emotion_utils import corpora
from emotion_utils.models.model import load
from emotion_utils.predictability.sizes import SMOKE, Planted
from emotion_utils.predictability.study import study, windows_of

SIZES = replace(SMOKE, training=64, probing=40, validation=24, test=40, planted=Planted(120, 10))


@pytest.fixture(scope="session")
def one():
    """Of two layers; enough to be compared with what is computed by hand."""
    model = load("small-llama3")
    texts = corpora.read("small world", groups={"train": 2, "validation": 1, "test": 2})
    return study(model, windows_of(model, texts, SIZES), (1, 2), SIZES, progress=False)

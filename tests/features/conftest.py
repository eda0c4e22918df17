"""The tiny siblings of the chapter before, with dictionaries of their states."""

from __future__ import annotations

import pytest

from emotion_utils.features.study import FeatureSizes, feature_study
from tests.siblings.conftest import loaded, posts, studies

__all__ = ["loaded", "posts", "studies"]
SIZES = FeatureSizes(k=4, epochs=30, judged=20, matched=2, random=2, others=6, permutations=9, resamples=20)
"""A sibling is trained on 420 tokens, which are one batch: an epoch is a single step."""


@pytest.fixture(scope="session")
def featured(studies):
    return {name: feature_study(one, SIZES, progress=False) for name, one in studies.items()}

"""The smallest bundled model, prepared once."""

from __future__ import annotations

import pytest
import steered

from emotion_utils.models.model import load
from emotion_utils.prompts.loading import load_profile
from emotion_utils.steering.contexts import fresh_contexts
from emotion_utils.steering.subject import prepare


@pytest.fixture(scope="session")
def implicit():
    return load_profile("implicit")


@pytest.fixture(scope="session")
def small():
    """The model, to be left as it is."""
    return load("small-gpt2")


@pytest.fixture(scope="session")
def steered_model(small, implicit):
    return prepare(small, implicit)


@pytest.fixture(scope="session")
def planted():
    return steered.planted()


@pytest.fixture(scope="session")
def fresh():
    """Six contexts; a reply follows in the open marks of some, after a blank in the others."""
    return fresh_contexts(6, 0)

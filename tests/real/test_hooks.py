"""The hook contracts of the six families, on the real models: the same tests, with another model behind the name."""

from __future__ import annotations

import pytest
from models.test_families import *  # noqa: F403 - every test, so that a new one comes along
from models.test_hooks import *  # noqa: F403


@pytest.fixture
def rough(untrained):
    """Gains of a real model are not those of a fresh one, so that nothing has to be added."""
    return untrained.network

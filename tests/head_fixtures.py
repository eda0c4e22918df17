"""Pairs of random prompts for an untrained model of each family."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from heads_by_hand import drawn_pairs, means_of_all, roughened


@pytest.fixture(scope="session")
def pairs(untrained):
    return drawn_pairs(replace(untrained, network=roughened(untrained.network)))


@pytest.fixture(scope="session")
def few(pairs):
    """Two pairs: lengths differ both ways."""
    return pairs.where(pairs.table["split"] == "build")


@pytest.fixture(scope="session")
def uneven(pairs):
    """Two pairs: the neutral prompt is longer; the emotional one is longer than the window of local attention."""
    return pairs.where(pairs.table["pair"].isin(["p0", "p3"]))


@pytest.fixture(scope="session")
def exact(pairs):
    """The model in double precision, for numerical derivatives."""
    return copy.deepcopy(pairs.model.network).double()


@pytest.fixture(scope="session")
def means(pairs):
    return means_of_all(pairs)

"""Half-width forms read back as what they were, and every concept keeps seen and unseen spellings apart."""

from __future__ import annotations

import unicodedata

import pytest

from emotion_utils.communities.content import load_communities
from emotion_utils.communities.spelling import half_width, split_spellings


@pytest.mark.parametrize(
    ("text", "narrow"), [("バッグ", "ﾊﾞｯｸﾞ"), ("プリン、ヴ", "ﾌﾟﾘﾝ、ｳﾞ"), ("会議abcひら", "会議abcひら")]
)
def test_half_width_forms(text, narrow):
    assert half_width(text) == narrow
    assert unicodedata.normalize("NFKC", narrow) == text


def test_every_spelling_comes_back_from_half_width():
    for concept in load_communities().concepts.values():
        for spelling in concept.spellings:
            assert unicodedata.normalize("NFKC", half_width(spelling)) == spelling


@pytest.mark.parametrize("seed", [0, 1])
def test_spellings_are_split_within_each_concept(seed):
    content = load_communities()
    seen, unseen = split_spellings(content, seed)
    for key, concept in content.concepts.items():
        assert sorted((*seen[key], *unseen[key])) == sorted(concept.spellings)
        assert len(unseen[key]) == len(concept.spellings) // 2
    assert (seen, unseen) == split_spellings(content, seed)
    assert split_spellings(content, seed + 1) != (seen, unseen)

import re

import pytest
from made_site import words

from emotion_utils.corpora.shingles import RUN, SHARE, Seen, shingles


def by_hand(text: str) -> set[str]:
    found = re.findall(r"\w+", text.lower())
    return {" ".join(found[at : at + RUN]) for at in range(max(len(found) - RUN, 0) + 1)}


def test_runs_of_words_are_those_of_the_text():
    text = words(0)
    assert len(shingles(text)) == len(by_hand(text)) == 300 - RUN + 1
    assert len(shingles("Two words")) == 1
    assert shingles("A b, C d") == shingles("a B c. D")


@pytest.mark.parametrize("kept", [0.3, 0.45, 0.55, 0.8, 1.0])
def test_a_text_is_a_twin_when_half_of_the_shorter_one_stands_in_the_other(kept):
    seen = Seen()
    seen.accept(words(1), "one")
    seen.accept(words(2), "two")
    own = words(2).split()
    mixed = " ".join(own[: int(kept * 300)] + words(3).split()[int(kept * 300) :])
    share = len(by_hand(mixed) & by_hand(words(2))) / len(by_hand(mixed))
    assert seen.twin(mixed) == ("two" if share >= SHARE else None)
    assert seen.twin(words(4)) is None


def test_a_part_of_a_longer_text_is_its_twin():
    seen = Seen()
    seen.accept(words(1, 3_000), "long")
    assert seen.twin(" ".join(words(1, 3_000).split()[500:700])) == "long"

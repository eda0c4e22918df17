"""The implicit prompts are what the small world says: a cause of that emotion, and the speaker who would react."""

from __future__ import annotations

from collections import Counter

import pytest

from emotion_utils.smallworld import load_grammar
from emotion_utils.smallworld.vignettes import build_implicit

ROWS = build_implicit()
STORIES = [row for row in ROWS if not row["text"].startswith(("In ", "At "))]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_cause_of_every_topic_is_told_three_times(language):
    rows = build_implicit(language)
    counts = Counter(row["template"].rsplit(".", 1)[0] for row in rows if row["emotion"] != "neutral")
    assert len(counts) == 3 * 12 * 2
    assert set(counts.values()) == {3}


@pytest.mark.parametrize(
    "row", [row for row in STORIES if "said to" in row["text"]][::9], ids=lambda row: row["id"]
)
def test_the_small_world_agrees_about_the_emotion(row):
    """The shortest stories of the corpus have this form; where the frame is theirs, the grammar gives its posterior."""
    clause, _, speech = row["text"].partition(". ")
    speaker, _, listener = speech.removesuffix(":").split(". ")[-1].partition(" said to ")
    speaker = speaker.replace("At the door ", "").replace("In the evening ", "")
    story = f'{clause}. {speaker} said to {listener}: "'
    posterior = load_grammar("en").posterior(story)
    assert posterior[row["emotion"]] == pytest.approx(1)


def test_a_twin_is_told_by_the_same_people():
    partners = {row["pair_id"]: row for row in ROWS if row["emotion"] == "neutral"}
    for row in ROWS:
        if row["emotion"] != "neutral":
            assert row["text"].rsplit(". ", 1)[-1] == partners[row["pair_id"]]["text"].rsplit(". ", 1)[-1]

"""The scorers by name: each is listed once, under its own name, and gives what it gives by itself."""

from __future__ import annotations

import pandas as pd

from emotion_utils.scoring.catalogue import scorers
from emotion_utils.scoring.lexical import keyword_count
from emotion_utils.scoring.scorer import score


def test_scorers_are_listed_by_their_own_names_and_score_a_table_together():
    known = scorers()
    assert [scorer.name for scorer in known.values()] == list(known)
    texts = pd.DataFrame(
        {"text": ["Thank you very much.", "Go away!"], "context": "Tom said to Anna:", "emotion": "gratitude"}
    )
    table = score(texts, list(known.values()))
    assert list(table.columns) == ["text", "context", "emotion", *known]
    assert table["keywords"].tolist() == keyword_count("gratitude")(texts["text"]).tolist() == [1.0, 0.0]
    assert table["target_reply"].tolist() == [1.0, 0.0]

"""Tables of the chapter on scaling become the records that its answer is made of."""

from __future__ import annotations

import pandas as pd

from emotion_utils.scaling.results import (
    Alike,
    Carried,
    Check,
    alike_of,
    axes_of,
    blind_of,
    carried_of,
    checks_of,
    words_of,
)

SMOL = Alike("SmolLM2 135M", "Qwen3 8B", 0.80, 0.65, 0.94, 0.21, 0.001, 0.61, 0.21, 0.66, "yes", "yes")
TINY = Alike(
    "small-gpt2", "Qwen3 8B", 0.22, -0.1, 0.5, 0.19, 0.03, 0.1, 0.19, 0.66, "cannot be told", "cannot be told"
)
CARRIED = Carried("small-gpt2", "small-llama3", "ridge", 0.14, -0.08, 0.32, -0.41, 0.383, "cannot be told")
CHECK = Check("small-llama3, for llama3-8b", "after", "yes", False)
BLIND = SMOL._replace(one="small-gpt2-blind", other="SmolLM2 135M", value=0.65, low=0.47)


def test_tables_become_records():
    curve = pd.DataFrame([SMOL._asdict(), TINY._asdict()]).assign(
        recipe=["raw", "raw"], parameters=[1.3e8, 2e6]
    )
    assert alike_of(curve, "raw") == [TINY, SMOL]
    assert alike_of(curve, "other") == []
    table = pd.DataFrame({"check": ["before", "after"], "answer": "yes", "tells": False}).astype(
        {"tells": object}
    )
    assert checks_of({"a": table}) == [Check("a", "after", "yes", False)]
    keys = {"source": "small-gpt2", "target": "small-llama3", "map": "ridge", "emotion": "mean"}
    verdicts = pd.DataFrame([{**keys, "p_holm": 0.383, "verdict": "cannot be told"}])
    shares = pd.DataFrame(
        [
            {**keys, "arm": "mapped", "share": 0.14, "low": -0.08, "high": 0.32},
            {**keys, "arm": "wrong", "share": -0.41, "low": -0.5, "high": -0.3},
        ]
    )
    assert carried_of(verdicts, shares, "mapped", "wrong") == [CARRIED]


def test_the_blind_model_is_held_against_pretrained_ones_where_it_is_most_alike():
    pairs = pd.DataFrame(
        [
            BLIND._asdict(),
            BLIND._replace(one="Gemma 3 270M", other="small-gpt2-blind", value=0.67)._asdict(),
            BLIND._replace(other="small-gpt2", value=0.99)._asdict(),  # two miniatures
            SMOL._asdict(),
        ]
    ).assign(recipe="raw")
    assert blind_of(pairs, "raw").one == "Gemma 3 270M"
    assert blind_of(pairs.iloc[2:], "raw") is None


def test_words_are_those_of_all_stories_where_they_reach_more():
    whole = pd.DataFrame(
        {"recipe": ["raw", "raw"], "one": ["Llama 3.1 8B", "x"], "other": ["Qwen3 8B", "y"],
         "words_one": [0.99, 0.9], "words_other": [0.85, 0.95]}
    )  # fmt: skip
    assert words_of([SMOL], whole, "raw") == 0.85
    assert words_of([SMOL], whole.head(0), "raw") == 0.66


def test_axes_are_corrected_for_all_of_them():
    assert axes_of(pd.DataFrame({"p": [0.003, 0.02, 0.04]})) == (3, 3)
    assert axes_of(pd.DataFrame({"p": [0.003, 0.03, 0.04]})) == (1, 3)
    assert axes_of(pd.DataFrame()) == (0, 0)

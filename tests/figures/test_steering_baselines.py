"""Arms stand where their values are, the blind model is hollow, and the text says the numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.figures import steering_baselines as figures

ARMS = {
    "untouched": (0.0, 0.0),
    "isotropic": (3.2, 0.01),
    "logit bias": (11.6, 1.0),
    "emotion vector": (9.8, 0.9),
}


@pytest.fixture(scope="module")
def by_arm():
    rows = [
        (emotion, arm, outcome, value + 0.01 * k, value - 0.1, value + 0.2)
        for k, emotion in enumerate(["gratitude", "anger"])
        for arm, values in ARMS.items()
        for outcome, value in zip(("shift", "says_it"), values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["emotion", "arm", "outcome", "value", "low", "high"])


def test_every_arm_of_every_emotion_is_a_mark_in_both_panels(by_arm):
    shown = figures.arms(by_arm, "A finding")
    traces = shown.figure["data"]
    assert len(traces) == 2 * len(ARMS)
    assert [t["name"] for t in traces if t["showlegend"]] == [name for name, *_ in figures.ARMS.values()]
    for trace, (arm, outcome) in zip(
        traces, [(a, o) for o in ("shift", "says_it") for a in figures.ARMS], strict=True
    ):
        rows = by_arm[(by_arm["arm"] == arm) & (by_arm["outcome"] == outcome)]
        assert list(trace["x"]) == rows["value"].tolist()
    assert "gratitude: the emotion's vector +9.8 nats and 90% of texts, bias on first words" in shown.alt


def test_the_blind_model_is_hollow_and_left_of_the_bias_where_it_reaches_less():
    rows = [
        (m, e, -0.5 if m == "blind" else 1.0, -1.0, 2.0)
        for m in ("one", "blind")
        for e in ("anger", "apology")
    ]
    shown = figures.beyond_bias(
        pd.DataFrame(rows, columns=["model", "emotion", "difference", "low", "high"]), "blind"
    )
    for trace in shown.figure["data"]:
        assert list(trace["marker"]["symbol"]) == ["circle", "circle-open"]
        assert list(trace["x"]) == [1.0, -0.5]
    assert shown.alt == "Mean over the emotions, in nats: one +1.0; blind -0.5."


def test_too_few_units_draw_no_bars(by_arm):
    shown = figures.arms(by_arm.assign(low=np.nan, high=np.nan), "A finding")
    assert np.isnan(list(shown.figure["data"][0]["error_x"]["array"])).all()

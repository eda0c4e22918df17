"""Figures of the chapter on steering: what they draw, say and carry."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.figures import steering as figures

EMOTIONS = ["gratitude", "anger", "apology"]


@pytest.fixture
def summary():
    rows = [
        (made, "at the end", emotion, layer, alpha, share, cost)
        for made in ("minus neutral", "centred")
        for emotion in EMOTIONS
        for layer in range(2)
        for alpha, share, cost in ((-1.0, 0.0, 0.5), (0.5, 0.25, 0.7), (1.0, 0.5 + layer / 2, 1.0 + layer))
    ]
    return pd.DataFrame(rows, columns=["made", "where", "emotion", "layer", "alpha", "share", "cost"])


def traces(shown, kind):
    return [t for t in shown.figure["data"] if t["type"] == kind]


def test_a_dose_response_has_a_line_with_intervals_for_each_emotion():
    table = pd.DataFrame(
        [(e, a, a / 2, a / 2 - 0.1, a / 2 + 0.2) for e in EMOTIONS for a in (1.0, -1.0)],
        columns=["emotion", "alpha", "value", "low", "high"],
    )
    shown = figures.dose_response(table, "Doses", "nats", 0.0)
    lines = traces(shown, "scatter")
    assert [line["name"] for line in lines] == EMOTIONS
    assert lines[0]["x"] == [-1, 1]
    assert lines[0]["error_y"]["array"] == pytest.approx([0.2, 0.2])
    assert "At dose 1: gratitude 0.50" in shown.alt


def test_controls_show_every_vector_once_and_the_emotions_own_as_a_bar():
    kinds = ("isotropic", "covariance-matched", "label-shuffled", "vector of other")
    rows = [(e, kind, n, 0.1 * n) for e in EMOTIONS for kind in kinds for n in range(2)]
    by_control = pd.DataFrame(rows, columns=["emotion", "kind", "number", "share"])
    compared = pd.DataFrame(
        [(e, "all random", 0.9, 0.05, 0.1, 6) for e in EMOTIONS],
        columns=["emotion", "against", "share", "control", "highest", "controls"],
    )
    shown = figures.controls(by_control, compared)
    sizes = {t["name"]: len(t["x"]) for t in traces(shown, "scatter")}
    assert sum(n for name, n in sizes.items() if name != "the emotion's own vector") == len(rows)
    assert sizes["another emotion's vector"] == 6
    assert "anger: own vector 90%, 6 random ones 5.0% on average, at most 10%" in shown.alt


def test_what_is_said_adds_up_to_all_texts():
    table = pd.DataFrame(
        [(e, a, says, 0.5) for e in EMOTIONS for a in (-1.0, 1.0) for says in ("neutral", "none of them")],
        columns=["emotion", "alpha", "says", "share"],
    )
    bars = traces(figures.says(table), "bar")
    assert sum(sum(bar["y"]) for bar in bars) == pytest.approx(6)


def test_the_legend_names_what_only_a_later_panel_has():
    table = pd.DataFrame(
        [("gratitude", 1.0, "neutral", 1.0), ("anger", 1.0, "anger", 0.5), ("anger", 1.0, "neutral", 0.5)],
        columns=["emotion", "alpha", "says", "share"],
    )
    named = [t["name"] for t in traces(figures.says(table), "bar") if t["showlegend"]]
    assert sorted(named) == ["anger", "neutral"]


def test_models_that_pay_too_much_are_drawn_open():
    table = pd.DataFrame(
        [("one", e, 1.0, cost, 0.02, cost < 1.5) for e, cost in zip(EMOTIONS, (1.0, 1.0, 2.0), strict=True)],
        columns=["model", "emotion", "share", "cost", "control", "steered"],
    )
    shown = figures.models(table, 0.8, "blind")
    marks = {t["name"]: t["marker"]["symbol"] for t in traces(shown, "scatter")}
    assert marks["anger"] == ["square"]
    assert marks["apology"] == ["diamond-open"]
    assert "one 100% (random 2.0%)" in shown.alt


def test_windows_are_compared_by_share_and_cost():
    table = pd.DataFrame(
        [
            (w, e, share, cost)
            for w, share, cost in (("here", 1.0, 1.0), ("there", 0.5, 9.0))
            for e in EMOTIONS
        ],
        columns=["where", "emotion", "share", "cost"],
    )
    shown = figures.windows(table, 1.5)
    assert traces(shown, "scatter")[0]["marker"]["symbol"] == ["circle", "circle-open"]
    assert "here 100%; there 50%" in shown.alt


def test_labels_that_are_not_steered_are_counted_together():
    says = [
        ("joy", 1.0, "joy", 0.4),
        ("joy", 1.0, "grief", 0.3),
        ("joy", 1.0, "awe", 0.2),
        ("joy", 1.0, "none of them", 0.1),
    ]
    shown = figures.says(pd.DataFrame(says, columns=["emotion", "alpha", "says", "share"]))
    bars = {bar["name"]: bar["y"] for bar in traces(shown, "bar") if len(bar["y"])}
    assert bars["another label"] == pytest.approx([0.5])
    assert bars["joy"] == pytest.approx([0.4])


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
    shown = figures.arms(by_arm.assign(low=float("nan"), high=float("nan")), "A finding")
    for trace in shown.figure["data"]:
        assert pd.isna(pd.Series(list(trace["error_x"]["array"]), dtype=float)).all()

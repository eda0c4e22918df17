"""The numbers of Chapter 4's sentences, counted by hand, where all, none and one of the rows stand out."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.alignment import findings

NAN = float("nan")


@pytest.mark.parametrize(
    ("ps", "small", "corrected"),
    [
        ((0.01, 0.01), 2, 2),
        ((0.03, 0.06), 1, 0),  # the smaller of two has to be at most 0.025, or both at most 0.05
        ((0.01, 0.2), 1, 1),
        ((0.2, 0.06), 0, 0),
        ((0.02,), 1, 1),
        ((0.02, 0.5, 0.5), 1, 0),
    ],
)
def test_pairs_of_models_are_counted_by_score(ps, small, corrected):
    rows = [
        {
            "score": "r2",
            "value": 0.1 * i,
            "null": 0.05,
            "ceiling": 0.9,
            "p": p,
            "calibrated": 0.5 if i == 1 else NAN,
        }
        for i, p in enumerate(ps, 1)
    ]
    other = {"score": "probe", "value": 0.8, "null": 0.6, "ceiling": 0.5, "p": 0.9, "calibrated": NAN}
    together = pd.DataFrame({"score": ["probe", "r2"], "p": [0.06, 0.05]})
    r2, probe = findings.all_pairs(pd.DataFrame([*rows, other]), together)
    n = len(ps)
    assert r2.value == pytest.approx((0.1 * (n + 1) / 2, 0.1, 0.1 * n))
    assert (r2.score, r2.small, r2.corrected, r2.n, r2.n_calibrated) == ("r2", small, corrected, n, 1)
    assert (r2.shared, probe.shared) == (True, False)
    assert (r2.null, r2.ceiling, r2.calibrated) == pytest.approx((0.05, 0.9, 0.5))
    assert r2.expected == pytest.approx(0.05 * n)
    assert (probe.small, probe.n, probe.n_calibrated) == (0, 1, 0)
    assert probe.calibrated != probe.calibrated  # no pair has one


@pytest.mark.parametrize(
    ("gaps", "better"), [((0.1, 0.2), 2), ((0.1, -0.2), 1), ((0.0, -0.2), 0), ((0.1,), 1)]
)
def test_pairs_are_counted_where_equal_depth_is_better(gaps, better):
    rows = [
        {"score": score, "equal": 0.5 + gap, "elsewhere": 0.5, "difference": gap}
        for gap in gaps
        for score in ("probe", "r2", "overlap")
    ]
    found = findings.equal_depth(pd.DataFrame(rows))
    assert [one.score for one in found] == ["r2", "overlap", "probe"]
    assert {one[3:] for one in found} == {(better, len(gaps))}
    assert found[0].equal == pytest.approx(0.5 + sum(gaps) / len(gaps))
    assert found[0].elsewhere == 0.5


@pytest.mark.parametrize(
    ("excesses", "leads", "nothing"),
    [((0.1, 0.2), 0, True), ((0.1, 0.4), 1, True), ((0.4, 0.4), 2, False), ((0.2,), 1, False)],
)
def test_what_neutral_prompts_give_is_held_against_the_emotions(excesses, leads, nothing):
    n = len(excesses)
    plain = pd.DataFrame({"emotion_excess": excesses, "excess": 0.2 if n > 1 else 0.1, "p": [0.05, 0.06][:n]})
    found = findings.no_emotion(plain)
    assert (found.leads, found.n, found.says_nothing, found.small) == (leads, n, nothing, 1)
    assert found.corrected == (1 if n == 1 else 0)
    assert found.emotion == pytest.approx((sum(excesses) / n, min(excesses), max(excesses)))


def test_differences_to_controls_lie_above_0_by_their_interval():
    rows = [
        {"control": control, "score": score, "trained": 0.9, "value": 0.4, "difference": 0.3}
        | {"low": low, "high": 0.5}
        for control, lows in {"blind": (0.1, 0.2), "text only": (0.1, 0.0), "untrained": (NAN, -0.1)}.items()
        for score, low in zip(("r2", "probe"), lows, strict=True)
    ]
    found = findings.beside_controls(pd.DataFrame(rows))
    above = {control: [one.score for one in gains if one.above] for control, gains in found.items()}
    assert above == {"blind": ["r2", "probe"], "text only": ["r2"], "untrained": []}
    assert found["blind"][0] == ("r2", 0.3, 0.1, 0.5, pytest.approx(0.5))


@pytest.mark.parametrize(
    ("ps", "small", "corrected"),
    [((0.01, 0.05), 2, 2), ((0.03, 0.06), 1, 0), ((0.5, 0.06), 0, 0), ((0.04,), 1, 1)],
)
def test_similar_pairs_are_counted(ps, small, corrected):
    n = len(ps)
    pairs = pd.DataFrame({"value": 0.8, "words": 0.3, "partial": 0.6, "partial_p": ps})
    pairs["partial_null_high"] = [0.2, 0.1][:n]
    assert findings.similar(pairs) == pytest.approx((0.8, 0.3, 0.6, 0.2, corrected, small, n))


def tables(chosen: list[int], again: float, p: float = 0.05) -> tuple[pd.DataFrame, pd.DataFrame]:
    """For every pair the k that z chooses, and the table that sums them up."""
    ks = (2, 5)
    by_k = pd.DataFrame(
        [
            {
                "source": "a",
                "target": f"b{i}",
                "k": k,
                "chosen": k == ours,
                "boot_z": again if k == ours else 1 - again,
            }
            for i, ours in enumerate(chosen)
            for k in ks
        ]
    ).assign(p_any=p)
    summary = pd.DataFrame({"k": ks, "ratio": [3.0, 2.0], "null_ratio": [0.9, 0.1], "null_z": [0.45, 0.55]})
    summary["z"], summary["chosen"] = [1.5, 2.5], [chosen.count(k) for k in ks]
    return by_k, summary


@pytest.mark.parametrize(
    ("chosen", "again", "k", "one_for_all"),
    [
        ([5, 5, 5], 0.9, 5, True),
        ([5, 5, 2], 0.9, 5, False),  # two thirds are not more than two thirds
        ([5, 5, 5], 0.6, 5, False),
        ([2, 2, 2, 5], 0.7, 2, True),
        ([2], 0.7, 2, True),
    ],
)
def test_one_k_for_all_needs_most_pairs_and_most_resamples(chosen, again, k, one_for_all):
    found = findings.chosen_k(*tables(chosen, again))
    assert (found.k, found.chosen, found.n, found.one_for_all) == (
        k,
        chosen.count(k),
        len(chosen),
        one_for_all,
    )
    assert (found.ratio, found.ratio_by_luck, found.z_by_luck) == (2, 0.9, (0.45, 0.55))
    assert (found.z, found.again) == ({2: 1.5, 5: 2.5}[k], pytest.approx(again))
    assert (found.small, found.expected) == (len(chosen), pytest.approx(0.05 * len(chosen)))
    assert found.corrected == len(chosen)  # equal p values stay as they are


def test_one_k_alone_is_no_choice():
    by_k, summary = tables([2, 2], 0.9, p=0.06)
    found = findings.chosen_k(by_k[by_k["k"] == 2], summary.iloc[:1])
    assert not found.one_for_all
    assert found.small == 0

"""Figures of siblings: what is drawn, and what titles say."""

from __future__ import annotations

import pytest
import sibling_tables as made

from emotion_utils.figures import siblings as figures
from emotion_utils.siblings.results import WORDED

SHOWN = ("F1, first test", "F1, last test", "CPR")


def traces(shown, name):
    return [trace for trace in shown.figure["data"] if trace["name"] == name]


def test_every_training_is_a_dot_and_titles_say_what_differs():
    names = {name: name for name in (*made.SIBLINGS, f"{made.JPN}-b")}
    shown = figures.trainings(made.runs(), made.told(measures=1), SHOWN, names, WORDED)
    assert shown.title == "Siblings differ by more than trainings do in 1 of 3 numbers shown"
    panels = [note["text"] for note in shown.figure["layout"]["annotations"]]
    assert panels == ["differs", "does not differ", "does not differ"]
    assert sum(len(trace["x"]) for trace in shown.figure["data"]) == 6 * len(SHOWN)
    assert list(traces(shown, "base")[0]["x"]) == pytest.approx([0, 0.1])
    unknown = figures.trainings(made.runs(), made.told(None, 3), SHOWN, names, WORDED)
    assert "0 of 3" in unknown.title
    assert len(traces(shown, "other continuations")) == len(SHOWN)
    assert shown.figure["layout"]["xaxis"]["title"]["text"] == "F1, seen spellings"
    assert unknown.figure["layout"]["annotations"][0]["text"] == "cannot be told"


def test_the_map_counts_the_circuit_and_is_relative_to_its_largest_effect():
    shown = figures.circuit_map(made.circuits())
    assert shown.title.endswith("small-gemma2 3 of 4, small-gemma2-jpn 4 of 4")
    first = shown.figure["data"][0]
    assert first["z"][1][1] == pytest.approx(1)
    assert first["z"][0][0] == pytest.approx(0.025)
    assert first["customdata"][0][0] == pytest.approx(0.005)
    assert len(shown.figure["data"]) == 4


def test_a_circuit_without_a_rival_has_no_null():
    shown = figures.ablations(made.ablations())
    assert shown.title == "A circuit is beyond random sets of its size in 12 of 12 cases"
    null = traces(shown, "random sets, middle 95 %")
    assert [len(trace["x"]) for trace in null] == [6, 6]
    assert [len(trace["x"]) for trace in traces(shown, "continuation")] == [4, 4]
    assert "0 of 12" in figures.ablations(made.ablations(p=0.5)).title


def test_curves_stand_before_random_orders():
    shown = figures.curves(*made.faithfulness())
    assert shown.title == (
        "Area under the curve, CPR: small-gemma2 0.66 (random 0.50), small-gemma2-jpn 0.66 (random 0.50)"
    )
    (line, _) = traces(shown, "best components first")
    assert list(line["y"]) == pytest.approx([0, 0.5, 0.5**0.5, 0.75**0.5, 1])


def test_depth_is_stacked_to_one():
    shown = figures.depth({"one": {"first": 0.2, "middle": 0.3, "last": 0.5}})
    assert sum(trace["x"][0] for trace in shown.figure["data"]) == pytest.approx(1)
    assert shown.title == "Share of the effects in the last third: one 50%"


def test_languages_stand_beside_words_and_exchanged_labels():
    table = made.probed()
    shown = figures.across_languages(table[table["emotion"] == "mean"])
    assert shown.title == "In its own language a vector reads emotions at 0.80, in the other one at 0.60"
    symbols = [trace["marker"]["symbol"] for trace in traces(shown, "vector")]
    assert symbols == ["circle-open", "circle-open", "circle"]
    assert list(traces(shown, "words of that language")[0]["x"]) == pytest.approx([0.7, 0.5, 0.5, 0.7])


@pytest.mark.parametrize(("p", "n"), [(0.5, 0), (0.01, 18)])
def test_replies_are_moved_across_languages_or_not(p, n):
    assert f"Across languages {n} of 18 vectors" in figures.moved(made.transferred(p)).title


def test_spellings_are_those_without_a_common_character():
    shown = figures.spellings(made.spellings())
    assert "small-gemma2, small world +0.20 at layer 3" in shown.title
    (first, *_) = traces(shown, "spellings of one concept")
    assert list(first["x"]) == ["characters", "embedding", "0", "3"]
    assert list(first["y"]) == pytest.approx([0, 0.05, 0.1, 0.2])

"""The answer on siblings: every falsifier can happen, not happen, or be left open, and words follow numbers."""

from __future__ import annotations

import pytest
from sibling_tables import results

from emotion_utils.answers.siblings import answer


def happened(beginning: str, **options) -> bool | None:
    (one,) = [
        one for one in answer(results(**options)).falsifiers if one.condition.startswith(f"*{beginning}")
    ]
    return one.happened


@pytest.mark.parametrize(
    ("beginning", "options", "expected"),
    [
        ("Further training", {}, False),
        ("Further training", {"differs": False}, True),
        ("Further training", {"differs": None}, None),
        ("Siblings know", {}, False),
        ("Siblings know", {"gain": -0.2}, True),
        ("Siblings know", {"gain": 0.01}, None),
        ("A circuit is", {}, False),
        ("A circuit is", {"p": 0.4}, True),
        ("A circuit is", {"p": 0.1, "sets": 9}, None),
        ("A gradient", {}, False),
        ("A gradient", {"rho": 0.3}, True),
        ("Models read", {}, False),
        ("Models read", {"rival_gain": -0.1}, True),
        ("Models read", {"rival_gain": 0.01}, None),
        ("An emotion has", {}, False),
        ("An emotion has", {"p_across": 0.3}, True),
        ("A model knows", {}, False),
        ("A model knows", {"spelled": -0.2}, True),
        ("A model knows", {"spelled": -0.08}, None),
    ],
)
def test_every_falsifier_can_come_out_either_way(beginning, options, expected):
    assert happened(beginning, **options) is expected


def test_without_a_record_nothing_is_said_of_trainings():
    found = answer(results(recorded=False))
    assert not [one for one in found.falsifiers if "Further training" in one.condition]
    assert "nothing says whether siblings differ" in found.finding


def test_the_short_form_has_the_numbers():
    found = answer(results())
    assert "Of 12 numbers of 12 trainings, **2** differ" in found.finding
    assert "F1, seen spellings and F1, unseen spellings" in found.finding
    assert "3 of 4 components in small-gemma2 and 4 of 4 components in small-gemma2-jpn" in found.finding
    assert "a macro F1 of **0.60** on the hardest posts" in found.finding
    assert "surely above them in 3 of 3 models" in found.finding
    assert "beyond exchanged labels in 6 of 6 cases (0.60)" in found.finding
    none = answer(results(measures=0)).finding
    assert (
        "**0** differ between base and continuation by more than trainings and further continuations do."
        in none
    )
    assert "2 cannot be told" in answer(results(differs=None)).finding


def test_the_long_form_has_circuits_replies_and_spellings():
    points = " ".join(answer(results()).points)
    assert "beyond random halves in **8 of 8** cases" in points
    assert (
        "in **18 of 18** cases in their own language (+2.00 nats) and in **0 of 18** in the other one"
        in points
    )
    assert "**3 of 3** models (largest cosine gap +0.20)" in points
    assert "**2 of 3** models" in " ".join(answer(results(spelled=-0.2)).points)

"""The whole effect of an emotion on log-odds: of its own vector, and of partners where heads are changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.effects.beyond import can_be_found
from emotion_utils.effects.heads import head_effects
from emotion_utils.effects.records import IN_NATS
from emotion_utils.effects.steering import OUTCOMES, OWN, steering_effects
from emotion_utils.steering.by_context import SCORES, SHIFT, UNTOUCHED
from emotion_utils.steering.controls import KINDS


def contexts(kinds):
    rows = [
        {"model": "a", "emotion": "anger", "kind": kind, "prompt": i, "unit": i, **dict.fromkeys(SCORES, 0.0), SHIFT: s}
        for kind, shifts in kinds.items()
        for i, s in enumerate(shifts)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_controls_of_steering_are_measured_by_what_the_emotion_s_own_vector_does():
    found = steering_effects(contexts({OWN: [3.0, 5.0], UNTOUCHED: [0.0, 0.0], KINDS[0]: [0.5, 0.7]}))
    in_nats = [effect for effect in found if effect.outcome == OUTCOMES[SHIFT].label]
    assert [(effect.is_control, effect.mean, effect.whole) for effect in in_nats] == [
        (False, 4.0, 4.0),
        (True, pytest.approx(0.6), 4.0),
    ]
    assert all(np.isnan(effect.whole) for effect in found if effect not in in_nats)
    alone = steering_effects(contexts({UNTOUCHED: [0.0, 0.0], KINDS[0]: [0.5, 0.7]}))
    assert all(np.isnan(effect.whole) for effect in alone)


def test_heads_are_measured_by_the_difference_between_partners():
    rows = [("a", "ablated", "", "L0H0", "", "anger", f"p{i}", i, 2.0 + i, -0.1) for i in range(3)]
    columns = [
        "model",
        "kind",
        "direction",
        "heads",
        "role",
        "emotion",
        "pair",
        "unit",
        "difference",
        "value",
    ]
    (effect,) = head_effects(pd.DataFrame(rows, columns=columns))
    assert effect.outcome.endswith(IN_NATS)
    assert (effect.mean, effect.whole) == (pytest.approx(-0.1), 3.0)


@pytest.mark.parametrize(
    ("p", "vectors", "able"),
    [
        ([0.5, 0.01], [99, 99], [True, True]),
        ([0.5, 0.9], [12, 99], [False, True]),  # 1/13, and 2/100 after the correction for two
        ([0.03, 0.5], [99, 30], [True, True]),  # 1/31 beside 0.03: both at 0.032
        ([0.9, 0.5], [99, 30], [True, False]),  # twice 1/31 is too much
        ([np.nan, 0.5], [99, 99], [False, True]),
    ],
)
def test_a_cell_can_be_found_where_the_least_p_of_its_vectors_is_small_after_correction(p, vectors, able):
    assert can_be_found(pd.DataFrame({"p": p, "vectors": vectors})).tolist() == able

"""Windows of positions that make no sense are refused, and the others hold the positions that they name."""

from __future__ import annotations

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import EVERYWHERE, FAR, FROM_END, GENERATED, PROMPT, Window


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first": 3, "stop": 3}, "empty"),
        ({"anchor": "middle"}, "start"),
        ({"half_life": 0}, "half-life"),
        ({"first": -3}, "There is no position before the start"),
        ({"stop": 0}, "There is no position before the start"),
    ],
)
def test_a_senseless_window_is_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        Window(**arguments)


@pytest.mark.parametrize(
    ("window", "bounds"),
    [
        (EVERYWHERE, (0, FAR)),
        (PROMPT, (0, 5)),
        (FROM_END, (4, FAR)),
        (GENERATED, (5, FAR)),
        (Window(-2, 1, "end"), (2, 5)),
        (Window(-9, -6, "end"), (0, 0)),
        (Window(1, 3), (1, 3)),
    ],
    ids=str,
)
def test_a_window_in_a_prompt_of_five_tokens(window, bounds):
    assert window.bounds(5) == bounds

"""A planted vector acts through the part that holds its direction, and only through that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from steered import TURNED, quoted

from emotion_utils.core.errors import UserError
from emotion_utils.novelty.steering_parts import (
    EQUAL,
    NEW,
    OWN,
    PREDICTED,
    WHOLE,
    part_effects,
    part_gaps,
    part_settings,
    steer_parts,
)
from emotion_utils.novelty.vector_parts import VectorParts

_, EMOTION, LAYER, _ = TURNED
ALPHA = 1.5


@pytest.fixture(scope="module")
def one(planted):
    """The word of an apology is predictable, and a direction that means nothing, half as long, is new."""
    word = planted.vectors[TURNED[0]][EMOTION].at(LAYER)
    noise = torch.randn(len(word), generator=torch.Generator().manual_seed(3))
    noise = (noise - (noise @ word) / (word @ word) * word) * 0.5 * word.norm() / noise.norm()
    given = planted.built[EMOTION]
    states = torch.from_numpy(given.positive)[:, None] * (word + noise)
    predicted = torch.from_numpy(given.positive)[:, None] * word
    return VectorParts(given, LAYER, states, predicted)


@pytest.fixture(scope="module")
def table(planted, one):
    return steer_parts(planted, quoted(9), {EMOTION: one}, ALPHA, n_random=18)


def test_the_part_that_holds_the_direction_acts(table):
    """By log-odds: the model repeats its last token, so that any push at all makes its replies likelier."""
    found = part_effects(table, "shift").set_index(["part", "length"])
    whole, predicted, new = (found.loc[(name, EQUAL)] for name in (WHOLE, PREDICTED, NEW))
    assert predicted["low"] > new["high"]
    assert predicted["p"] < new["p"]
    own = table[table["kind"] == f"{PREDICTED}, {EQUAL}"].set_index("prompt")["shift"]
    rivals = table[table["kind"] == f"random, {EQUAL}"].groupby("number")
    ahead = sum(part["shift"].mean() >= own[part["prompt"]].mean() for _, part in rivals)
    assert predicted["p"] == pytest.approx((1 + ahead) / (1 + 18))
    assert whole["low"] > new["high"]
    assert found["scenes"].tolist() == [9] * 5
    assert found["units"].tolist() == [9] * 5
    assert found["vectors"].tolist() == [18] * 5
    share = found.loc[(PREDICTED, OWN), "of_whole"]
    assert share == pytest.approx(found.loc[(PREDICTED, OWN), "value"] / whole["value"])
    gaps = part_gaps(table, "shift").set_index("length")
    assert (gaps["low"] > 0).all()
    beyond = whole["value"] - found.loc[(PREDICTED, OWN), "value"] - found.loc[(NEW, OWN), "value"]
    assert gaps.loc[OWN, "beyond_sum"] == pytest.approx(beyond)


def test_settings_have_the_lengths_that_are_asked_for(planted, one):
    settings = part_settings(planted, EMOTION, one, ALPHA, n_random=2)
    unit = float(planted.unit[LAYER])
    lengths = {s.kind: s.alpha * float(s.vector.norm()) / unit for s in settings}
    whole = np.hypot(1, 0.5)
    expected = {
        f"{WHOLE}, {EQUAL}": ALPHA,
        f"{PREDICTED}, {OWN}": ALPHA / whole,
        f"{PREDICTED}, {EQUAL}": ALPHA,
        f"{NEW}, {OWN}": ALPHA / 2 / whole,
        f"{NEW}, {EQUAL}": ALPHA,
    }
    for kind, length in expected.items():
        assert lengths[kind] == pytest.approx(length, rel=1e-3)
        rival = f"random, {kind if kind.endswith(OWN) else EQUAL}"
        assert lengths[rival] == pytest.approx(length, rel=1e-3)
    vectors = {s.kind: s.vector * s.alpha for s in settings if s.number == 0}
    total = vectors[f"{PREDICTED}, {OWN}"] + vectors[f"{NEW}, {OWN}"]
    torch.testing.assert_close(total, vectors[f"{WHOLE}, {EQUAL}"], atol=1e-3, rtol=1e-3)


def test_a_part_that_is_zero_has_no_direction(planted, one):
    alone = replace(one, predicted=one.states)
    kinds = {s.kind for s in part_settings(planted, EMOTION, alone, ALPHA, n_random=0)}
    assert kinds == {f"{WHOLE}, {EQUAL}", f"{PREDICTED}, {OWN}", f"{PREDICTED}, {EQUAL}"}
    nothing = replace(one, states=torch.zeros_like(one.states), predicted=torch.zeros_like(one.states))
    with pytest.raises(UserError, match="is zero"):
        part_settings(planted, EMOTION, nothing)


def test_effects_are_means_over_scenes_and_shares_need_a_whole():
    """By hand: the whole does nothing, so that no share is given; few scenes have no interval."""
    kinds = [f"{WHOLE}, {EQUAL}", f"{PREDICTED}, {OWN}", f"{NEW}, {OWN}"]
    rows = [
        (EMOTION, kind, 0, prompt, prompt, value, value)
        for kind, values in zip(kinds, ([1.0, -1.0], [2.0, 4.0], [1.0, 1.0]), strict=True)
        for prompt, value in enumerate(values)
    ]
    table = pd.DataFrame(rows, columns=["emotion", "kind", "number", "prompt", "unit", "shift", "gain"])
    found = part_effects(table)
    assert found["value"].tolist() == [0.0, 3.0, 1.0]
    assert found[["low", "of_whole", "p"]].isna().all(axis=None)
    gaps = part_gaps(table)
    assert gaps["difference"].tolist() == [2.0]
    assert gaps["beyond_sum"].tolist() == [-4.0]

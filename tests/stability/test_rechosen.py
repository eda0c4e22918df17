"""With one planted head every circuit that is chosen anew is that head, by both kinds of ablation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emotion_utils.circuits import methods
from emotion_utils.circuits.faithfulness import differences
from emotion_utils.core.profiles import HEADS_SIZES
from emotion_utils.heads.budget import Plan
from emotion_utils.planted import heads as planted
from emotion_utils.stability import kinds, rechosen

LABORATORY = planted.Laboratory(units=16, noise=0.02)


@pytest.fixture(scope="module")
def made():
    model = planted.made(LABORATORY, 4)
    pairs = planted.pairs_of(model, LABORATORY, 4)
    split = np.where(pairs.table["unit"] < 8, "build", "test")
    return (model.layer, model.head), replace(pairs, table=pairs.table.assign(split=split))


def chosen_anew(made, whole):
    head, pairs = made
    n = len(pairs.heads)
    plan = Plan(HEADS_SIZES["smoke"], 1000, 3, n, n if whole else 2, 0 if whole else 2, 1, 1, 1)
    found = methods.screen(pairs, (methods.EXACT, "attribution"), plan=plan)
    kept = differences(found.held, [[head]], found.means)[:, 0]
    return head, rechosen.rechosen(found, plan, [head], kept)


def test_the_planted_head_is_chosen_every_time(made):
    head, again = chosen_anew(made, whole=True)
    first = again.frequencies.iloc[0]
    assert (first["layer"], first["head"], first["frequency"], first["member"]) == (*head, 1.0, True)
    assert again.sizes[0] == 2  # the smallest size that is tried
    assert len(again.halves) == 6
    assert again.halves["kept"].min() > 0.8
    assert again.shared > again.by_chance
    assert 0 < again.p_halves <= 1
    shares = again.by_kind.set_index(["circuit", "kind"])["share"]
    assert shares[rechosen.ABOVE, kinds.MEAN] == pytest.approx(1, abs=0.2)
    assert shares[rechosen.ABOVE, kinds.RESAMPLE] == pytest.approx(1, abs=0.2)
    assert len(shares) == 6
    assert again.between_kinds.mean > again.between_kinds.chance
    assert again.between_seeds.mean > again.between_seeds.chance
    assert set(again.errors["kind"]) == {kinds.MEAN, kinds.RESAMPLE}
    assert again.of_draws >= 0


def test_what_is_not_paid_for_is_left_out_and_estimates_choose_circuits_of_the_same_size(made):
    head, again = chosen_anew(made, whole=False)
    assert again.sizes == (1, 1)
    assert (again.frequencies["frequency"].iloc[0], again.resampled.mean, again.shared) == (1, 1, 1)
    assert (again.frequencies["layer"].iloc[0], again.frequencies["head"].iloc[0]) == head
    assert again.halves["kept"].isna().all()
    assert set(again.by_kind["circuit"]) == {rechosen.ABOVE}
    assert again.between_kinds is again.between_seeds is None
    assert again.errors.empty
    assert np.isnan(again.of_draws)

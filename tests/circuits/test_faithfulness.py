"""Tests of circuits: with one planted head the circuit is that head, and sets are what the plain model gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.circuits import faithfulness, masks, patching
from emotion_utils.circuits.ablation import means_of
from emotion_utils.core.errors import UserError
from emotion_utils.planted import heads


@pytest.fixture(scope="module")
def planted():
    laboratory = heads.Laboratory()
    model = heads.made(laboratory, 1)
    pairs = heads.pairs_of(model, laboratory, 1)
    return (model.layer, model.head), pairs, means_of(pairs)


@pytest.mark.parametrize("method", faithfulness.RANKINGS)
def test_every_order_begins_with_the_planted_head(planted, method):
    head, pairs, means = planted
    order = faithfulness.ranking(pairs, means, method, steps=30)
    assert order[0] == head
    assert sorted(order) == sorted(pairs.heads)


def test_the_planted_head_alone_keeps_the_difference_and_nothing_is_left_without_it(planted):
    head, pairs, means = planted
    kept, none, all_of_them = faithfulness.differences(pairs, [[head], [], pairs.heads], means).T
    whole = np.subtract(*pairs.log_odds()[:, :, 0])
    assert kept.mean() == pytest.approx(whole.mean(), rel=0.15)
    assert np.abs(none).max() < 1e-4
    assert all_of_them == pytest.approx(whole, abs=1e-4)
    left = faithfulness.differences(pairs, [[head]], means, keep=False)
    assert abs(left.mean()) < 0.1 * whole.mean()


def test_shares_have_an_interval_and_a_curve_has_its_sizes(planted):
    head, pairs, means = planted
    order = [head, *(h for h in pairs.heads if h != head)]
    table = faithfulness.curve(pairs, order, means, [0, 1, len(order)], n_resamples=50)
    assert table["size"].tolist() == [0, 1, len(order)]
    assert table["share"].iloc[0] == pytest.approx(0, abs=1e-4)
    assert table["share"].iloc[-1] == pytest.approx(1, abs=1e-4)
    assert (table["low"] <= table["share"] + 1e-9).all()
    assert faithfulness.choose_size(table) == 1


def test_the_size_is_the_smallest_that_is_enough_or_the_largest():
    table = pd.DataFrame({"size": [0, 1, 2, 3], "share": [0.0, 0.95, 0.7, 0.99]})
    assert faithfulness.choose_size(table) == 1
    assert faithfulness.choose_size(table.assign(share=0.1)) == 3


def test_the_planted_head_is_missed_and_another_is_not(planted):
    head, pairs, means = planted
    other = next(h for h in pairs.heads if h != head)
    lost = faithfulness.minimality(pairs, [head, other], means, n_resamples=50).set_index("name")
    assert lost["share"].iloc[0] > 0.7
    assert abs(lost["share"].iloc[1]) < 0.3


def test_random_sets_are_different_sets_of_that_size(planted):
    _, pairs, _ = planted
    own = pairs.heads[:3]
    sets = faithfulness.random_sets(pairs, own, 40, seed=1)
    assert len(sets) == len({tuple(sorted(s)) for s in sets}) == 40
    assert all(len(s) == 3 and set(s) != set(own) for s in sets)
    assert faithfulness.random_sets(pairs, [], 5) == []


def test_sets_of_equal_norm_are_the_nearest_ones(planted):
    _, pairs, means = planted
    norms = faithfulness.output_norms(pairs, means)
    own = pairs.heads[:2]
    size = (norms[:2] ** 2).sum()
    place = {head: i for i, head in enumerate(pairs.heads)}

    def gaps(sets):
        return [abs((norms[[place[h] for h in s]] ** 2).sum() - size) for s in sets]

    near, any_of_them = (
        faithfulness.random_sets(pairs, own, 5, norms),
        faithfulness.random_sets(pairs, own, 5),
    )
    assert max(gaps(near)) <= min(
        max(gaps(any_of_them)), sorted(gaps(faithfulness.random_sets(pairs, own, 999)))[4] + 1e-9
    )


def test_norms_are_those_of_what_a_head_adds_at_the_last_token(planted):
    head, pairs, means = planted
    layer, number = head
    weight = pairs.model.network.model.layers[layer].self_attn.o_proj.weight.detach()
    width = weight.shape[1] // len({h for _, h in pairs.heads})
    part = weight[:, number * width : (number + 1) * width]
    seen = []
    hook = pairs.model.network.model.layers[layer].self_attn.o_proj.register_forward_pre_hook(
        lambda _, args: seen.append(args[0][0, -1, number * width : (number + 1) * width])
    )
    with torch.no_grad():
        for ids in pairs.ids:
            pairs.model.network(torch.tensor([list(ids)]))
    hook.remove()
    wrote = torch.stack([part @ (z - means[layer, number]) for z in seen])
    found = faithfulness.output_norms(pairs, means)[pairs.heads.index(head)]
    assert found == pytest.approx(float(wrote.square().sum(dim=1).mean().sqrt()), rel=1e-4)


def test_an_unknown_order_is_named(planted):
    _, pairs, means = planted
    with pytest.raises(UserError, match='not ordered by "size": choose one of attribution'):
        faithfulness.ranking(pairs, means, "size")


def test_the_slope_of_a_mask_is_that_of_a_small_step(planted):
    _, pairs, means = planted
    mask = np.full(len(pairs.heads), 0.7)
    value, slope = masks.mask_slopes(pairs, means, mask)
    step = mask.copy()
    step[5] += 0.01
    assert (masks.mask_slopes(pairs, means, step)[0] - value) / 0.01 == pytest.approx(
        slope[5], abs=0.05 + 0.05 * abs(slope[5])
    )
    whole = np.subtract(*pairs.log_odds()[:, :, 0]).mean()
    assert masks.mask_slopes(pairs, means, np.ones(len(mask)))[0] == pytest.approx(whole, abs=1e-3)


def test_a_learned_mask_keeps_the_planted_head_and_little_else(planted):
    head, pairs, means = planted
    learned = masks.learned_mask(pairs, means, steps=60)
    at = pairs.heads.index(head)
    assert learned[at] > 0.5
    assert np.delete(learned, at).mean() < 0.3


def test_heads_at_once_stand_beside_their_sum_and_other_sets(planted):
    head, pairs, _ = planted
    other = next(h for h in pairs.heads if h != head)
    found = patching.at_once(pairs, [head, other], {"equal size": [[other], [head]]}, "denoising")
    each = patching.patch(pairs, [[head, other], [head], [other]]).moved
    assert found["all at once"] == pytest.approx(each[:, 0], abs=1e-4)
    assert found["one by one, added up"] == pytest.approx(each[:, 1] + each[:, 2], abs=1e-4)
    assert found["random sets of equal size"] == pytest.approx(each[:, 1:].mean(axis=1), abs=1e-4)
    back = patching.patch(pairs, [[head]], direction="noising")
    assert (back.moved[:, 0] > 0).mean() > 0.9
    assert back.moved[:, 0] == pytest.approx(back.target - back.patched[:, 0])

"""Raw overlaps are those of the plain functions, at chance for unrelated axes and above it for common ones."""

from __future__ import annotations

import numpy as np
import pytest
import sided

from emotion_utils.subspaces.measures import angle_cosine, emotion_subspace, overlap, principal_components
from emotion_utils.subspaces.overlaps import (
    affordable,
    difference_bases,
    matched_layers,
    overlaps,
    published_bases,
    raw_overlaps,
    scores_by_k,
    top_cosines,
    turned,
)
from emotion_utils.subspaces.readings import ModelStates


def test_all_k_at_once_are_the_single_overlaps():
    one, other = sided.two_of_one_world()
    rows = sided.rows()
    a, b = (difference_bases(r, rows, 5) for r in (one, other))
    own = rows.pairs["anger"]
    at = list(rows.pairs).index("anger")
    u, v = (emotion_subspace(r.at(own["id"])[1], r.at(own["partner"])[1], 5) for r in (one, other))
    found = overlaps(a, b, matched_layers(one.layers, other.layers), (2, 5))[1, at]
    assert found == pytest.approx([overlap(u[:2], v[:2]), overlap(u, v)])
    assert scores_by_k(u @ u.T, (1, 5)) == pytest.approx([1, 1])
    alone = matched_layers((0,), (0,))
    assert top_cosines(a[1:, at : at + 1], b[1:, at : at + 1], alone, 5, 3) == pytest.approx(
        angle_cosine(u, v, 3)
    )
    assert published_bases(one, rows, 3)[0, at] == pytest.approx(
        principal_components(one.at(own["id"])[0], 3)
    )


def test_rotations_are_orthogonal_and_uniform():
    axes = np.eye(6)[None, None]
    q = np.concatenate([*turned(axes, 400, 0)])[:, 0]
    assert q @ q.transpose(0, 2, 1) == pytest.approx(np.broadcast_to(np.eye(6), q.shape), abs=1e-10)
    assert (q**2).mean(axis=0) == pytest.approx(np.full((6, 6), 1 / 6), abs=0.04)
    assert q.mean(axis=0) == pytest.approx(np.zeros((6, 6)), abs=0.08)


def test_images_of_few_directions_keep_their_angles_and_are_uniform():
    """Two layers of one direction each, in six dimensions: whatever the space, they turn as one."""
    bases = np.array([[1.0, 0, 0, 0, 0, 0], [0.6, 0.8, 0, 0, 0, 0]]).reshape(2, 1, 1, 6)
    images = np.stack([*turned(bases, 600, 0)])[:, :, 0, 0]
    assert np.linalg.norm(images, axis=2) == pytest.approx(np.ones((600, 2)))
    assert (images[:, 0] * images[:, 1]).sum(axis=1) == pytest.approx(np.full(600, 0.6))
    assert (images**2).mean(axis=0) == pytest.approx(np.full((2, 6), 1 / 6), abs=0.04)
    assert images.mean(axis=0) == pytest.approx(np.zeros((2, 6)), abs=0.08)


def test_layers_are_matched_by_relative_depth():
    one, other = matched_layers(range(3), range(6))
    assert list(one) == [0, 1, 2]
    assert list(other) == [1, 3, 5]


def test_common_axes_stand_out_and_other_axes_do_not():
    one, other = sided.two_of_one_world()
    same = ModelStates("same", one.layers, one.ids, one.values + 0.01)
    table = raw_overlaps({"m0": one, "m1": other, "same": same}, sided.rows(), (2, 5), 99).set_index(
        ["one", "other", "k"]
    )
    alike = table.loc[("m0", "same", 2)]
    assert alike["overlap"] == pytest.approx(1)
    assert alike["p"] == 0.01
    assert table.loc[("m0", "m1", 5), "p"] > 0.01
    assert table.loc[("m0", "m1", 5), "chance"] == 5 / 20


def test_models_of_other_widths_are_left_out_and_k_is_what_prompts_allow():
    one, other = sided.two_of_one_world(widths=(20, 24))
    assert raw_overlaps({"m0": one, "m1": other}, sided.rows(), (2,), 9).empty
    assert affordable(sided.rows()) == (2, 5, 10, 20)
    assert affordable(sided.rows(sided.prompts(4, 1))) == (2,)

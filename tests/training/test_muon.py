"""The optimiser against linear algebra done by another library."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emotion_utils.models.loading import build_model
from emotion_utils.training.configs import SPECS, model_config
from emotion_utils.training.muon import Muon, Optimiser, orthogonalise


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 8, 40), (2, 40, 8)])
def test_orthogonalise_keeps_the_singular_vectors_and_levels_the_values(shape):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = orthogonalise(matrices, dtype=torch.float32).numpy()
    for before, after in zip(matrices.numpy(), found, strict=True):
        u, _, vt = np.linalg.svd(before, full_matrices=False)
        inside = u.T @ after @ vt.T
        np.testing.assert_allclose(inside, np.diag(np.diag(inside)), atol=2e-3)
        assert (np.diag(inside) > 0.3).all()
        assert (np.diag(inside) < 1.3).all()


def test_a_step_moves_each_matrix_by_the_stated_size():
    parameter = torch.nn.Parameter(torch.zeros(8, 32))
    parameter.grad = torch.randn(8, 32, generator=torch.Generator().manual_seed(0))
    Muon([parameter], lr=0.01, weight_decay=0.0, dtype=torch.float32).step()
    expected = -0.01 * 0.2 * 32**0.5 * orthogonalise(parameter.grad[None], dtype=torch.float32)[0]
    torch.testing.assert_close(parameter.data, expected, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("name", [n for n, spec in SPECS.items() if not spec.blind and not spec.start])
def test_every_parameter_has_exactly_one_optimiser(name):
    model = build_model(model_config(SPECS[name], 300, 0, 0, 1))
    optimiser = Optimiser(model, lr=0.01, adam_lr=0.01, dtype=torch.float32)
    matrices = [p for group in optimiser.muon.groups for p in group]
    assert sorted(map(id, matrices + optimiser.others)) == sorted(map(id, model.parameters()))
    assert not {id(p) for p in matrices} & {id(p) for p in model.get_input_embeddings().parameters()}

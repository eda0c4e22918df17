"""A batch that does not fit into memory is read in smaller ones, and nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emotion_utils.activations import forward, passes
from emotion_utils.activations.extraction import extract, points
from emotion_utils.activations.forward import forward_batches, head_outputs
from emotion_utils.core.errors import UserError
from emotion_utils.models.hooks import HookPoint
from emotion_utils.models.model import load
from emotion_utils.prompts.loading import load_profile


@pytest.fixture(scope="module")
def model():
    return load("small-gpt2")


@pytest.fixture(scope="module")
def prompts():
    return load_profile("smoke").head(8)


@pytest.fixture
def limited(monkeypatch):
    """Forward passes of at most so many rows, in both places that read; the sizes that were tried."""

    def limit(rows: int) -> list[int]:
        tried: list[int] = []
        for module in (forward, passes):
            real = module.forward_until

            def run(network, functions, *, real=real, **inputs):
                tried.append(len(inputs["input_ids"]))
                if tried[-1] > rows:
                    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
                real(network, functions, **inputs)

            monkeypatch.setattr(module, "forward_until", run)
        return tried

    return limit


def test_prompts_are_all_read_in_smaller_batches(model, prompts, limited):
    whole = extract(model, prompts, points(model), batch_tokens=10_000, progress=False)
    tried = limited(3)
    found = extract(model, prompts, points(model), batch_tokens=10_000, progress=False)
    assert tried == [8, 4, 2, 2, 2, 2]
    assert found.reads.equals(whole.reads)
    for point, values in whole.values.items():
        torch.testing.assert_close(found.values[point], values, atol=1e-4, rtol=1e-4)


def test_heads_are_all_read_in_smaller_batches(model, prompts, limited):
    ids = model.encode(prompts["text"].tolist()).ids
    whole = head_outputs(model, ids)
    tried = limited(3)
    torch.testing.assert_close(head_outputs(model, ids).values, whole.values, atol=1e-5, rtol=1e-5)
    assert max(tried) == 8
    assert sum(size for size in tried if size <= 3) == len(ids)
    rows = [rows for rows, _, _ in forward_batches(model, ids, [HookPoint(0, "resid_post")])]
    assert sorted(np.concatenate(rows).tolist()) == list(range(len(ids)))


def test_a_prompt_that_does_not_fit_alone_is_said(model, prompts, limited):
    limited(0)
    with pytest.raises(UserError, match="A single row does not fit into memory"):
        extract(model, prompts, points(model), progress=False)

"""Wide models are drawn once, and as their libraries would begin: checked on small ones of every family."""

from __future__ import annotations

import pytest
import torch
from torch.overrides import TorchFunctionMode
from transformers import AutoConfig, AutoModelForCausalLM
from wide.architectures import ARCHITECTURES, SPREAD, Architecture

from emotion_utils.core.paths import MODELS


class Drawn(TorchFunctionMode):
    """Counts the numbers of matrices that are drawn inside."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in (torch.Tensor.normal_, torch.Tensor.uniform_) and args[0].ndim >= 2:
            self.numbers += args[0].numel()
        return func(*args, **(kwargs or {}))


@pytest.fixture(params=sorted({one.tokenizer for one in ARCHITECTURES.values()}))
def small(request):
    config = AutoConfig.from_pretrained(MODELS / request.param)
    settings = {name: value for name, value in config.to_dict().items() if name != "model_type"}
    return Architecture(config.model_type, settings, request.param, "bfloat16")


def test_every_matrix_is_drawn_once_and_all_else_is_as_the_library_begins(small):
    with Drawn() as counted:
        model = small.drawn()
    matrices = {name: own for name, own in model.named_parameters() if own.ndim >= 2}
    assert counted.numbers == sum(own.numel() for own in matrices.values())
    for own in matrices.values():
        assert own.dtype == torch.bfloat16
        assert own.float().std().item() == pytest.approx(SPREAD, rel=0.1)
        assert own.float().mean().abs() < SPREAD / 4
    library = AutoModelForCausalLM.from_config(small.config, dtype=torch.bfloat16)
    others = {
        name: own for name, own in library.state_dict().items() if name not in matrices and own.ndim < 2
    }
    assert others
    for name, own in others.items():
        assert torch.equal(model.state_dict()[name], own), name


def test_rows_and_matrices_differ(small):
    own = [weight for weight in small.drawn().parameters() if weight.ndim >= 2]
    for weight in own:
        rows = weight.detach().flatten(1).float()
        alike = torch.nn.functional.normalize(rows) @ torch.nn.functional.normalize(rows).T
        assert alike.fill_diagonal_(0).abs().max() < 0.9
    assert len({weight.detach().flatten()[:16].float().sum().item() for weight in own}) == len(own)


def test_what_is_saved_is_what_was_drawn(small, tmp_path):
    n = small.save(tmp_path)
    drawn, saved = small.drawn(), AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert n == sum(weight.numel() for weight in saved.parameters())
    for one, other in zip(drawn.parameters(), saved.parameters(), strict=True):
        assert torch.equal(one, other)
    assert (tmp_path / "tokenizer.json").is_file()

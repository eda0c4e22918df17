"""Gemma 3 from 4 B on also reads images: its text part is found inside, and computes as the text model alone does."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from emotion_utils.core.errors import UserError
from emotion_utils.models import loading
from emotion_utils.models.families import blocks, n_heads, n_layers
from emotion_utils.models.hooks import HookPoint, eager, forward_until

TEXT = {
    "vocab_size": 512,
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 96,
    "sliding_window": 8,
    "max_position_embeddings": 128,
}
IMAGES = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 1}
IDS = torch.tensor([[2, *range(60, 74)]])


@pytest.fixture(scope="module")
def both():
    torch.manual_seed(0)
    config = AutoConfig.for_model("gemma3", text_config=TEXT, vision_config=IMAGES)
    whole = AutoModelForCausalLM.from_config(config).eval()
    alone = AutoModelForCausalLM.from_config(AutoConfig.for_model("gemma3_text", **TEXT)).eval()
    alone.model.load_state_dict(whole.get_decoder().state_dict())
    alone.tie_weights()
    return whole, alone


def read(model, kinds=("resid_post", "z", "pattern", "neurons", "mlp_out")):
    found = {}
    points = [HookPoint(layer, kind) for layer in range(n_layers(model)) for kind in kinds]
    with torch.no_grad(), eager(model):
        forward_until(
            model,
            {p: lambda tensor, p=p: found.__setitem__(p, tensor.clone()) for p in points},
            input_ids=IDS,
        )
    return found


def test_hooks_are_in_the_text_part(both):
    whole, alone = both
    assert (n_layers(whole), n_heads(whole), len(blocks(whole))) == (3, 4, 3)
    ours, theirs = read(whole), read(alone)
    assert set(ours) == set(theirs)
    for point, values in theirs.items():
        torch.testing.assert_close(ours[point], values)


def test_it_is_never_float16(both, tmp_path):
    both[0].save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"exceed the float16 range of 65,504: choose bfloat16"):
        loading.load_model(str(tmp_path), dtype="float16")
    assert loading.load_model(str(tmp_path), dtype="bfloat16").dtype == torch.bfloat16

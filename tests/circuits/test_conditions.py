"""Heads taken out and patched as conditions, beside the plain model with a hook on its output projection."""

from __future__ import annotations

import pytest
import torch

from emotion_utils.circuits.conditions import ablate, patch
from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import UNTOUCHED
from emotion_utils.engine.teacher_forcing import next_token_log_probs
from emotion_utils.prompts.loading import load_profile

SOURCE, TARGET = "Anna helped Tom with the boxes. Tom said:", "Anna saw Tom. Tom said:"


def by_hand(model, text, layer, change):
    """Log-probabilities of the next token where `change` acts on what heads give: (position, head, d_head)."""
    ids = model.tokenizer(text, return_tensors="pt")["input_ids"]
    module = model.network.transformer.h[layer].attn.c_proj

    def hook(_, args):
        heads = args[0].unflatten(-1, (model.n_heads, -1)).clone()
        change(heads[0])
        return (heads.flatten(-2), *args[1:])

    handle = module.register_forward_pre_hook(hook)
    with torch.no_grad():
        out = torch.log_softmax(model.network(ids).logits[0, -1], -1)
    handle.remove()
    return out


def test_heads_at_zero_give_nothing(small):
    def change(heads):
        heads[:, [0, 4]] = 0

    found = next_token_log_probs(small, [TARGET], [ablate(small, ["L1H4", (1, 0)], "zero")])[0, 0]
    torch.testing.assert_close(found, by_hand(small, TARGET, 1, change), rtol=1e-4, atol=1e-4)


def test_heads_at_their_mean_give_the_same_everywhere(small):
    prompts = load_profile("smoke")
    (edit,) = ablate(small, ["L1H4"], "mean", prompts).edits

    def change(heads):
        heads[:, 4] = edit.value[4]

    found = next_token_log_probs(small, [TARGET], [ablate(small, ["L1H4"], "mean", prompts)])[0, 0]
    torch.testing.assert_close(found, by_hand(small, TARGET, 1, change), rtol=1e-4, atol=1e-4)
    assert float(edit.value.norm()) > 0


def test_a_patch_brings_what_the_head_gives_at_the_shared_ending(small):
    kept = {}
    by_hand(small, SOURCE, 1, lambda heads: kept.update(z=heads[:, 4].clone()))
    shared = len(small.tokenizer(". Tom said:")["input_ids"])

    def change(heads):
        heads[-shared:, 4] = kept["z"][-shared:]

    found = next_token_log_probs(small, [TARGET], [UNTOUCHED, patch(small, SOURCE, TARGET, ["L1H4"])])[0]
    torch.testing.assert_close(found[1], by_hand(small, TARGET, 1, change), rtol=1e-4, atol=1e-4)
    assert float((found[1] - found[0]).abs().max()) > 1e-3


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda model: ablate(model, ["L1H4"], "men"), 'There is no ablation "men": did you mean "mean"'),
        (lambda model: ablate(model, ["1.4"], "zero"), 'A head is written L1H10 or .1, 10.*, not "1.4"'),
        (
            lambda model: ablate(model, ["L4H0"], "zero"),
            "no head L4H0: the model has layers 0 to 3, with heads 0 to 7",
        ),
        (lambda model: ablate(model, [(1, 8)], "zero"), "no head L1H8"),
        (lambda model: ablate(model, []), "No head is named"),
        (lambda model: patch(model, SOURCE, TARGET, [(-1, 0)]), "no head L-1H0"),
        (lambda model: patch(model, "Anna left.", "Anna left", ["L1H4"]), "do not end in the same token"),
        (lambda model: patch(model, SOURCE, TARGET, ["L1H4"], "y"), 'There is no mode "y"'),
    ],
)
def test_what_makes_no_condition_is_refused(small, call, sentence):
    with pytest.raises(UserError, match=sentence):
        call(small)

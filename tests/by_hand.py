"""What a model gives under a condition by the plain forward pass: no batch, no cache, edits in hooks of its own."""

from __future__ import annotations

from contextlib import contextmanager

import torch

from emotion_utils.engine.interventions import (
    EVERYWHERE,
    FROM_END,
    GENERATED,
    PROMPT,
    UNTOUCHED,
    Condition,
    Edit,
    Window,
    steering,
)
from emotion_utils.models.families import blocks, n_layers
from emotion_utils.models.hooks import HookPoint, shape_at


def vector(model, seed, length=3.0):
    drawn = torch.randn(
        model.config.get_text_config().hidden_size, generator=torch.Generator().manual_seed(seed)
    )
    return length * drawn / drawn.norm()


def heads_of(model, seed):
    """A value at z."""
    return torch.randn(shape_at(model, HookPoint(0, "z")), generator=torch.Generator().manual_seed(seed))


def sweep(model):
    """Conditions of every form."""
    last, windows = n_layers(model) - 1, (EVERYWHERE, FROM_END, GENERATED, PROMPT)
    found = [UNTOUCHED]
    for i, window in enumerate(windows):
        for layer in {0, last // 2, last}:
            found.append(steering(f"w{i} l{layer}", vector(model, layer), layer, 1.5, window))
    found.append(steering("window", vector(model, 7), 1, 2.0, Window(1, 4)))
    found.append(steering("late window", vector(model, 7), 0, 2.0, Window(2, 4, "end")))
    found.append(steering("decay", vector(model, 8), 1, 2.0, Window(half_life=1.5)))
    found.append(Condition("pre", (Edit(HookPoint(1, "resid_pre"), vector(model, 3)),)))
    found.append(Condition("set", (Edit(HookPoint(0, "mlp_out"), vector(model, 4), "set"),)))
    fading = Edit(HookPoint(0, "attn_out"), vector(model, 4), "set", -0.5, Window(half_life=1.5))
    found.append(Condition("fading set", (fading,)))
    z = heads_of(model, 5)
    found.append(Condition("heads", (Edit(HookPoint(1, "z"), z, "set", heads=(0, 2)),)))
    two = (
        *steering("", vector(model, 1), 0, 1.0).edits,
        *steering("", vector(model, 2), last, -2.0, GENERATED).edits,
    )
    found.append(Condition("two", two))
    rows = torch.stack([vector(model, i) for i in range(3)])
    found.append(Condition("by position", (Edit(HookPoint(0, "resid_post"), rows, "set"),)))
    return found


def logits_by_hand(model, ids, condition, prompt):
    """Logits of a text whose first tokens are the prompt."""
    with edited(model, condition, prompt), torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0]


def by_hand(model, ids, condition, new, end=None):
    """Greedy text, and by how much each of its tokens was ahead of the next best."""
    prompt, ids, gap = len(ids), list(ids), []
    for _ in range(new):
        best = logits_by_hand(model, ids, condition, prompt)[-1].topk(2)
        gap.append(float(best.values[0] - best.values[1]))
        ids.append(int(best.indices[0]))
        if ids[-1] == end:
            break
    return ids[prompt:], gap


@contextmanager
def edited(model, condition, prompt):
    handles = [_hook(model, edit, prompt) for edit in condition.edits]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def factor(window, position, prompt):
    origin = 0 if window.anchor == "start" else prompt - 1
    after = window.first is None or position >= origin + window.first
    before = window.stop is None or position < origin + window.stop
    decay = 0.5 ** (max(0, position - (prompt - 1)) / window.half_life) if window.half_life else 1.0
    return decay * (after and before)


def _hook(model, edit, prompt):
    def change(hidden):
        hidden = hidden.clone()
        for position in range(hidden.shape[1]):
            value = edit.value
            if edit.by_position:
                if position >= len(value):
                    continue
                value = value[position]
            share = factor(edit.window, position, prompt)
            old = hidden[0, position].reshape(value.shape).clone()
            aim = old + edit.scale * value if edit.mode == "add" else edit.scale * value
            for head in [...] if edit.heads is None else edit.heads:
                old[head] = aim[head] if share == 1 else old[head] + share * (aim[head] - old[head])
            hidden[0, position] = old.reshape(-1)
        return hidden

    def before(_, args):
        return (change(args[0]), *args[1:])

    def after(_, __, out):
        return (change(out[0]), *out[1:]) if isinstance(out, tuple) else change(out)

    block = blocks(model)[edit.point.layer]
    gemma = hasattr(block, "pre_feedforward_layernorm")
    inputs = {"resid_pre": block, "z": _projection(block), "neurons": _mlp_projection(block)}
    if edit.point.kind in inputs:
        return inputs[edit.point.kind].register_forward_pre_hook(before)
    return {
        "resid_post": block,
        "attn_out": block.post_attention_layernorm if gemma else _attention(block),
        "mlp_out": block.post_feedforward_layernorm if gemma else block.mlp,
    }[edit.point.kind].register_forward_hook(after)


def _attention(block):
    return next(getattr(block, n) for n in ("self_attn", "attention", "attn") if hasattr(block, n))


def _projection(block):
    attention = _attention(block)
    attention = getattr(attention, "attention", attention)
    names = ("o_proj", "c_proj", "out_proj", "dense")
    return next(getattr(attention, name) for name in names if hasattr(attention, name))


def _mlp_projection(block):
    names = ("down_proj", "c_proj", "dense_4h_to_h")
    return next(getattr(block.mlp, name) for name in names if hasattr(block.mlp, name))

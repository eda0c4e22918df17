"""What heads do in the plain model: one unpadded prompt at a time, no cache, hooks and log-odds of its own."""

from __future__ import annotations

import copy
from contextlib import ExitStack
from unittest import mock

import numpy as np
import pandas as pd
import torch

from emotion_utils.heads.pairs import Pairs

OUT = ("attn.c_proj", "attn.attention.out_proj", "attention.dense", "self_attn.o_proj")
IN = ("attn.c_attn", "attn.attention.v_proj", "attention.query_key_value", "self_attn.v_proj")
NORMS = ("transformer.ln_f", "gpt_neox.final_layer_norm", "model.norm")
PREFIXES = [(5, 9, 4), (8, 3, 6), (6, 6, 1), (140, 12, 5)]
"""Tokens before the shared ending of the emotional and of the neutral prompt, and of the ending."""
SETS = [
    {"anger": [20, 21], "gratitude": [30], "neutral": [40, 41, 42]},
    {"anger": [22], "gratitude": [31, 32], "neutral": [43]},
]


def roughened(model, seed=5):
    """A copy in which biases and gains are not those of a fresh model, 0 and 1."""
    model, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model


def drawn_pairs(model, prefixes=PREFIXES):
    """Pairs of random prompts of different lengths; the last one is longer than the window of local attention."""
    rng, known = np.random.default_rng(3), model.network.config.vocab_size
    emotional, neutral = [], []
    for one, other, ending in prefixes:
        shared = rng.integers(50, known, ending).tolist()
        emotional.append([1, *rng.integers(50, known, one - 2).tolist(), 11, *shared])
        neutral.append([1, *rng.integers(50, known, other - 2).tolist(), 12, *shared])
    n = len(prefixes)
    table = pd.DataFrame(
        {
            "pair": [f"p{i}" for i in range(n)],
            "emotion": [("anger", "gratitude")[i % 2] for i in range(n)],
            "unit": [f"u{i // 2}" for i in range(n)],
            "split": ["build" if i < 2 else "report" for i in range(n)],
            "version": 0,
        }
    )
    return Pairs(model, table, emotional, neutral, [SETS[i // 2 % 2] for i in range(n)])


def modules(model, endings):
    return [module for name, module in model.named_modules() if name.endswith(endings)]


def in_double():
    """Norms, softmax and rotary positions compute in single precision, whatever the model is: not here."""
    stack = ExitStack()
    stack.enter_context(mock.patch.object(torch, "float32", torch.float64))
    stack.enter_context(mock.patch.object(torch.Tensor, "float", torch.Tensor.double))
    return stack


def heads_in(model):
    return model.config.num_attention_heads


def width_in(model):
    """Of a head: not always the stream's width by their number."""
    return getattr(model.config, "head_dim", None) or model.config.hidden_size // heads_in(model)


def logits(model, ids, change=None):
    """All logits of a prompt; ``change`` gets the heads of each layer, (position, head, d_head), and gives them."""
    with ExitStack() as stack:
        for layer, module in enumerate(modules(model, OUT)):

            def before(_, args, layer=layer):
                found = args[0][0].unflatten(-1, (heads_in(model), -1))
                new = found if change is None else change(layer, found)
                return (new.flatten(1)[None], *args[1:])

            handle = module.register_forward_pre_hook(before)
            stack.callback(handle.remove)
        return model(torch.tensor([ids]), use_cache=False).logits[0]


def read_out(model, state):
    """The logits of a normalised state, as Gemma 2 caps them."""
    logits, cap = model.get_output_embeddings()(state), getattr(model.config, "final_logit_softcapping", None)
    return logits if cap is None else cap * torch.tanh(logits / cap)


def odds_of(last, emotional, neutral):
    chances = torch.softmax(last.double(), dim=-1)
    return torch.log(chances[emotional].sum()) - torch.log(chances[neutral].sum())


def odds(pairs, prompt, change=None, model=None):
    """Log-odds after a prompt, counted as in ``Pairs.ids``."""
    pair = prompt % len(pairs)
    own, emotion = pairs.openings[pair], pairs.table["emotion"][pair]
    last = logits(model or pairs.model.network, pairs.ids[prompt], change)[-1]
    return odds_of(last, own[emotion], own["neutral"])


@torch.no_grad()
def z_of(model, ids):
    """(layer, position, head, d_head)."""
    found = []
    logits(model, ids, lambda _, z: (found.append(z.clone()), z)[1])
    return torch.stack(found)


@torch.no_grad()
def values_and_patterns(model, ids):
    """Values of each query head from the weights, (layer, position, head, d_head), and attention weights."""
    found, heads = [], heads_in(model)
    with ExitStack() as stack:
        for module in modules(model, IN):
            handle = module.register_forward_pre_hook(lambda m, args: found.append((m, args[0][0])))
            stack.callback(handle.remove)
        weights = model(torch.tensor([ids]), use_cache=False, output_attentions=True).attentions
    values, width = [], width_in(model)
    for module, x in found:
        bias = 0 if getattr(module, "bias", None) is None else module.bias
        flat = x @ (module.weight if hasattr(module, "nf") else module.weight.T) + bias
        own = []
        for head in range(heads):
            shared_by = heads * width // flat.shape[1] or 1
            first = head // shared_by * width
            if hasattr(module, "nf"):  # queries, keys and values of all heads
                first = 2 * heads * width + head * width
            elif flat.shape[1] == 3 * heads * width:  # head by head
                first = head * 3 * width + 2 * width
            own.append(flat[:, first : first + width])
        values.append(torch.stack(own, dim=1))
    return torch.stack(values), torch.stack([part[0] for part in weights])


@torch.no_grad()
def given(pairs, pair, mode, into):
    """What heads are to give on one prompt of a pair, counted from the end: (layer, position, head, d_head)."""
    both = [pairs.emotional[pair], pairs.neutral[pair]]
    target, source = both[into], both[1 - into]
    if mode == "z":
        return z_of(pairs.model.network, source)
    theirs, patterns = values_and_patterns(pairs.model.network, source)
    if mode == "pattern_v":
        return torch.einsum("lhqk,lkhd->lqhd", patterns, theirs)
    values, patterns = values_and_patterns(pairs.model.network, target)
    for back in range(1, min(len(source), len(target))):  # all but the first token of the shorter one
        values[:, -back] = theirs[:, -back]
    return torch.einsum("lhqk,lkhd->lqhd", patterns, values)


@torch.no_grad()
def patched(pairs, pair, sets, mode, into, places=None):
    """Log-odds of one prompt of a pair under each set of heads of the other one, at so many places from the end."""
    new = given(pairs, pair, mode, into)
    places = PREFIXES[int(pairs.table["pair"][pair][1:])][2] if places is None else places
    found = []
    for heads in sets:

        def change(layer, z, heads=heads):
            z = z.clone()
            for _, head in [both for both in heads if both[0] == layer]:
                for back in range(1, places + 1):
                    z[-back, head] = new[layer, -back, head]
            return z

        found.append(float(odds(pairs, into * len(pairs) + pair, change)))
    return found


def setting(head, value):
    """Set one head at all positions."""

    def change(layer, z):
        if layer != head[0]:
            return z
        z = z.clone()
        z[:, head[1]] = value
        return z

    return change


@torch.no_grad()
def means_of_all(pairs):
    found = torch.cat([z_of(pairs.model.network, ids)[:, 1:] for ids in pairs.ids], dim=1)
    return found.double().mean(dim=1).float()

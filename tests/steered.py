"""What steering should give, by the plain model with hooks of its own; and a model whose every reaction is planted."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from emotion_utils.models.loading import load_tokenizer
from emotion_utils.models.model import Model
from emotion_utils.steering.subject import MADE, SteeredModel
from emotion_utils.vectors.probing import Contrast
from emotion_utils.vectors.vector import EmotionVector

EMOTIONS = ("gratitude", "anger", "apology")
TURNED = (MADE[1], "apology", 1, 2.0)
"""The one setting of the planted model that makes it apologise: kind of vector, emotion, layer and strength."""


@contextmanager
def pushed(model, vector, layer, acts):
    """Add a vector after a block of a GPT-2 at the absolute positions where ``acts(position)``; with a KV cache too."""
    seen = 0

    def change(module, inputs, output):
        nonlocal seen
        hidden = (output[0] if isinstance(output, tuple) else output).clone()
        for at in range(hidden.shape[1]):
            if acts(seen + at):
                hidden[:, at] += vector
        seen += hidden.shape[1]
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    handle = model.transformer.h[layer].register_forward_hook(change)
    try:
        yield
    finally:
        handle.remove()


def continued(model, ids, vector=None, layer=0, acts=lambda position: False, new=30):
    """Tokens that `generate` of Hugging Face adds, greedily."""
    vector = torch.zeros(model.config.n_embd) if vector is None else vector
    with pushed(model, vector, layer, acts):
        made = model.generate(
            torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            do_sample=False,
            max_new_tokens=new,
            pad_token_id=1,
        )
    return made[0, len(ids) :].tolist()


@torch.no_grad()
def log_probs(model, ids, vector=None, layer=0, acts=lambda position: False):
    """Log-probabilities after each position of one text, without batch or cache, shape (position, vocabulary)."""
    vector = torch.zeros(model.config.n_embd) if vector is None else vector
    with pushed(model, vector, layer, acts):
        return model(torch.tensor([ids]), use_cache=False).logits[0].double().log_softmax(-1)


@torch.no_grad()
def stream(model, ids):
    """Output of every block of a GPT-2, shape (position, layer, d_model)."""
    found, handles = [], []
    for block in model.transformer.h:
        handles.append(
            block.register_forward_hook(lambda m, i, o: found.append(o[0] if isinstance(o, tuple) else o))
        )
    model(torch.tensor([ids]), use_cache=False)
    for handle in handles:
        handle.remove()
    return torch.stack([states.reshape(len(ids), -1) for states in found], dim=1)


def parrot(n_layers=2, width=128, seed=0):
    """A GPT-2 whose blocks do nothing, so that it repeats the last token, or the one that is pushed in harder."""
    torch.manual_seed(seed)
    tokenizer = load_tokenizer("small-gpt2")
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=512,
        n_embd=width,
        n_layer=n_layers,
        n_head=4,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        model.transformer.wte.weight.normal_()
        model.transformer.wpe.weight.zero_()
        for block in model.transformer.h:
            for part in (block.attn.c_proj, block.mlp.c_proj):
                part.weight.zero_()
                part.bias.zero_()
    return model, tokenizer


def planted(n_layers=2, name="planted"):
    """A steered model with vectors by hand: only :data:`TURNED` points at "Sorry", the same at layer 0 at "Thanks"."""
    model, tokenizer = parrot(n_layers)
    word = model.transformer.wte.weight.detach()
    generator = torch.Generator().manual_seed(1)
    vectors = {
        made: {e: torch.randn(n_layers, model.config.n_embd, generator=generator) for e in EMOTIONS}
        for made in MADE
    }
    made, emotion, layer, _ = TURNED
    vectors[made][emotion][layer] = 3 * word[tokenizer.convert_tokens_to_ids("ĠSorry")]
    vectors[made][emotion][0] = word[tokenizer.convert_tokens_to_ids("ĠThanks")]
    labels = np.array([*EMOTIONS, "neutral"] * 12, dtype=object)
    states = torch.randn(len(labels), n_layers, model.config.n_embd, generator=generator)
    blocks = np.arange(len(labels))
    built = {}
    for e in EMOTIONS:
        kept = np.isin(labels, [e, "neutral"])
        prompts = pd.DataFrame({"block": blocks[kept].astype(str), "split": "build"})
        values = states[torch.from_numpy(np.flatnonzero(kept))]
        built[e] = Contrast(e, "end", tuple(range(n_layers)), values, labels[kept] == e, prompts)
    objects = {
        m: {e: EmotionVector(e, m, name, tuple(range(n_layers)), v) for e, v in of.items()}
        for m, of in vectors.items()
    }
    unit = word.norm(dim=1).mean().repeat(n_layers)
    cloud = torch.randn(200, n_layers, model.config.n_embd, generator=generator)
    return SteeredModel(
        Model(model, tokenizer, name), built, states, labels, blocks, objects, unit, cloud, built
    )


def quoted(n=3):
    """Contexts that end where speech begins, each a unit of its own."""
    names = ["Tom", "Anna", "Mei", "Omar", "Lucy", "Eva", "Luis", "Laura", "Martin", "Aisha"][:n]
    texts = [f'{name} closed the door. Eva said to {name}: "' for name in names]
    return pd.DataFrame({"context": texts, "unit": range(n), "source": "by hand"})

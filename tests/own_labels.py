"""Texts of somebody's own labels, and a model that goes on in a label's words once it is pushed there, or never."""

from __future__ import annotations

import csv

import numpy as np
import torch
from steered import parrot

from emotion_utils.models.model import Model
from emotion_utils.prompts.loading import load_prompts

LABELS = ("joy", "worry", "neutral")
EACH, ENDS, LENGTH = 12, 2, 9
"""Words of each label, those that its texts end with, and words of a text."""


def words_of(tokenizer, labels=LABELS):
    """By label: words of one token, which no other label has."""
    known = sorted(t for t in tokenizer.get_vocab() if t[:1] == "Ġ" and t[1:].isalpha() and len(t) > 5)
    drawn = np.random.default_rng(0).permutation(known).tolist()
    return {label: drawn[i * EACH : (i + 1) * EACH] for i, label in enumerate(labels)}


def texts_of(tokenizer, folder, labels=LABELS, n=20, shuffled=False):
    """Prompts of each label in its own words alone; shuffled, the labels have nothing to do with the words."""
    rng, texts, told = np.random.default_rng(1), [], []
    for label, words in words_of(tokenizer, labels).items():
        for i in range(n):
            said = [*rng.choice(words, LENGTH - 1), words[i % ENDS]]
            texts.append(" ".join(str(word)[1:] for word in said))
            told.append(label)
    if shuffled:
        told = rng.permutation(told).tolist()
    path = folder / "own.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "emotion"), *zip(texts, told, strict=True)])
    return load_prompts(path, "text", "emotion")


def speaker(deaf=False, name="planted", labels=LABELS):
    """A model whose every next token is set: each label's words follow each other, all other tokens go round too.

    After a push towards a label's words it goes on in them; a deaf one leaves them for the other tokens at once.
    """
    network, tokenizer = parrot()
    size = network.config.vocab_size
    following, special = torch.arange(size), {tokenizer.eos_token_id, tokenizer.bos_token_id}
    rings = [tokenizer.convert_tokens_to_ids(words) for words in words_of(tokenizer, labels).values()]
    told = {token for ring in rings for token in ring}
    rest = [i for i in np.random.default_rng(2).permutation(size).tolist() if i not in told | special]
    if deaf:
        rings = [[token for ring in rings for token in ring] + rest]
        order = torch.randperm(len(rings[0]), generator=torch.Generator().manual_seed(3))
        rings = [[rings[0][i] for i in order.tolist()]]
    else:
        rings.append(rest)
    for ring in rings:
        following[torch.tensor(ring)] = torch.tensor(ring).roll(-1)
    network.config.tie_word_embeddings = False
    network.lm_head = torch.nn.Linear(network.config.n_embd, size, bias=False)
    with torch.no_grad():
        network.lm_head.weight[following] = 0.1 * network.transformer.wte.weight
    return Model(network.eval(), tokenizer, name)

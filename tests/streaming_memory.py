"""Stream many short prompts through a wide untrained model, and print how much memory that took, as JSON."""

from __future__ import annotations

import json
import resource
import sys

import numpy as np
import pandas as pd
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from emotion_utils.activations.extraction import points, stream
from emotion_utils.models.loading import load_tokenizer
from emotion_utils.models.model import Model

KINDS = ("resid_pre", "attn_out", "mlp_out", "resid_post")
WORDS = ("bread", "soup", "rain", "thanks", "sorry", "great", "lost", "why")


def prompts(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    texts = [" ".join(row) for row in rng.choice(WORDS, (n, 2))]
    return pd.DataFrame({"id": [f"p{i}" for i in range(n)], "text": texts, "emotion": "neutral"})


def wide_model(vocabulary: int) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    special = dict.fromkeys(("bos_token_id", "eos_token_id"))
    shape = {"n_embd": 256, "n_layer": 3, "n_head": 4, "n_inner": 16, "n_positions": 32}
    return GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, **shape, **special)).eval()


def peak() -> float:
    """Most memory that this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(n: int) -> None:
    tokenizer = load_tokenizer("small-gpt2")
    model, table = Model(wide_model(len(tokenizer)), tokenizer), prompts(n)
    asked = (points(model, KINDS), ["end", "mean"])
    for _ in stream(model, table.head(100), *asked, progress=False):
        pass
    before, held, rows = peak(), 0, {}
    for part in stream(model, table, *asked, shard_bytes=2**25, progress=False):
        held += sum(values.numel() * values.element_size() for values in part.values.values())
        ids, values = part.at("end", "mlp_out")
        rows[ids.iloc[-1]] = values[-1].tolist()
    print(json.dumps({"grown": peak() - before, "whole": held / 2**20, "rows": rows}))


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""The code of the page "In other tools" does what the page says, in the order in which it stands there."""

from __future__ import annotations

import re

import pandas as pd
import torch
from gguf import GGUFReader

from emotion_utils.core.paths import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "book" / "other_tools.md").read_text(encoding="utf-8")


def test_its_code_runs_and_says_what_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.S):
        exec(block, names)  # noqa: S102 - the page's own code
    assert names["after_block_2"].shape[-1] == names["model"].d_model
    with torch.no_grad(), names["lens"].hooks(fwd_hooks=[names["thanks"].lens_hook(2)]):
        assert (names["lens"](names["tokens"]) - names["logits"]).abs().max() > 0.1
    assert [tensor.name for tensor in GGUFReader("thanks.gguf").tensors] == ["direction.2"]
    assert torch.equal(names["given"]["gratitude"].values, names["thanks"].values)
    scores: pd.DataFrame = names["scores"]
    assert set(scores["method"]) == {"sentence end", "given: read from theirs.safetensors"}
    assert names["steered"].edits

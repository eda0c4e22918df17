"""What a chapter takes of the model that it is about: tokens and memory, noted after every cell.

A token is one position of one text, padding among them, that the model is given as ``input_ids`` and that goes into its
blocks. One that comes again counts again, and so does one whose first blocks are skipped because their outputs are
known. What stops at the embedding, where no block computes anything, does not count. Models of the same architecture
with other weights, the untrained ones beside a model, are counted apart, and all others not at all.
"""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch.utils.hooks import RemovableHandle
from transformers.modeling_layers import GradientCheckpointingLayer

EMBEDDINGS = ("wte.weight", "embed_in.weight", "embed_tokens.weight")
FIRST = 8
"""Numbers of an embedding by which a model is told from another one."""


def first_numbers(folder: Path) -> list[float]:
    """The first weights of the embedding of tokens in the files of a model."""
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as weights:
            for name in weights.keys():  # noqa: SIM118 - it is no mapping
                if name.endswith(EMBEDDINGS):
                    numbers: list[float] = weights.get_slice(name)[:1][0, :FIRST].float().tolist()
                    return numbers
    raise ValueError(f"There is no embedding of tokens in {folder}.")


class Meter:
    """Counts what modules are given, of all models of a process.

    Parameters
    ----------
    folder
        Of the model that is counted.
    vocabulary
        Rows of its embedding.
    note
        Where the counts are written after every cell: ``tokens``, ``beside`` (of untrained models), ``peak`` (bytes),
        and ``cells``, of each its beginning, both counts so far, the time and the peak.
    """

    def __init__(self, folder: Path, vocabulary: int, note: Path) -> None:
        self.own, self.vocabulary, self.note = first_numbers(folder), vocabulary, note
        self.tokens = {True: 0, False: 0}
        self.waiting: tuple[bool, torch.Size, int] | None = None
        self.cells: list[tuple[str, int, int, float, int]] = []

    def start(self, events: Any) -> RemovableHandle:
        """Count from now on, until the handle is removed; ``events`` are those of the shell that runs cells."""
        events.register("post_run_cell", self._noted)
        return torch.nn.modules.module.register_module_forward_hook(self._after)

    def _after(self, module: torch.nn.Module, args: tuple[Any, ...], _out: Any) -> None:
        if isinstance(module, torch.nn.Embedding) and module.num_embeddings == self.vocabulary:
            own = module.weight[0, :FIRST].float().tolist() == self.own
            self.waiting = (own, torch.Size([*args[0].shape, module.embedding_dim]), args[0].numel())
        elif self.waiting and isinstance(module, GradientCheckpointingLayer):
            own, shape, tokens = self.waiting
            if (
                args and args[0].shape == shape
            ):  # a block of another model may come after a pass without blocks
                self.tokens[own] += tokens
                self.waiting = None

    def _noted(self, result: Any) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        begins = (result.info.raw_cell or "").strip()[:60]
        self.cells.append((begins, self.tokens[True], self.tokens[False], time.time(), peak))
        found = {"tokens": self.tokens[True], "beside": self.tokens[False], "peak": peak}
        self.note.write_text(json.dumps(found | {"cells": self.cells}))

"""What llama.cpp writes, greedily, under a control vector: by its C interface, as the library xllamacpp carries it.

The input is one request as JSON, ``{"model": "x.gguf", "ids": [[...]], "directions": {"12": [...]}, "new": 16}``. The
output is ``{"tokens": [[...]], "gaps": [[...]]}``: the tokens of each prompt, and at each step by how much the best
logit exceeds the second. Without directions the model is untouched.

Parameters of the library are structures that are passed by value; here they are blocks of bytes that are large enough,
filled by the library's own defaults.
"""

from __future__ import annotations

import ctypes as c
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

LARGEST = 1024
"""Bytes of a block that any structure of parameters fits into."""
BATCH = 56
"""Bytes of ``llama_batch``: a number and six pointers."""
Log = c.CFUNCTYPE(None, c.c_int, c.c_char_p, c.c_void_p)
SILENT = Log(lambda *_: None)


def block(size: int) -> Any:
    return type("Block", (c.Structure,), {"_fields_": [("bytes", c.c_byte * size)]})


Parameters, Batch = block(LARGEST), block(BATCH)
SIGNATURES = {
    "llama_backend_init": (None,),
    "llama_log_set": (None, Log, c.c_void_p),
    "llama_model_default_params": (Parameters,),
    "llama_model_load_from_file": (c.c_void_p, c.c_char_p, Parameters),
    "llama_model_get_vocab": (c.c_void_p, c.c_void_p),
    "llama_vocab_n_tokens": (c.c_int32, c.c_void_p),
    "llama_model_n_embd": (c.c_int32, c.c_void_p),
    "llama_context_default_params": (Parameters,),
    "llama_init_from_model": (c.c_void_p, c.c_void_p, Parameters),
    "llama_set_adapter_cvec": (
        c.c_int32, c.c_void_p, c.POINTER(c.c_float), c.c_size_t, c.c_int32, c.c_int32, c.c_int32,
    ),
    "llama_batch_get_one": (Batch, c.POINTER(c.c_int32), c.c_int32),
    "llama_decode": (c.c_int32, c.c_void_p, Batch),
    "llama_get_logits_ith": (c.POINTER(c.c_float), c.c_void_p, c.c_int32),
    "llama_free": (None, c.c_void_p),
}  # fmt: skip


class LlamaCpp:
    """A model in llama.cpp."""

    def __init__(self, path: str) -> None:
        spec = find_spec("xllamacpp")
        if spec is None or spec.origin is None:
            raise SystemExit(
                "xllamacpp is not installed here: `make bench-peers` makes the environment anew."
            )
        folder = Path(spec.origin).parent
        library = c.CDLL(str(next(folder.glob("xllamacpp*.so"))))
        for name, (result, *arguments) in SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name.removeprefix("llama_"), function)
        self.log_set(SILENT, None)
        self.backend_init()
        self.model = self.model_load_from_file(path.encode(), self.model_default_params())
        if not self.model:
            raise SystemExit(f"llama.cpp cannot load {path}.")
        self.width = self.model_n_embd(self.model)
        self.n_tokens = self.vocab_n_tokens(self.model_get_vocab(self.model))

    def greedy(
        self, ids: list[int], directions: dict[int, list[float]], new: int
    ) -> tuple[list[int], list[float]]:
        """Tokens and gaps of one prompt."""
        context = self.init_from_model(self.model, self.context_default_params())
        if directions:
            # layer l stands at row l - 1: there is none for the first block
            data = np.zeros((max(directions), self.width), dtype=np.float32)
            for layer, row in directions.items():
                data[layer - 1] = row
            pointer = data.ctypes.data_as(c.POINTER(c.c_float))
            if self.set_adapter_cvec(context, pointer, data.size, self.width, 1, max(directions)):
                raise SystemExit("llama.cpp refuses the control vector.")
        tokens: list[int] = []
        gaps: list[float] = []
        read = ids
        for _ in range(new):
            row = (c.c_int32 * len(read))(*read)
            if self.decode(context, self.batch_get_one(row, len(read))):
                raise SystemExit("llama.cpp cannot read the tokens.")
            logits = np.ctypeslib.as_array(self.get_logits_ith(context, -1), (self.n_tokens,))
            best, second = np.argsort(-logits)[:2].tolist()
            tokens.append(best)
            gaps.append(float(logits[best] - logits[second]))
            read = [best]
        self.free(context)
        return tokens, gaps


def main() -> None:
    asked = json.load(sys.stdin)
    directions = {int(layer): row for layer, row in asked["directions"].items()}
    model = LlamaCpp(asked["model"])
    rows = [model.greedy(ids, directions, asked["new"]) for ids in asked["ids"]]
    json.dump({"tokens": [row[0] for row in rows], "gaps": [row[1] for row in rows]}, sys.stdout)


if __name__ == "__main__":
    main()

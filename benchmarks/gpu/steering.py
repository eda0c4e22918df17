"""The reports' full steering design on a GPU, packed, against one condition at a time and against the reports.

For GPT-2 small (124 M parameters) and Llama 3 8B, both with random weights, which need no download and are as fast as
trained ones: 225 prompts of random tokens x 3 emotions x all layers x (the emotion vector and 50 random controls), 30
new tokens each. The design runs in full where a first measurement says that this takes less than `--minutes`; else a
part of its prompts runs under all conditions, and what is extrapolated says so. Compared are, on a sample of
conditions and all prompts,

- the loop over conditions, by the `generate` of Hugging Face and by that of transformer-lens, with KV cache and hook;
  the faster of the two is judged;
- the published way: 16 prompts at a time, the whole text computed again for every token,

and the bound that memory and arithmetic set. transformer-lens changes the model that it wraps, so it comes last.

The results go to `benchmarks/gpu/steering.json`, each with device, date, commit and versions, and its targets judged.
`--dry-run` runs the same code at toy size on the CPU; its numbers mean nothing.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from emotion_utils.core.files import write_atomically
from emotion_utils.core.paths import BUILD
from emotion_utils.engine.generation import BATCH_ROWS, CPU_BATCH_ROWS
from emotion_utils.engine.interventions import UNTOUCHED
from emotion_utils.models.model import Model

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import hardware  # noqa: E402 - beside this file, found by the line above
import random_models  # noqa: E402
import steering_ways as ways  # noqa: E402
from random_models import NEW, Case  # noqa: E402

RESULT, DRY_RESULT = HERE / "steering.json", BUILD / "gpu_steering.json"
MINUTES, PILOT_PROMPTS = 15.0, 2
LOOP_CONDITIONS, PUBLISHED_CONDITIONS = 6, 2
REPORTS = 7.4
"""Tokens per second of the reports' own sweep over Llama 3 8B: 3 emotions x 16 layers x 8 prompts x 30 tokens in
1,564 s, by `results/baseline/timing/phase_timings.jsonl` of github.com/toshiohanawa/emotion-circuits-project."""

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """One model on one device."""

    case: Case
    device: str
    minutes: float
    toy: bool

    @cached_property
    def model(self) -> Model:
        network = random_models.build(self.case, self.device)
        return Model(network, random_models.tokenizer(self.case))

    @cached_property
    def prompts(self) -> list[list[int]]:
        return random_models.prompts(self.case)

    @cached_property
    def conditions(self) -> list[Any]:
        return random_models.design(self.case)

    @property
    def batch_rows(self) -> int:
        return BATCH_ROWS if self.device.startswith("cuda") else CPU_BATCH_ROWS

    def packed(self, ids: Sequence[list[int]], every: Sequence[Any]) -> tuple[np.ndarray, float]:
        """Tokens of prompts under conditions by the packed engine, and seconds."""
        return hardware.timed(
            self.device,
            lambda: ways.packed(self.model, ids, every, NEW, batch_rows=self.batch_rows),
        )


def spread(items: Sequence[T], n: int) -> list[T]:
    """At most so many of the items, at equal distances."""
    n = min(n, len(items))
    return [items[int((i + 0.5) * len(items) / n)] for i in range(n)]


def run_design(job: Job) -> dict[str, Any]:
    """The full design, or all conditions on a part of its prompts where it would take too long."""
    job.packed(job.prompts[:1], spread(job.conditions, 8))  # warms up
    pilot = spread(sorted(job.prompts, key=len), PILOT_PROMPTS)
    seconds = job.packed(pilot, job.conditions)[1]
    expected = seconds / 60 * len(job.prompts) / len(pilot)
    whole = expected < job.minutes
    share = 1.0 if whole else min(1.0, job.minutes / 3 / expected)
    chosen = spread(sorted(job.prompts, key=len), max(1, int(share * len(job.prompts))))
    say(f"the design should take {expected:.1f} minutes: {len(chosen)} of {len(job.prompts)} prompts are run")
    hardware.reset_peak(job.device)
    found, seconds = job.packed(chosen, job.conditions)
    rows = len(chosen) * len(job.conditions)
    return {
        "rows_of_the_design": job.case.rows,
        "rows_run": rows,
        "seconds": seconds,
        "tokens_per_second": rows * NEW / seconds,
        "minutes_of_the_design": seconds / 60 * job.case.rows / rows,
        "extrapolated": rows < job.case.rows,
        "peak_memory_gib": hardware.peak_memory(job.device),
        "rows_that_steering_changes": 1 - ways.same_rows(found, job.packed(chosen, [UNTOUCHED])[0]),
    }


def run_peer(job: Job, way: Callable[..., np.ndarray], runner: Any, n: int) -> dict[str, Any]:
    """Speed of a way on a sample of conditions, each timed alone, and how far its tokens are ours."""
    sample = spread(job.conditions, n)
    way(runner, job.prompts, sample[:1], NEW)  # warms up
    found, seconds = zip(
        *(hardware.timed(job.device, lambda one=one: way(runner, job.prompts, [one], NEW)) for one in sample),
        strict=True,
    )
    return {
        "conditions": len(sample),
        "seconds_per_condition": statistics.median(seconds),
        "tokens_per_second": len(job.prompts) * NEW / statistics.median(seconds),
        "tokens": np.concatenate(found, axis=1),
    }


def run_peers(job: Job) -> dict[str, dict[str, Any]]:
    """All that ours is compared with; the tokens are compared with ours and then left out.

    In bfloat16 random weights leave many tokens nearly as probable as the best, and rounding, which depends on the
    batch, decides: agreement is then far from whole for any two ways.
    """
    sample, fewer = (spread(job.conditions, n) for n in (LOOP_CONDITIONS, PUBLISHED_CONDITIONS))
    ours = {"loop": job.packed(job.prompts, sample)[0], "published": job.packed(job.prompts, fewer)[0]}
    found = {
        "published": run_peer(job, ways.published, job.model.network, PUBLISHED_CONDITIONS),
        "loop_huggingface": run_peer(job, ways.library_loop, job.model.network, LOOP_CONDITIONS),
    }
    model = job.model
    bridge = ways.boot_lens("random", hf_model=model.network, tokenizer=model.tokenizer, dtype=model.dtype)
    found["loop_transformer_lens"] = run_peer(job, ways.lens_loop, bridge, LOOP_CONDITIONS)
    for name, peer in found.items():
        own, tokens = ours[name.split("_")[0]], peer.pop("tokens")
        peer["rows_that_agree"] = ways.same_rows(own, tokens)
        peer["first_tokens_that_agree"] = float((own[..., 0] == tokens[..., 0]).mean())
        say(f"{name}: {peer['tokens_per_second']:,.0f} tokens/s, {peer['rows_that_agree']:.1%} of rows agree")
    return found


def judged(case: Case, design: dict[str, Any], peers: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The targets of a model with what was measured."""
    speed = design["tokens_per_second"]
    loop = max(
        ("loop_huggingface", "loop_transformer_lens"), key=lambda name: peers[name]["tokens_per_second"]
    )
    known = {
        "loop": (
            f"times the faster loop ({loop})",
            speed / peers[loop]["tokens_per_second"],
            "at least",
            5.0,
        ),
        "published": (
            "times the published way",
            speed / peers["published"]["tokens_per_second"],
            "at least",
            20.0,
        ),
        "design": ("minutes of the full design", design["minutes_of_the_design"], "at most", 15.0),
        "reports": (
            f"times the {REPORTS} tokens/s of the reports, which ran on another machine",
            speed / REPORTS,
            "at least",
            50.0,
        ),
    }
    return [
        {
            "name": name,
            "what": what,
            "measured": measured,
            "direction": direction,
            "bar": bar,
            "met": measured >= bar if direction == "at least" else measured <= bar,
            "extrapolated": name == "design" and design["extrapolated"],
        }
        for name, (what, measured, direction, bar) in known.items()
        if name in case.targets
    ]


def measure(job: Job) -> dict[str, Any]:
    """All that is measured of a model, as JSON."""
    case = job.case
    say(f"{case.name}: {case.rows:,} rows x {NEW} tokens in the full design, {case.dtype}, {job.device}")
    slots = float(np.mean([len(ids) for ids in job.prompts])) + NEW / 2
    bound = hardware.bound(job.model.network, job.device, job.batch_rows, slots, job.toy)
    design = run_design(job)
    say(
        f"packed: {design['tokens_per_second']:,.0f} tokens/s; "
        f"steering changes {design['rows_that_steering_changes']:.0%} of the texts"
    )
    peers = run_peers(job)
    times = {
        name: design["tokens_per_second"] / peer["tokens_per_second"] for name, peer in peers.items()
    } | {
        "reports": design["tokens_per_second"] / REPORTS,
        "bound": design["tokens_per_second"] / bound["tokens_per_second"],
    }
    targets = judged(case, design, peers)
    for target in targets:
        say(
            f"{target['what']}: {target['measured']:.3g}, {target['direction']} {target['bar']:g}: met {target['met']}"
        )
    return {
        "about": hardware.about(job.device, job.toy),
        "dtype": case.dtype,
        "prompts": case.prompts,
        "new_tokens": NEW,
        "design": design,
        "bound": bound,
        "peers": peers,
        "times": times,
        "targets": targets,
    }


def save(path: Path, name: str, found: dict[str, Any]) -> None:
    """Put a model's results into the file, in place of earlier ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    write_atomically(path, json.dumps(known | {name: found}, indent=1) + "\n")


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


def options() -> argparse.Namespace:
    """What was asked for, with the device and the file that follow from it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=["all", *random_models.cases(True)], default="all")
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, help="the full design runs if it takes less"
    )
    parser.add_argument("--device", help="cuda, or cuda:1; a dry run is on the cpu")
    parser.add_argument("--dry-run", action="store_true", help="toy models on the CPU, into build/")
    parser.add_argument("--output", type=Path, help="the file for the results")
    asked = parser.parse_args()
    asked.device = asked.device or ("cpu" if asked.dry_run else "cuda")
    asked.output = asked.output or (DRY_RESULT if asked.dry_run else RESULT)
    return asked


def check(asked: argparse.Namespace) -> None:
    """Refuse a device that the measurement is not for, or that is not there."""
    kind, _, number = asked.device.partition(":")
    if kind == "cpu" and asked.dry_run:
        return
    if kind != "cuda":
        raise SystemExit(
            f'The device is "{asked.device}": choose cuda or cuda:<number>, or add --dry-run for the CPU.'
        )
    if int(number or 0) >= torch.cuda.device_count():
        raise SystemExit(
            f'torch finds no CUDA device "{asked.device}" on this machine: run this where there is one and torch was '
            "built for it, or try the same code at toy size with --dry-run."
        )


def main() -> None:
    asked = options()
    check(asked)
    if asked.dry_run:
        say("A dry run: toy models on the CPU, whose speeds and targets mean nothing.")
    else:
        torch.cuda.set_device(asked.device)
    for name, case in random_models.cases(asked.dry_run).items():
        if asked.model in ("all", name):
            save(asked.output, name, measure(Job(case, asked.device, asked.minutes, asked.dry_run)))
            say(f"{name} is written to {asked.output}.")
            gc.collect()
            hardware.reset_peak(asked.device)


if __name__ == "__main__":
    main()

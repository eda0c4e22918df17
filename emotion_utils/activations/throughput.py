"""How many prompts a second can be read, in turns with what a user would run instead; and what the store saves."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from emotion_utils.activations.extraction import extract, points
from emotion_utils.core.store import Store
from emotion_utils.runtime.benchmarking import turns

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

AS_REPORTED = ("resid_post", "mlp_out")
ONE_AT_A_TIME = "extract, one prompt a pass"
PLAIN = "plain model with hidden_states, one prompt a pass"
BATCHED = "extract, batched"
BUDGET = 2.5e11
"""Tokens times parameters of a measurement of time: a quarter of a minute on one core."""
FEWEST = 8


def affordable(model: Model, prompts: pd.DataFrame, passes: int) -> int:
    """How many of the prompts can be read so often within :data:`BUDGET`: all for a small model, else at least 8."""
    parameters = sum(parameter.numel() for parameter in model.network.parameters())
    tokens = np.cumsum([len(ids) for ids in model.encode(prompts["text"].tolist()).ids])
    return max(int((tokens * parameters * passes <= BUDGET).sum()), min(FEWEST, len(prompts)))


def throughput(
    model: Model,
    prompts: pd.DataFrame,
    *,
    n_prompts: int = 40,
    repeats: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Prompts a second when all layers' residual streams and MLP outputs are read at all tokens, as the reports did.

    Parameters
    ----------
    model
    prompts
    n_prompts
        At most so many of them are drawn, fewer for a large model (:func:`affordable`).
    repeats
        Turns.
    seed
        Of the draw.

    Returns
    -------
    Columns ``method, per_second`` (median), ``slowest, fastest`` (turn), ``times`` (speed over one prompt a pass,
    median of the ratios within a turn), ``prompts, turns``. The plain model keeps its residual streams alone.
    """
    few = prompts.sample(min(n_prompts, len(prompts)), random_state=seed).reset_index(drop=True)
    few = few.head(affordable(model, few, 3 * repeats))
    where = points(model, AS_REPORTED)
    device = model.device
    ids = [torch.tensor([row], device=device) for row in model.encode(few["text"].tolist()).ids]

    @torch.no_grad()
    def plain() -> None:
        for row in ids:
            for hidden in model.network(row, use_cache=False, output_hidden_states=True).hidden_states:
                hidden.float().cpu()

    def ours(batch_tokens: int | None) -> None:
        extract(model, few, where, ["all"], batch_tokens=batch_tokens, progress=False)

    seconds = turns({PLAIN: plain, ONE_AT_A_TIME: lambda: ours(1), BATCHED: lambda: ours(None)}, repeats)
    rates = len(few) / seconds
    gain = rates.div(rates[ONE_AT_A_TIME], axis=0).median()
    found = pd.DataFrame(
        {"per_second": rates.median(), "slowest": rates.min(), "fastest": rates.max(), "times": gain}
    )
    return found.rename_axis("method").reset_index().assign(prompts=len(few), turns=repeats)


def summarise_speed(table: pd.DataFrame) -> str:
    """Say in Markdown what batching gains."""
    by_method = table.set_index("method")
    batched, single = by_method.loc[BATCHED], by_method.loc[ONE_AT_A_TIME]
    return (
        f"On this machine, batches read **{batched['per_second']:,.0f} prompts a second**, one prompt a pass "
        f"{single['per_second']:,.0f}: **{batched['times']:.1f} times** as many (medians of {batched['turns']:.0f} "
        f"turns with {batched['prompts']:.0f} prompts). Both depend on the machine."
    )


def damage(folder: Path) -> Path:
    """Change the last byte of one stored payload in a folder, as a bad disk would; returns its path."""
    path = min(folder.glob("*.safetensors"))
    payload = path.read_bytes()
    path.write_bytes(payload[:-1] + bytes([payload[-1] ^ 1]))
    return path


def from_store(model: Model, prompts: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Ask twice for the same activations with a store in an empty folder, and once for those of another position.

    Parameters
    ----------
    model, prompts
    folder
        Of the store.

    Returns
    -------
    Columns ``request, seconds, artefacts`` (in the store afterwards) and ``same`` (as the first request, to the bit).
    """
    store = Store(folder)
    first, rows = None, []
    for request, position in (("first time", "end"), ("again", "end"), ("another position", "mean")):
        began = time.perf_counter()
        found = extract(
            model,
            prompts,
            points(model),
            [position],
            store=store,
            progress=False,
        )
        _, values = found.at(position)
        seconds = time.perf_counter() - began
        first = values if first is None else first
        rows.append((request, seconds, len(store.keys()), bool(np.array_equal(values, first))))
    return pd.DataFrame(rows, columns=["request", "seconds", "artefacts", "same"])

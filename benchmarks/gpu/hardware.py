"""What a device is and how fast it can be: the bound that a measured speed is set against."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import torch

from emotion_utils.core.versions import commit, versions

REPEATS = 10


def synchronize(device: str) -> None:
    """Wait for all that was queued on the device."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def timed(device: str, work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work gives, and its seconds on the device."""
    synchronize(device)
    began = time.perf_counter()
    found = work()
    synchronize(device)
    return found, time.perf_counter() - began


def about(device: str, dry_run: bool) -> dict[str, Any]:
    """Device, date, commit and versions of a measurement."""
    gpu = torch.cuda.get_device_properties(device) if device.startswith("cuda") else None
    return {
        "dry_run": dry_run,
        "device": gpu.name if gpu else f"{device} ({platform.machine()})",
        "device_memory_gib": gpu.total_memory / 2**30 if gpu else None,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "python": platform.python_version(),
        "cuda": torch.version.cuda,
        "packages": versions(),
    }


def peak_memory(device: str) -> float | None:
    """Most memory in GiB that tensors took since :func:`reset_peak`; None where torch does not count it."""
    return torch.cuda.max_memory_allocated(device) / 2**30 if device.startswith("cuda") else None


def reset_peak(device: str) -> None:
    """Count the largest memory from here on."""
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def bandwidth(device: str, megabytes: int) -> float:
    """Bytes per second that a copy on the device reads and writes; median."""
    source = torch.ones(megabytes * 2**20, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * source.numel() / _median_seconds(device, lambda: target.copy_(source))


def arithmetic(device: str, dtype: torch.dtype, size: int) -> float:
    """Floating-point operations per second in a product of square matrices; median."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2 * size**3 / _median_seconds(device, lambda: a @ b)


def bound(model: Any, device: str, rows: int, slots: float, toy: bool) -> dict[str, float]:
    """Tokens per second that the measured bandwidth and arithmetic allow with so many rows in a batch.

    In each step all weights and each row's keys and values are read once, and each row is multiplied by all weights;
    the slower of the two decides. Embeddings that are only looked up are left out, and so is the work on the prompts.
    """
    config, like = model.config, next(model.parameters())
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    per_slot = 2 * config.num_hidden_layers * heads * (config.hidden_size // config.num_attention_heads)
    weights = sum(part.numel() for part in model.parameters()) - _looked_up(model)
    moved, computed = (
        bandwidth(device, 8 if toy else 2048),
        arithmetic(device, like.dtype, 64 if toy else 8192),
    )
    reading = like.element_size() * (weights + rows * slots * per_slot) / moved
    multiplying = 2 * weights * rows / computed
    return {
        "weights": weights,
        "rows": rows,
        "bytes_per_second": moved,
        "operations_per_second": computed,
        "memory_bound_tokens_per_second": rows / reading,
        "arithmetic_bound_tokens_per_second": rows / multiplying,
        "tokens_per_second": rows / max(reading, multiplying),
    }


def _looked_up(model: Any) -> int:
    """Weights of embeddings that are not the unembedding as well."""
    tables = {part.weight for part in model.modules() if isinstance(part, torch.nn.Embedding)}
    return sum(table.numel() for table in tables - {model.get_output_embeddings().weight})


def _median_seconds(device: str, work: Callable[[], Any]) -> float:
    work()
    return statistics.median(timed(device, work)[1] for _ in range(REPEATS))

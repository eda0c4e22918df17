"""The GPU benchmark of predictors runs at toy size without a GPU, and has the published sizes with one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

from emotion_utils.core.paths import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "benchmarks" / "gpu"


def run(*arguments):
    """The script where no GPU can be seen."""
    command = [sys.executable, str(FOLDER / "predictor.py"), *map(str, arguments)]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.slow
def test_the_dry_run_measures_both_ways_and_projects_them(tmp_path):
    path = tmp_path / "new" / "predictor.json"
    done = run("--dry-run", "--output", path)
    assert done.returncode == 0, done.stderr
    assert "means nothing" in done.stdout
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["about"]["dry_run"] is True
    for way in ("live", "cached"):
        seconds = found["seconds_per_step"][way]
        assert found["windows_per_second"][way] == pytest.approx(4 / seconds)
        assert found["hours_of_30000_steps"][way] == pytest.approx(30_000 * seconds / 3600)


def test_it_refuses_without_a_gpu(tmp_path):
    path = tmp_path / "predictor.json"
    done = run("--output", path)
    assert done.returncode == 1
    assert done.stderr.startswith(
        'torch finds no CUDA device "cuda" on this machine: run this where there is one'
    )
    assert not path.exists()


def test_the_full_size_is_that_of_the_report(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import predictor
    import random_models

    size = predictor.size_of(False)
    model = random_models.build(random_models.Case("m", size.config, "bfloat16", 0, 0, ()), "meta")
    assert (
        sum(part.numel() for part in model.parameters()) == 405_334_016
    )  # of EleutherAI/pythia-410m-deduped
    assert {part.dtype for part in model.parameters()} == {torch.bfloat16}
    assert (size.layers, size.length, size.batch) == ((0, 6, 12, 18, 23), 256, 32)
    assert (size.architecture.heads, size.architecture.d_head) == (32, 128)

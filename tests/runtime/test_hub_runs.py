"""The run files of hub models: read, checked and planned without a network, a GPU or a download."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import PROJECT_ROOT, RUNS
from emotion_utils.models.families import FAMILIES
from emotion_utils.models.registry import HUB_ALIASES, resolve_model
from emotion_utils.runtime.runs import read_run
from emotion_utils.runtime.schema import CHAPTERS

NAMES = {
    "hub-small": {"gpt2", "pythia-160m", "gpt-neo-125m"},
    "midsize": {"gpt2", "llama3-8b", "gemma3-12b", "qwen3-8b"},
    "more": {"gpt2-medium", "pythia-410m", "gemma-2-2b-it", "gemma-2-2b-jpn-it", "qwen2.5-0.5b"},
}


@pytest.mark.parametrize("name", NAMES)
def test_a_run_of_hub_models_names_each_in_every_chapter(name):
    run = read_run(RUNS / f"{name}.yaml")
    assert {model for job in run.chapters for model in job.models} == NAMES[name]
    assert NAMES[name] <= set(HUB_ALIASES)
    of_each = {"02_activations", "03_emotion_vectors", "05_steering", "06_head_screening", "07_head_patching"}
    for chapter in of_each:
        assert {job.model for job in run.chapters if job.chapter == chapter} == NAMES[name]
    for chapter in ("04_alignment", "08_statistics"):
        (job,) = [job for job in run.chapters if job.chapter == chapter]
        assert set(job.models) == NAMES[name]
    assert of_each < {job.chapter for job in run.chapters} <= set(CHAPTERS)
    wanted = ("cpu", "float32") if name == "hub-small" else ("cuda", "bfloat16")
    assert (run.device, run.dtype) == wanted
    assert {job.parameters["dtype"] for job in run.chapters} == {run.dtype}


@pytest.mark.slow
def test_what_needs_a_graphics_card_is_planned_as_such():
    settings = {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": "nowhere"}
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "-s",
        "workflow/Snakefile",
        "--config",
        "run=runs/midsize.yaml",
    ]
    done = subprocess.run(
        [*command, "--cores", "1", "--dry-run", "--nolock", "--workflow-profile", "none", "--", "notebooks"],
        capture_output=True,
        text=True,
        cwd=PROJECT_ROOT,
        env={**os.environ, **settings},
        timeout=120,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-2000:]
    n = len(read_run(RUNS / "midsize.yaml").chapters)
    assert re.search(rf"^notebook\s+{n}$", said, re.MULTILINE), said[-2000:]
    assert said.count("gpu=1") == n


def test_families_of_the_run_files_have_hooks():
    """Of each registered hub model, the type that its config has: written down here, since nothing is downloaded."""
    types = {
        "gpt2": "gpt2",
        "pythia": "gpt_neox",
        "gpt-neo": "gpt_neo",
        "llama3": "llama",
        "gemma3": "gemma3_text",
    }
    types |= {"qwen3": "qwen3", "gemma-2": "gemma2", "qwen2.5": "qwen2"}
    for name in HUB_ALIASES:
        assert (
            types[next(start for start in sorted(types, key=len, reverse=True) if name.startswith(start))]
            in FAMILIES
        )


def test_a_revision_stands_behind_an_at(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "chapters:\n  02_activations:\n    models: [gpt2@main, org/model@refs/pr/1]\n", encoding="utf-8"
    )
    run = read_run(path)
    assert [job.name for job in run.chapters] == [
        "02_activations--gpt2-main",
        "02_activations--org-model-refs-pr-1",
    ]
    refs = [resolve_model(job.model) for job in run.chapters]
    assert [(ref.location, ref.revision) for ref in refs] == [
        ("openai-community/gpt2", "main"),
        ("org/model", "refs/pr/1"),
    ]
    path.write_text("chapters:\n  02_activations:\n    models: [gpt2@]\n", encoding="utf-8")
    with pytest.raises(UserError, match=r'models: "gpt2@" has no revision behind the @'):
        read_run(path)

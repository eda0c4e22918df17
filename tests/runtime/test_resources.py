from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import MODELS
from emotion_utils.hub.placement import n_weights
from emotion_utils.models.registry import BUNDLED
from emotion_utils.runtime import resources
from emotion_utils.runtime.resources import Recorder, parameters_of, read_execution, record_of, resources_of
from emotion_utils.runtime.runs import Job

SMALL = Job(
    "r", "03_emotion_vectors", "small-gpt2", {"profile": "smoke", "dtype": "float32", "device": "cpu"}
)


@pytest.mark.parametrize("name", BUNDLED)
def test_parameters_are_those_that_the_card_of_a_model_counts(name):
    assert parameters_of(name) == json.loads((MODELS / name / "card.json").read_text())["parameters"]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("pythia-160m", 160e6),
        ("gpt-neo-125m", 125e6),
        ("llama3-8b", 8e9),
        ("gemma3-12b", 12e9),
        ("Qwen/Qwen2.5-0.5B", 0.5e9),
        ("org/model-4bit", resources.UNKNOWN),
        ("gpt2", resources.UNKNOWN),
        ("smollm2-135m", 134_515_008),
    ],
)
def test_a_hub_model_has_as_many_as_its_name_says_and_a_packaged_one_as_its_record(name, parameters):
    assert parameters_of(name) == parameters


def test_memory_is_a_base_and_copies_of_the_weights_and_time_grows_beyond_the_reference():
    small = resources_of(SMALL)
    assert (small.minutes, small.gpus) == (30, 0)
    assert resources.BASE_MB < small.memory_mb < resources.BASE_MB + 50
    eight = replace(SMALL, model="llama3-8b", parameters=SMALL.parameters | {"dtype": "bfloat16"})
    assert resources_of(eight).memory_mb == resources.BASE_MB + 4 * 16_000
    assert resources_of(eight).minutes == pytest.approx(30 * 8e9 / 135e6, abs=1)
    on_gpu = replace(eight, parameters=eight.parameters | {"device": "cuda:1"})
    assert resources_of(on_gpu) == resources.Resources(resources.BASE_MB + 24_000, 30, 1)
    endless = replace(eight, model="gemma3-12b", parameters=eight.parameters | {"profile": "powered"})
    assert resources_of(endless).minutes == resources.LONGEST


def test_the_largest_of_several_models_counts():
    several = Job("r", "08_statistics", None, {"models": "small-gpt2, smollm2-135m", "profile": "smoke"})
    alone = Job("r", "08_statistics", None, {"models": "smollm2-135m", "profile": "smoke"})
    assert resources_of(several) == resources_of(alone)
    assert resources_of(several).memory_mb > resources_of(SMALL).memory_mb + 2_000


def test_only_the_head_of_a_file_is_read(tmp_path):
    save_file({"a": np.zeros((3, 5), np.float16), "b": np.zeros(7, np.float32)}, tmp_path / "x.safetensors")
    assert n_weights(tmp_path) == 22


def test_a_record_is_there_from_the_start_and_counts_every_execution(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("SLURMD_NODENAME", "n2")
    path = tmp_path / "executions" / "job.json"
    assert read_execution(path) is None
    Recorder(path, 3_000, 30)  # and the process is killed
    killed = read_execution(path)
    assert (killed.number, killed.state, killed.seconds, killed.host, killed.batch_job) == (
        1,
        "started",
        None,
        "n2",
        "17",
    )
    Recorder(path, 3_000, 30).end("It stopped.")
    failed = read_execution(path)
    assert (failed.number, failed.state, failed.sentence) == (2, "failed", "It stopped.")
    Recorder(path, 4_000, 60).end()
    done = read_execution(path)
    assert (done.number, done.state, done.sentence) == (3, "complete", "")
    assert (done.memory_mb, done.minutes) == (4_000, 60)


def test_a_damaged_record_says_what_to_do(tmp_path):
    (tmp_path / "job.json").write_text("{")
    with pytest.raises(UserError, match=r"is damaged .* delete it"):
        Recorder(tmp_path / "job.json", 1, 1)


def test_records_lie_beside_the_notebooks_of_a_run(monkeypatch):
    monkeypatch.setattr("emotion_utils.runtime.runs.BUILD", Path("b"))
    assert record_of(SMALL) == Path("b/r/executions/03_emotion_vectors--small-gpt2.json")

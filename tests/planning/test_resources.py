"""What jobs ask for: the numbers of their plans with margins, and the floors where no measured time stands behind."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import MODELS
from emotion_utils.planning import constants, resources
from emotion_utils.planning.devices import GPUS
from emotion_utils.planning.estimate import plan_job
from emotion_utils.planning.resources import resources_of, sizes_of
from emotion_utils.runtime.runs import Job

SMALL = Job(
    "r", "03_emotion_vectors", "small-gpt2", {"profile": "baseline", "dtype": "float32", "device": "cpu"}
)


def other(model=SMALL.model, chapter=SMALL.chapter, **parameters):
    return replace(SMALL, model=model, chapter=chapter, parameters=SMALL.parameters | parameters)


def test_memory_and_time_are_those_of_the_plan_with_their_margins():
    asked, plan = resources_of(SMALL), plan_job(SMALL)
    assert asked.memory_mb == math.ceil(1.5 * plan.memory_mb)
    assert asked.minutes == math.ceil(3 * plan.minutes + 10)
    assert asked.gpus == 0
    assert (asked.planned_mb, asked.planned_minutes) == (math.ceil(plan.memory_mb), round(plan.minutes, 2))
    assert asked.note == ""


def test_weights_are_held_twice_in_what_is_asked_for():
    """Between two models what is asked for grows by three times the weights, in bytes of the dtype, and by states."""
    own = json.loads((MODELS / "small-qwen3" / "card.json").read_text(encoding="utf-8"))["parameters"]
    eight, small = (resources_of(other(name, dtype="bfloat16")) for name in ("llama3-8b", "small-qwen3"))
    grown = 1e6 * (eight.memory_mb - small.memory_mb)
    weights = 2 * (8_030_261_248 - own)
    assert 1.5 * 2 * weights < grown < 1.5 * 2.4 * weights


@pytest.mark.parametrize(
    ("job", "least"),
    [
        (SMALL, 10),
        (other(profile="smoke"), 30),  # of statistics in this profile nothing was measured
        (other(chapter="06_head_screening"), 120),  # counted in outline
        (other(device="cuda"), 120),  # the speed is a data sheet's
        (other(chapter="08_statistics", profile="powered", model=None), 1_440),
        # eight billion parameters are as many times more as these than the 135 million at which budgets are stated
        (other("llama3-8b", "06_head_screening"), 120 * 8_030_261_248 / 135e6),
        (other("gemma3-12b", "08_statistics", device="cuda"), 120 * 11_766_034_176 / 8e9),
    ],
)
def test_where_no_measured_time_stands_behind_a_plan_there_is_a_least_time(job, least):
    asked = resources_of(job)
    assert asked.minutes == max(math.ceil(least), math.ceil(3 * asked.planned_minutes + 10), 11)


def test_nothing_is_asked_for_that_batch_systems_do_not_let_run():
    assert resources_of(other("gemma3-12b", "06_head_screening", profile="powered")).minutes == 7 * 24 * 60


def test_a_job_on_a_gpu_gets_the_slowest_that_holds_its_model():
    job = other("llama3-8b", device="cuda:1", dtype="bfloat16", profile="powered")
    times = {name: plan_job(job, name) for name in GPUS}
    assert not times["rtx4060"].fits
    slowest = max(plan.minutes for plan in times.values() if plan.fits)
    asked = resources_of(job)
    assert (asked.gpus, asked.planned_minutes) == (1, round(slowest, 2))
    assert resources_of(job, "h200").planned_minutes < asked.planned_minutes
    assert resources_of(job, "rtx4060").gpus == 3  # 16 GB of weights, and 7 GB of each can be used


def test_a_model_that_no_gpu_holds_is_spread_over_the_fewest():
    job = other("somebody/giant-100B", device="cuda", dtype="bfloat16")
    assert resources_of(job).gpus == 2  # 200 GB, of which an H200 holds 127


def test_an_unknown_gpu_gets_its_near_miss():
    with pytest.raises(UserError, match='no device "h20" to plan for: did you mean "h200"'):
        resources_of(SMALL, "h20")


@pytest.mark.parametrize(
    ("name", "parameters", "why"),
    [("org/model-7B", 7e9, "as its name says"), ("org/model-350m@main", 0.35e9, "as its name says"),
     ("org/model-4bit", 2e9, "which is a guess")],
)  # fmt: skip
def test_a_hub_model_whose_sizes_are_not_here_counts_with_its_name_and_a_sentence_says_so(
    name, parameters, why
):
    job = other(name)
    sizes, (told,) = sizes_of(job)
    assert sizes[name].parameters == pytest.approx(parameters, rel=0.05)
    assert f"{name} counts with {parameters / 1e9:g} billion parameters, {why}. " in told
    assert "config.json` brings that file alone" in told
    asked = resources_of(job)
    assert asked.note == told
    assert 1.5 * 8 * parameters < 1e6 * asked.memory_mb < 1.5 * (8 * parameters + 6e9)


def test_without_the_constants_of_the_plan_the_least_is_asked_for(monkeypatch):
    def missing():
        raise UserError("data/plan.json is missing: restore it from git.")

    monkeypatch.setattr(constants, "read_constants", missing)
    monkeypatch.setattr(resources, "read_constants", missing)
    asked = resources_of(other(chapter="06_head_screening", device="cuda"))
    assert (asked.memory_mb, asked.minutes, asked.gpus, asked.planned_mb) == (2_000, 120, 1, None)
    assert asked.note.endswith("asks for the least: data/plan.json is missing: restore it from git.")

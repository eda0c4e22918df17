"""The plan of jobs and runs: what fits, what is downloaded, and how it is told."""

from __future__ import annotations

import json

import pytest

from emotion_utils import cli
from emotion_utils.core.errors import UserError, listing
from emotion_utils.models.registry import PACKAGED, fetched
from emotion_utils.planning import constants as kept
from emotion_utils.planning import estimate, shown
from emotion_utils.planning.chapters import REST
from emotion_utils.planning.constants import Checked, Constants
from emotion_utils.planning.estimate import plan_job, plan_run
from emotion_utils.planning.outlines import CHECKED
from emotion_utils.planning.shapes import shape_of
from emotion_utils.runtime.runs import read_run
from emotion_utils.runtime.schema import CHAPTERS

MACHINE = Constants(
    "2026-01-01", "none", "made up", {"128": 1e10, "1024": 5e10}, 1e10, 1e-4,
    {"03_emotion_vectors": {"held out": 0.5, REST: 10.0}},
    [Checked("03_emotion_vectors", "smollm2-135m", False, 100.0, 90.0),
     Checked("02_activations", "gemma3-270m", False, 100.0, 120.0),
     Checked("02_activations", "small-gpt2", True, 10.0, 30.0)],
)  # fmt: skip
MIDSIZE = """
name: midsize
dtype: bfloat16
chapters:
  03_emotion_vectors:
    models: [llama3-8b, gemma3-12b, gpt2]
  04_alignment:
    parameters: {models: "llama3-8b, gpt2"}
"""


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.fixture
def midsize(write):
    return read_run(write(MIDSIZE), whole=True)


def test_hub_models_are_planned_without_a_network(midsize):
    plan = plan_run(midsize, "a100-80gb", MACHINE)
    eight = plan.jobs[0]
    # 16 bytes a parameter would be training; reading takes two, and what a batch holds
    assert 16_060 < eight.gpu_mb < 18_500
    assert (eight.gpus, eight.fits) == (1, True)
    assert plan.download == sum(shape_of(name).downloaded for name in ("llama3-8b", "gemma3-12b", "gpt2"))
    assert plan.notes == ()


def test_operations_of_a_job_are_two_for_each_weight_and_token(midsize):
    """Chapter 03 reads 1,002 prompts and the profile once more for its neurons: 23,163 words and signs."""
    eight = plan_run(midsize, "h200", MACHINE).jobs[0]
    assert eight.flops == pytest.approx(2 * 6.98e9 * 23_163, rel=0.05)


@pytest.mark.parametrize(
    ("device", "model", "gpus"), [("rtx4060", "Llama-3.1-8B", 3), ("rtx4090", "gemma-3-12b-it", 2)]
)
def test_a_model_that_does_not_fit_is_told_with_a_way_out(midsize, device, model, gpus):
    plan = plan_run(midsize, device, MACHINE)
    name = {"Llama-3.1-8B": "llama3-8b", "gemma-3-12b-it": "gemma3-12b"}[model]
    (note,) = [note for note in plan.notes if note.startswith(name)]
    assert f"one {device} has" in note
    assert f"spread it over {gpus} of them" in note
    assert f"{2 * shape_of(name).parameters / 1e9:.1f} GB in bfloat16" in note


def test_a_full_disk_is_told_before_the_download(midsize, monkeypatch):
    usage = type("Usage", (), {"free": int(3e9)})
    monkeypatch.setattr(estimate.shutil, "disk_usage", lambda _: usage)
    plan = plan_run(midsize, "h200", MACHINE)
    assert plan.notes[-1].startswith("The run takes 4")
    assert "3.0 GB are free: make room first" in plan.notes[-1]


def test_a_packaged_model_that_is_not_here_has_to_be_downloaded(write, monkeypatch):
    run = read_run(write("chapters:\n  03_emotion_vectors:\n    models: [smollm2-135m]\n"), whole=True)
    monkeypatch.setattr("emotion_utils.planning.shapes.fetched", lambda name: False)
    (job,) = plan_run(run, constants=MACHINE).jobs
    assert job.download == PACKAGED["smollm2-135m"].download
    assert job.disk > 4 * PACKAGED["smollm2-135m"].parameters
    assert fetched is not None


def test_time_is_that_of_passes_and_of_measured_units(write):
    run = read_run(write("chapters:\n  03_emotion_vectors:\n    models: [small-gpt2]\n"), whole=True)
    (job,) = run.chapters
    plan = plan_job(job, constants=MACHINE)
    passes = plan.flops / 1e10 + plan.bytes / 1e10
    assert 60 * plan.minutes == pytest.approx(10.0 + 4 * 0.5 + passes, abs=0.2)
    assert (plan.gpus, plan.gpu_mb, plan.fits) == (0, 0.0, True)


def test_a_device_gets_its_near_miss(midsize):
    with pytest.raises(UserError, match='no device "a100" to plan for: did you mean "a100-'):
        plan_run(midsize, "a100", MACHINE)


def test_the_command_shows_a_table_that_fits_a_terminal(write, monkeypatch, capsys):
    monkeypatch.setattr(kept, "read_constants", lambda: MACHINE)
    assert cli.main(["plan", str(write(MIDSIZE)), "--device", "rtx4060"]) == 0
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= shown.WIDTH
    rows = told.partition("To download")[0]
    assert "03_emotion_vectors--llama3-8b" in rows
    assert "all jobs" in rows
    told = " ".join(told.split())
    assert "To download: 41 GB" in told
    assert "llama3-8b needs 16.1 GB in bfloat16" in told
    assert "For 2 jobs of other models the plan is 0.90 to 1.20 times the measured time." in told
    assert "products reach 40% of the published peak" in told


def test_what_the_times_rest_on_is_said(write, capsys):
    """With the constants of the project, in another profile than theirs."""
    text = "profile: smoke\nchapters:\n  02_activations:\n    models: [smollm2-135m]\n  04_alignment:\n"
    assert cli.main(["plan", str(write(text))]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "measured in the profile baseline; of smoke only prompts and budgets are counted." in told
    outlined = [chapter[:2] for chapter in CHAPTERS if chapter not in CHECKED]
    assert {"06", "07"} <= set(outlined)
    assert f"Chapters {listing(outlined)} are counted in outline only" in told
    found = kept.read_constants()
    assert f"Times are of one thread as measured on {found.date}" in told
    off = [row.planned / row.measured for row in found.checked if not row.fitted and row.chapter in CHECKED]
    assert f"For {len(off)} jobs of other models the plan is {min(off):.2f} to {max(off):.2f} times" in told


def test_the_command_gives_all_numbers_as_json(write, monkeypatch, capsys):
    monkeypatch.setattr(kept, "read_constants", lambda: MACHINE)
    assert cli.main(["plan", str(write(MIDSIZE)), "--device", "h200", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [job["job"] for job in told["jobs"]] == [
        "03_emotion_vectors--llama3-8b", "03_emotion_vectors--gemma3-12b", "03_emotion_vectors--gpt2", "04_alignment",
    ]  # fmt: skip
    assert told["jobs"][0]["flops"] > 1e14
    assert told["grounds"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["plan", "runs/none.yaml"], "There is no run file runs/none.yaml"),
        (
            ["plan", "runs/smoke.yaml", "--device", "h20"],
            'There is no device "h20" to plan for: did you mean "h200"?',
        ),
        (["plan", "CUDA"], "{path} asks for the device cuda, which can be any: say which one with --device"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(arguments, sentence, write, capsys):
    path = write(f"device: cuda\n{MIDSIZE}")
    assert cli.main([str(path) if part == "CUDA" else part for part in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(sentence.format(path=path))
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0.0, "0 s"), (0.99, "59 s"), (1.0, "1 min"), (59.0, "59 min"), (61, "1.0 h"), (6000, "100 h")],
)
def test_durations_in_words(minutes, words):
    assert shown.duration(minutes) == words

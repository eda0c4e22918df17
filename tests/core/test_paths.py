"""Where things are put, and the short name of home folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import BUILD, OUTPUT, PROJECT_ROOT, expanded, output_folder
from emotion_utils.models.registry import resolve_model
from emotion_utils.prompts.loading import load_prompts
from emotion_utils.runtime.parameters import Parameters

STRANGER = "~nobody-is-called-this/x"
PLACES = """
import json
from emotion_utils.core import paths
from emotion_utils.runtime.runs import read_run
from emotion_utils.runtime.snakemake import RECORDS, snakemake_command
run = read_run("runs/smoke.yaml")
command = snakemake_command(run, 1)
made = [paths.BUILD, run.directory, run.html, run.chapters[0].output, RECORDS]
made.append(command[command.index("--directory") + 1])
print(json.dumps([[str(path) for path in made], run.chapters[0].parameters["run_dir"]]))
"""


def test_home_is_written_out_and_a_stranger_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/a") == tmp_path / "a"
    assert str(expanded("a/~b")) == "a/~b"
    for call in (expanded, resolve_model, load_prompts):
        with pytest.raises(UserError, match="nobody-is-called-this/x' begins in the home folder of somebody"):
            call(STRANGER)


def test_what_is_made_goes_into_the_project_or_where_the_variable_says(monkeypatch, tmp_path):
    monkeypatch.delenv("EMOTION_CIRCUITS_OUTPUT", raising=False)
    assert output_folder() == PROJECT_ROOT
    assert OUTPUT / "build" == BUILD
    monkeypatch.setenv("EMOTION_CIRCUITS_OUTPUT", str(tmp_path))
    assert Parameters({"run_dir": "build/here"}).run_path == tmp_path / "build" / "here"


def test_with_the_variable_nothing_of_a_run_is_in_the_project(tmp_path):
    environment = {**os.environ, "EMOTION_CIRCUITS_OUTPUT": str(tmp_path)}
    said = subprocess.run(
        [sys.executable, "-c", PLACES],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    made, run_dir = json.loads(said.stdout)
    assert all(path.startswith(str(tmp_path)) for path in made), made
    assert (tmp_path / run_dir).as_posix() == made[1]

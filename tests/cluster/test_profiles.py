"""The profiles as Snakemake's own parser reads them."""

from __future__ import annotations

import re

import pytest
from snakemake.profiles import ProfileConfigFileParser

from emotion_utils.core.paths import PROJECT_ROOT

WORKFLOW = PROJECT_ROOT / "workflow"
CLUSTERS = ("slurm", "kubernetes")


def options(name: str) -> dict[str, object]:
    with (WORKFLOW / "profiles" / name / "config.yaml").open(encoding="utf-8") as file:
        return dict(ProfileConfigFileParser().parse(file))


@pytest.mark.parametrize("name", CLUSTERS)
def test_the_executor_of_a_profile_is_pinned(name):
    profile = options(name)
    pins = (WORKFLOW / "requirements-cluster.txt").read_text(encoding="utf-8")
    assert f"snakemake-executor-plugin-{profile['executor']}==" in pins
    assert int(profile["jobs"]) > 1


def test_squeue_knows_a_job_long_enough():
    """Of Slurm's default of 300 seconds the executor wants three times the first interval, or it takes sacct."""
    profile = options("slurm")
    assert profile["slurm-status-command"] == "squeue"
    assert 3 * int(profile["slurm-init-seconds-before-status-checks"]) <= 300


def test_all_that_a_submission_asks_for_is_given_by_the_rule():
    asked = set(re.findall(r"\{([^}]+)\}", options("kubernetes")["cluster-generic-submit-cmd"]))
    assert asked == {"resources.mem_mb", "resources.runtime", "resources.gpu", "threads"}
    rule = (
        (WORKFLOW / "Snakefile")
        .read_text(encoding="utf-8")
        .partition("rule notebook:")[2]
        .partition("rule ")[0]
    )
    assert all(f"{name.rpartition('.')[2]}=lambda" in rule for name in asked - {"threads"})
    assert "threads: RUN.threads" in rule

"""The profile of Kubernetes: what a Job asks for, and a run by it with a stand-in for kubectl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest
from notebook_factory import write_notebook

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.ledger import run_report
from workflow.profiles.kubernetes import job

NAMED = {"EMOTION_CIRCUITS_IMAGE": "registry/book:1", "EMOTION_CIRCUITS_VOLUME": "claim:/project"}
PLUGINS = PROJECT_ROOT / "build" / "cluster"
KUBECTL = """\
#!{python}
# Runs the container of a Job here, and answers as the cluster would.
import json, os, pathlib, subprocess, sys
folder = pathlib.Path({folder!r})
if sys.argv[1] == "create":
    job = json.load(sys.stdin)
    name = f"job-{{len(list(folder.glob('*.json')))}}"
    container = job["spec"]["template"]["spec"]["containers"][0]
    environment = {{one["name"]: one["value"] for one in container["env"]}}
    done = subprocess.run(container["command"], env=environment, capture_output=True, text=True)
    state = "Failed" if done.returncode else "Complete"
    job["status"] = {{"conditions": [{{"type": state, "status": "True"}}]}}
    (folder / f"{{name}}.json").write_text(json.dumps(job | {{"said": done.stderr}}))
    print(name, end="")
else:
    print((folder / f"{{sys.argv[3]}}.json").read_text())
"""


def test_a_job_has_what_the_run_asks_for_and_nothing_it_does_not():
    made = job.manifest("/project/x.sh", 7_290, 90, 2, 0, NAMED | {"PYTHONPATH": "/project", "SECRET": "x"})
    assert made["spec"]["activeDeadlineSeconds"] == 5_400
    assert made["spec"]["backoffLimit"] == 0
    pod = made["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "2", "memory": "7290M"},
        "limits": {"memory": "7290M"},
    }
    assert container["image"] == "registry/book:1"
    assert container["volumeMounts"][0]["mountPath"] == "/project"
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == "claim"
    assert "SECRET" not in json.dumps(made)
    on_gpu = job.manifest("/project/x.sh", 1, 1, 1, 1, NAMED)["spec"]["template"]["spec"]["containers"][0]
    assert on_gpu["resources"]["limits"]["nvidia.com/gpu"] == "1"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"EMOTION_CIRCUITS_IMAGE": ""}, "EMOTION_CIRCUITS_IMAGE is not set: export it"),
        ({"EMOTION_CIRCUITS_VOLUME": ""}, "EMOTION_CIRCUITS_VOLUME is not set: export it"),
        ({"EMOTION_CIRCUITS_VOLUME": "claim"}, 'is "claim": write the claim and where it is mounted'),
        ({"EMOTION_CIRCUITS_VOLUME": "claim:project"}, "write the claim and where it is mounted"),
    ],
)
def test_an_image_or_a_volume_that_is_not_named_is_one_sentence(wrong, said):
    with pytest.raises(UserError, match=said):
        job.manifest("x.sh", 1, 1, 1, 0, NAMED | wrong)


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        (None, "running"),
        ([{"type": "Complete", "status": "False"}], "running"),
        ([{"type": "Suspended", "status": "True"}], "running"),
        (
            [{"type": "SuccessCriteriaMet", "status": "True"}, {"type": "Complete", "status": "True"}],
            "success",
        ),
        ([{"type": "FailureTarget", "status": "True"}, {"type": "Failed", "status": "True"}], "failed"),
    ],
)
def test_a_state_is_one_that_snakemake_knows(conditions, said):
    assert job.state({"status": {"conditions": conditions}}) == said


def test_without_kubectl_there_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert job.main(["status", "job-1"]) == 2
    assert "There is no kubectl on the path" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(
    not (PLUGINS.is_dir() or find_spec("snakemake_executor_plugin_cluster_generic")),
    reason="workflow/requirements-cluster.txt is not installed: `make test-slurm` does that",
)
def test_a_run_goes_through_the_profile(tmp_path):
    root, jobs = tmp_path / "project", tmp_path / "jobs"
    for name in ("emotion_utils", "workflow"):
        shutil.copytree(PROJECT_ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT_ROOT / "requirements.txt", root)
    (root / "data").symlink_to(PROJECT_ROOT / "data")
    for folder in (root / "notebooks", jobs, tmp_path / "bin"):
        folder.mkdir()
    write_notebook(root / "notebooks" / "01_dataset.ipynb")
    (root / "mine.yaml").write_text(
        "profile: smoke\nchapters:\n  01_dataset: {models: [small-gpt2, small-llama3]}\n"
    )
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.write_text(KUBECTL.format(python=sys.executable, folder=str(jobs)))
    kubectl.chmod(0o755)
    environment = {
        **os.environ,
        **NAMED,
        "PATH": f"{kubectl.parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{root}:{PLUGINS}",
    }
    command = [sys.executable, "-m", "emotion_utils", "run", "mine.yaml", "--no-book", "--cores", "1", "--"]
    extra = ["--profile", "workflow/profiles/kubernetes"]
    done = subprocess.run(
        [*command, *extra], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert run_report.read(root / "build" / "mine").counts == {"run": 2}
    asked = [json.loads(path.read_text())["spec"] for path in sorted(jobs.glob("*.json"))]
    assert [spec["activeDeadlineSeconds"] for spec in asked] == [1_800, 1_800]
    memory = {spec["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] for spec in asked}
    assert len(memory) == 2  # each by its own model

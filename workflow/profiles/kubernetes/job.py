"""Hand a job script of Snakemake to Kubernetes, and ask what became of it: the commands of this profile.

The image and the volume come from the variables EMOTION_CIRCUITS_IMAGE and EMOTION_CIRCUITS_VOLUME (``claim:/path``).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from emotion_utils.core.errors import UserError

PASSED_ON = (
    "PATH", "PYTHONPATH", "EMOTION_CIRCUITS_OUTPUT", "EMOTION_CIRCUITS_CACHE", "EMOTION_CIRCUITS_GPU",
    "HF_HOME", "HF_TOKEN",
)  # fmt: skip
"""Variables of this machine that a pod has too."""
KEPT = 24 * 3600
"""Seconds for which a Job that has ended can still be asked for."""


def manifest(
    script: str, memory_mb: int, minutes: int, cores: int, gpus: int, environment: Mapping[str, str]
) -> dict[str, Any]:
    """The Job that runs a script.

    Parameters
    ----------
    script
        Its path, on the volume.
    memory_mb, minutes, cores, gpus
        What it may use; a GPU is one of NVIDIA.
    environment
        Has the image and the volume, and what is passed on.

    Raises
    ------
    UserError
        Where the image or the volume is not named.
    """
    claim, path = _volume(_asked(environment, "EMOTION_CIRCUITS_VOLUME", "claim:/project"))
    limits = {"memory": f"{memory_mb}M"} | ({"nvidia.com/gpu": str(gpus)} if gpus else {})
    container = {
        "name": "notebook",
        "image": _asked(environment, "EMOTION_CIRCUITS_IMAGE", "registry/image:tag"),
        "command": ["/bin/sh", script],
        "env": [{"name": name, "value": environment[name]} for name in PASSED_ON if name in environment],
        "resources": {"requests": {"cpu": str(cores), "memory": f"{memory_mb}M"}, "limits": limits},
        "volumeMounts": [{"name": "project", "mountPath": path}],
    }
    pod = {
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": [{"name": "project", "persistentVolumeClaim": {"claimName": claim}}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": "emotion-circuits-", "labels": {"app": "emotion-circuits"}},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": 60 * minutes,
            "ttlSecondsAfterFinished": KEPT,
            "template": {"spec": pod},
        },
    }


def _asked(environment: Mapping[str, str], name: str, example: str) -> str:
    if not environment.get(name):
        raise UserError(f"The variable {name} is not set: export it, for example {name}={example}.")
    return environment[name]


def _volume(text: str) -> tuple[str, str]:
    claim, colon, path = text.partition(":")
    if not claim or not colon or not path.startswith("/"):
        raise UserError(
            f'EMOTION_CIRCUITS_VOLUME is "{text}": write the claim and where it is mounted, claim:/project.'
        )
    return claim, path


def state(job: Mapping[str, Any]) -> str:
    """``running``, ``success`` or ``failed``: the words that Snakemake knows, for what Kubernetes says of a Job."""
    conditions = job.get("status", {}).get("conditions") or []
    reached = {condition["type"] for condition in conditions if condition["status"] == "True"}
    return "success" if "Complete" in reached else "failed" if "Failed" in reached else "running"


def submit(arguments: argparse.Namespace) -> None:
    """Create the Job and say its name."""
    asked = (arguments.memory_mb, arguments.minutes, arguments.cores, arguments.gpus)
    content = json.dumps(manifest(os.path.abspath(arguments.script), *asked, os.environ))
    print(_kubectl("create", "-f", "-", "-o", "jsonpath={.metadata.name}", given=content))


def status(arguments: argparse.Namespace) -> None:
    """Say the state of a Job; one that is no longer there has failed."""
    found = _kubectl("get", "job", arguments.name, "--ignore-not-found", "-o", "json")
    print(state(json.loads(found)) if found.strip() else "failed")


def _kubectl(*words: str, given: str | None = None) -> str:
    try:
        done = subprocess.run(["kubectl", *words], input=given, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise UserError(
            "There is no kubectl on the path: install it, and give it access to the cluster."
        ) from None
    except subprocess.CalledProcessError as error:
        raise UserError(f"kubectl {words[0]} failed: {error.stderr.strip()}") from None
    return done.stdout


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its output is what Snakemake reads."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    asking = commands.add_parser("submit")
    for name in ("--memory-mb", "--minutes", "--cores", "--gpus"):
        asking.add_argument(name, type=int, required=True)
    asking.add_argument("script")
    asking.set_defaults(command=submit)
    looking = commands.add_parser("status")
    looking.add_argument("name")
    looking.set_defaults(command=status)
    arguments = parser.parse_args(argv)
    try:
        arguments.command(arguments)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

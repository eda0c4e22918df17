"""The peers that have an environment of their own, as a process that answers requests (`peers/loops.py`)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emotion_utils.core.paths import BUILD, PROJECT_ROOT
from emotion_utils.engine.interventions import Condition

PYTHON = BUILD / "bench-peers" / "bin" / "python"
LOOPS = PROJECT_ROOT / "benchmarks" / "peers" / "loops.py"
WAYS = ("nnsight", "steering-vectors")
MISSING = f"{' and '.join(WAYS)} not measured: `make bench-peers` did not make their environment"


class PeerProcess:
    """The process, with a model.

    Parameters
    ----------
    directory
        Of the model.
    threads
        Of torch.
    python
        The interpreter of the environment.
    """

    def __init__(self, directory: str, threads: int, python: Path = PYTHON) -> None:
        command = [str(python), str(LOOPS), directory, str(threads)]
        alone = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=alone
        )

    def steer(self, way: str, ids: Sequence[list[int]], every: Sequence[Condition], new: int) -> np.ndarray:
        """Greedy tokens under one condition after the other, shape (prompt, condition, token)."""
        edits = [condition.edits[0] for condition in every]
        answer = self._ask(
            do="steer",
            way=way,
            ids=list(ids),
            vectors=[(edit.scale * edit.value).tolist() for edit in edits],
            layers=[edit.point.layer for edit in edits],
            new=new,
        )
        return np.array(answer["tokens"]).transpose(1, 0, 2)

    def read(self, ids: Sequence[list[int]]) -> np.ndarray:
        """Residual stream at the last token by nnsight, shape (prompt, layer, d_model)."""
        return np.array(self._ask(do="read", ids=list(ids))["states"])

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait(timeout=60)

    def _ask(self, **request: Any) -> dict[str, Any]:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("The process of the peers ended without an answer: its message stands above.")
        return json.loads(line)

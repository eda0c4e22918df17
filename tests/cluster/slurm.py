"""A real Slurm with two nodes on this machine: controller, node daemons and munge, all below one folder.

Its clients find it by the variable SLURM_CONF; nothing is written to /etc, and :meth:`Slurm.stop` ends all of it.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

NODES = ("n1", "n2")
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
"""Daemons lie where not everybody looks."""
SRUN = '#!/bin/sh\nSLURM_CONF={conf} exec {srun} "$@"\n'
"""Snakemake's executor takes the variable from the steps of its jobs, which elsewhere find the file in /etc."""
STEP = re.compile(r"slurmstepd: \[(\d+)\.")
PATIENCE = 90


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(condition: Callable[[], object], what: str, patience: int = PATIENCE) -> None:
    """Ask twice a second until the answer is yes."""
    for _ in range(2 * patience):
        if condition():
            return
        time.sleep(0.5)
    raise TimeoutError(f"waited in vain for {what}")


class Slurm:
    """The cluster; its daemons run in the foreground as children of this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = f"{folder / 'bin'}:{PATH}"
        self.environment = {**os.environ, "PATH": path, "SLURM_CONF": str(folder / "slurm.conf")}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        host = socket.gethostname().partition(".")[0]
        names = ("controller_port", "first_port", "second_port")
        template = (Path(__file__).parent / "slurm.conf").read_text(encoding="utf-8")
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        (folder / "state").mkdir(parents=True)
        folder.chmod(0o755)
        (folder / "slurm.conf").write_text(
            template.format(folder=folder, host=host, **ports), encoding="utf-8"
        )
        (folder / "bin").mkdir()
        step = folder / "bin" / "srun"
        step.write_text(
            SRUN.format(conf=folder / "slurm.conf", srun=shutil.which("srun", path=PATH)), encoding="utf-8"
        )
        step.chmod(0o755)
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)

    def start(self) -> None:
        """Start all, and wait until both nodes are ready."""
        files = (
            "--key-file=munge.key",
            "--socket=munge.socket",
            "--pid-file=munge.pid",
            "--seed-file=munge.seed",
        )
        placed = [f"{option}={self.folder / name}" for option, name in (file.split("=") for file in files)]
        self._begin(
            "munge", "munged", "--foreground", "--force", *placed, f"--log-file={self.folder}/munge.log"
        )
        wait_for((self.folder / "munge.socket").exists, "munge")
        self._begin("controller", "slurmctld", "-D")
        for node in NODES:
            self.start_node(node)
        wait_for(lambda: self.states() == dict.fromkeys(NODES, "idle"), f"two idle nodes, see {self.folder}")

    def start_node(self, node: str) -> None:
        """Start the daemon of a node, for the first time or again."""
        self._begin(node, "slurmd", "-D", "-N", node)

    def states(self) -> dict[str, str]:
        """The state of each node, as Slurm says it."""
        return dict(line.split() for line in self.ask("sinfo", "-h", "-N", "-o", "%N %t").splitlines())

    def jobs(self) -> dict[str, tuple[str, str]]:
        """State and node of each job that Slurm knows, by number."""
        lines = self.ask("squeue", "-h", "--states=all", "-o", "%i|%T|%N").splitlines()
        return {number: (state, node) for number, state, node in (line.split("|") for line in lines)}

    def kill_node(self, node: str) -> list[int]:
        """End a node as a power cut does: its daemon, the step daemons of its jobs, and all that these started.

        Returns
        -------
        The numbers of the processes that were ended.
        """
        numbers = {
            number for number, (state, where) in self.jobs().items() if (state, where) == ("RUNNING", node)
        }
        daemon = psutil.Process(self.running.pop(node).pid)
        dead = [daemon, *daemon.children(recursive=True)]
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
                step = STEP.search(" ".join(process.cmdline()))
                if step and step[1] in numbers:
                    dead += [process, *process.children(recursive=True)]
        unique = list(dict.fromkeys(dead))
        for process in unique:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(unique, timeout=10)
        return [process.pid for process in unique]

    def stop(self) -> None:
        """End all jobs and daemons, also where they are in the middle of something."""
        for node in NODES:
            if node in self.running:
                self.kill_node(node)
        for process in reversed(self.running.values()):
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
        self.running.clear()

    def ask(self, *command: str) -> str:
        """What a client of Slurm answers; nothing while the controller is not ready."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        return done.stdout

    def _begin(self, name: str, *command: str) -> None:
        log = (self.folder / f"{name}.out").open("ab")
        program = shutil.which(command[0], path=PATH)
        assert program, f"{command[0]} is not installed"
        self.running[name] = subprocess.Popen(
            [program, *command[1:]], env=self.environment, stdout=log, stderr=log
        )
        log.close()

"""The store: whole and genuine, or not there; computed once; missed by any change of what made it."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.core import files
from emotion_utils.core.errors import UserError
from emotion_utils.core.store import DamagedArtefact, Store, artefact_key

TENSORS = {"a": torch.arange(12, dtype=torch.float32).reshape(3, 4), "b": torch.ones(2, dtype=torch.bfloat16)}
TABLE = pd.DataFrame({"model": ["x", "y"], "layer": [0, 1], "value": [0.5, np.nan]}, index=["r", "s"])
VALUES = {"tensors": TENSORS, "table": TABLE, "json": {"n": [1, 2.5, None, "é"]}}


def visible(folder) -> list[str]:
    """Names of files that are neither locks nor temporary."""
    return [path.name for path in folder.iterdir() if not path.name.startswith(".")]


def same(one, other) -> bool:
    if isinstance(one, pd.DataFrame):
        return one.equals(other)
    if isinstance(one, dict) and all(isinstance(v, torch.Tensor) for v in one.values()):
        return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)
    return one == other


@pytest.mark.parametrize("kind", VALUES)
def test_what_is_stored_comes_back(tmp_path, kind):
    store, key = Store(tmp_path), artefact_key("x", {"kind": kind})
    assert key not in store
    store.put(key, VALUES[kind], {"kind": kind})
    assert same(VALUES[kind], store.get(key))
    assert store.manifest(key)["parameters"] == {"kind": kind}
    assert store.keys() == [key]
    store.put(key, VALUES["json"])  # in place of it
    assert store.get(key) == VALUES["json"]
    assert len(visible(tmp_path)) == 2
    store.remove(key)
    assert key not in store
    assert not visible(tmp_path)


def test_a_missing_artefact_is_a_key_error(tmp_path):
    with pytest.raises(KeyError, match="nothing-0"):
        Store(tmp_path / "nowhere").get("nothing-0")


MADE_FROM = {
    "model": "small-gpt2",
    "weights": "ab" * 32,
    "revision": "main",
    "dtype": "float32",
    "tokenizer": "cd" * 32,
    "prompts": ["id-1", "id-2"],
    "layers": [0, 1],
    "positions": ["end"],
    "hook": "resid_post",
    "seed": 0,
    "package": "0.1.0",
}


@pytest.mark.parametrize("name", MADE_FROM)
def test_any_change_of_what_made_it_misses_and_the_same_hits(tmp_path, name):
    store, calls = Store(tmp_path), []

    def compute() -> int:
        calls.append(1)
        return len(calls)

    assert store.compute("x", MADE_FROM, compute) == 1
    assert store.compute("x", dict(reversed(MADE_FROM.items())), compute) == 1
    other = MADE_FROM | {name: [*MADE_FROM[name], "more"] if isinstance(MADE_FROM[name], list) else "else"}
    assert store.compute("x", other, compute) == 2
    assert store.compute("y", MADE_FROM, compute) == 3
    assert store.compute("x", MADE_FROM, compute, again=True) == 4
    assert store.compute("x", MADE_FROM, compute) == 4


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, TENSORS["a"], b"bytes", {1: "a"}, [{"x": {2: 0}}]])
def test_a_parameter_without_one_spelling_is_refused(value):
    with pytest.raises(UserError, match="only JSON values"):
        artefact_key("x", {"value": value})


def test_a_name_that_is_a_path_is_refused():
    with pytest.raises(UserError, match="letters, digits"):
        artefact_key("../x", {})


def corrupt(payload: bytes, how: str, rng: random.Random) -> bytes:
    at = rng.randrange(len(payload))
    if how == "cut":
        return payload[:at]
    if how == "flipped in the head":
        at = rng.randrange(min(64, len(payload)))
    if how.startswith("flipped"):
        return payload[:at] + bytes([payload[at] ^ (1 << rng.randrange(8))]) + payload[at + 1 :]
    return payload + rng.randbytes(rng.randrange(1, 9))


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("how", ["cut", "flipped in the head", "flipped", "appended"])
@pytest.mark.parametrize("part", ["payload", "manifest"])
def test_corruptions_are_refused_by_name(tmp_path, kind, how, part):
    store, key = Store(tmp_path), artefact_key("x", {})
    store.put(key, VALUES[kind])
    path = tmp_path / (store.manifest(key)["file"] if part == "payload" else f"{key}.manifest.json")
    whole, rng = path.read_bytes(), random.Random(f"{kind}{how}{part}")
    for _ in range(25):  # 600 in all
        path.write_bytes(corrupt(whole, how, rng))
        with pytest.raises(DamagedArtefact, match=path.name):
            store.get(key)
    path.write_bytes(whole)
    assert same(VALUES[kind], store.get(key))


@pytest.mark.parametrize("part", ["payload", "manifest"])
def test_swapped_files_are_refused_by_name(tmp_path, part):
    store, one, two = Store(tmp_path), artefact_key("x", {"n": 1}), artefact_key("x", {"n": 2})
    store.put(one, TENSORS)
    store.put(two, {k: v + 1 for k, v in TENSORS.items()})
    paths = [
        tmp_path / (store.manifest(k)["file"] if part == "payload" else f"{k}.manifest.json")
        for k in (one, two)
    ]
    first, second = (path.read_bytes() for path in paths)
    paths[0].write_bytes(second)
    paths[1].write_bytes(first)
    for key, path in zip((one, two), paths, strict=True):
        with pytest.raises(DamagedArtefact, match=path.name):
            store.get(key)


def test_a_damaged_artefact_is_computed_again_only_on_request(tmp_path):
    store = Store(tmp_path)
    store.compute("x", {}, lambda: 1)
    (tmp_path / store.manifest(artefact_key("x", {}))["file"]).write_bytes(b"2")
    with pytest.raises(DamagedArtefact, match="again=True"):
        store.compute("x", {}, lambda: 1)
    assert store.compute("x", {}, lambda: 1, again=True) == 1


WRITER = """
import sys, torch
from pathlib import Path
from emotion_utils.core.store import Store
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
for n in range(10**9):
    store.put("x-1", {"n": torch.full((60_000,), float(n % 1000))})
"""


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    """Start processes that write without end."""
    started = []

    def start(folder):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def never_half_written(store: Store) -> int:
    """1 where something was there to read; a half-written value would be damaged or mixed."""
    try:
        value = store.get("x-1")["n"]
    except KeyError:
        return 0
    assert value.shape == (60_000,)
    assert bool((value == value[0]).all())
    return 1


@pytest.mark.slow
def test_a_process_killed_at_any_moment_leaves_nothing_half_written(tmp_path, writer):
    read, rng = 0, random.Random(0)
    for _ in range(5):
        process = writer(tmp_path)
        for _ in range(19):  # stopped in its tracks, the files are what a kill would leave
            time.sleep(rng.random() * 0.03)
            os.kill(process.pid, signal.SIGSTOP)
            _settled(process.pid)
            read += never_half_written(Store(tmp_path))
            os.kill(process.pid, signal.SIGCONT)
        time.sleep(rng.random() * 0.03)
        process.kill()
        process.wait()
        read += never_half_written(Store(tmp_path))
    assert read > 50
    Store(tmp_path).put("x-1", {"n": torch.zeros(60_000)})
    never_half_written(Store(tmp_path))


def _settled(pid: int) -> None:
    while _state(pid) != "T":
        time.sleep(0.001)


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


@pytest.mark.parametrize(
    ("call", "nth", "value"),
    [
        # a put writes two files: the payload, then the manifest, whose renaming makes the new value the value
        *[("open", n, 0.0) for n in (1, 2)],
        *[("write", n, 0.0) for n in (1, 2)],
        *[("fsync", n, 0.0) for n in (1, 2, 3)],  # of the payload, its folder, the manifest
        *[("replace", n, 0.0) for n in (1, 2)],
        ("fsync", 4, 1.0),  # of the folder of the manifest
        ("unlink", 1, 1.0),  # of the old payload
    ],
)
def test_a_process_that_dies_inside_a_write_leaves_the_old_value_or_the_new_one(tmp_path, call, nth, value):
    store = Store(tmp_path)
    store.put("x-1", {"n": torch.zeros(60_000)})
    program = f"""
import os, pathlib, sys, torch
from emotion_utils.core import files
from emotion_utils.core.store import Store
owner, name = {{"open": (files.tempfile, "mkstemp"), "write": (os, "fdopen"), "fsync": (os, "fsync"),
    "replace": (os, "replace"), "unlink": (pathlib.Path, "unlink")}}["{call}"]
left, real = [{nth}], getattr(owner, name)
def die(*args, **options):
    left[0] -= 1
    if left[0] == 0:
        if "{call}" == "write":
            os.write(args[0], b"half")
        os._exit(9)
    return real(*args, **options)
setattr(owner, name, die)
Store(pathlib.Path(sys.argv[1])).put("x-1", {{"n": torch.ones(60_000)}})
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == 9
    assert store.get("x-1")["n"].unique().tolist() == [value]
    store.put("x-1", {"n": torch.zeros(60_000)})
    assert sorted(visible(tmp_path)) == sorted([store.manifest("x-1")["file"], "x-1.manifest.json"])
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp") or "half" in path.name]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="Permission denied"):
        Store(tmp_path).put("x-1", {"n": 1})


def test_a_full_disk_and_a_file_in_place_of_the_folder_are_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"Nothing can be stored in .*file"):
        Store(tmp_path / "file").put("x-1", {"n": 1})
    store = Store(tmp_path / "store")
    store.put("x-1", {"n": 1})

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        store.put("x-1", {"n": 2})
    monkeypatch.undo()
    assert store.get("x-1") == {"n": 1}


SHARER = """
import sys, torch
from pathlib import Path
from emotion_utils.core.store import Store
store = Store(Path(sys.argv[1]))
for n in range(300):
    store.put("x-1", {"n": torch.full((2_000,), float(n))})
    assert len(store.get("x-1")["n"].unique()) == 1
"""


def test_processes_that_replace_and_read_one_artefact_never_see_damage(tmp_path):
    sharing = [subprocess.Popen([sys.executable, "-c", SHARER, str(tmp_path)]) for _ in range(2)]
    assert [process.wait() for process in sharing] == [0, 0]


def test_what_is_stored_can_be_read_by_others(tmp_path):
    store = Store(tmp_path)
    store.put("x-1", {"n": 1})
    mask = os.umask(0)
    os.umask(mask)
    modes = {path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if not path.name.startswith(".")}
    assert modes == {0o666 & ~mask}


COUNTER = """
import sys, time
from pathlib import Path
from emotion_utils.core.store import Store
folder = Path(sys.argv[1])
def compute():
    with (folder / "calls").open("a") as file:
        file.write("1")
    time.sleep(0.5)
    return 42
assert Store(folder).compute("x", {"n": 1}, compute) == 42
"""


def test_two_processes_that_ask_at_once_compute_it_once(tmp_path):
    asking = [subprocess.Popen([sys.executable, "-c", COUNTER, str(tmp_path)]) for _ in range(2)]
    assert [process.wait() for process in asking] == [0, 0]
    assert (tmp_path / "calls").read_text() == "1"


def test_the_manifest_is_json_that_people_can_read(tmp_path):
    store, key = Store(tmp_path), artefact_key("x", MADE_FROM)
    store.put(key, TENSORS, MADE_FROM)
    found = json.loads((tmp_path / f"{key}.manifest.json").read_text(encoding="utf-8"))
    assert found["parameters"]["hook"] == "resid_post"
    assert found["bytes"] == (tmp_path / found["file"]).stat().st_size

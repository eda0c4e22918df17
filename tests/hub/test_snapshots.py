"""The hub path against a server on this machine: what comes is whole and of one commit, or a sentence says why not."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import pytest
from hub_server import COMMIT, OTHER, Repository, etag, serving

from emotion_utils.core.paths import MODELS, PROJECT_ROOT

SMALL = MODELS / "small-gpt2"
NAMES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
)
FILES = {name: (SMALL / name).read_bytes() for name in NAMES if (SMALL / name).is_file()}
CHUNK = 10 * 2**20
"""Of a download, after which the library of the hub can take it up again."""
SNAPSHOT = """
from emotion_utils.core.errors import UserError
from emotion_utils.hub.snapshots import cached_commit, snapshot
try:
    folder = snapshot(asked["repository"], asked.get("revision"), weights=asked.get("weights", True))
    told = {"folder": str(folder), "files": sorted(os.listdir(folder))}
    told["commit"] = cached_commit(asked["repository"], asked.get("revision"))
except UserError as error:
    told = {"refused": str(error)}
"""
ASKED = """
import json, os, sys
import huggingface_hub.file_download, huggingface_hub.hf_api
from huggingface_hub import constants
import emotion_utils.hub.snapshots
for line in sys.stdin:
    code, asked = json.loads(line)
    if os.fork() == 0:  # a process of its own for each, without the seconds that imports take
        os.environ["HF_TOKEN"], os.environ["EMOTION_CIRCUITS_CACHE"] = asked["token"], asked["own"]
        constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE = asked["cache"], asked["offline"]
        constants.HF_HUB_DISABLE_SYMLINKS = not asked["links"]
        told = {"refused": "nothing was told"}
        exec(code)
        print(json.dumps(told), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def server():
    with serving({}) as made:
        yield made


@pytest.fixture
def hub(server):
    """The server as it is in the beginning."""
    files = {**FILES, "onnx/model.safetensors": b"another format", "pytorch_model.bin": b"a pickle"}
    changed = {**FILES, "generation_config.json": b'{"eos_token_id": 7}'}
    commits = {COMMIT: files, OTHER: changed}
    pickled = {"config.json": FILES["config.json"], "pytorch_model.bin": b"x"}
    server.cuts, server.asked = {}, []
    server.repositories = {
        "org/small": Repository(commits, {"main": COMMIT, "refs/pr/1": OTHER}),
        "org/gated": Repository(commits, gated=True),
        "org/pickled": Repository({COMMIT: pickled}),
    }
    return server


def started(endpoint):
    """A process that asks a hub: the library reads which one as it is imported."""
    settings = {"HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", ASKED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=PROJECT_ROOT,
        env={**os.environ, **settings},
    )


@pytest.fixture(scope="module")
def processes(server):
    with started(server.url) as alive, started("http://127.0.0.1:9") as silent:
        yield {"alive": alive, "silent": silent}
        for process in (alive, silent):
            process.stdin.close()


@pytest.fixture
def ask(hub, processes, tmp_path):
    """Ask for a snapshot, each time in another process, with the cache of this test."""

    def call(repository="org/small", code=SNAPSHOT, expected=True, endpoint="alive", **asked):
        settings = {"cache": str(tmp_path / "hf"), "own": str(tmp_path / "own"), "token": "", "links": True}
        given = {**settings, "offline": False, "repository": repository, **asked}
        process = processes[endpoint]
        print(json.dumps([code, given]), file=process.stdin, flush=True)
        told = json.loads(process.stdout.readline())
        assert ("refused" in told) != expected, told
        return told if expected else told["refused"]

    return call


def downloads(hub, name):
    return [
        asked_range
        for method, path, asked_range in hub.asked
        if method == "GET" and path.endswith(f"/{name}")
    ]


# --- what comes


def test_a_commit_comes_once_and_then_from_the_cache(ask, hub, tmp_path):
    texts = ask(weights=False)
    assert texts["files"] == sorted(set(FILES) - {"model.safetensors"})
    assert downloads(hub, "model.safetensors") == []
    told = ask()
    assert told["files"] == sorted(FILES)  # no pickle, and nothing from below
    assert (told["commit"], os.path.basename(told["folder"])) == (COMMIT, COMMIT)
    for name, content in FILES.items():
        with open(os.path.join(told["folder"], name), "rb") as file:
            assert file.read() == content
    n = len(downloads(hub, "model.safetensors"))
    assert n == 1
    assert ask() == told
    assert len(downloads(hub, "model.safetensors")) == n
    assert ask(offline=True) == told
    assert ask(endpoint="silent") == told  # nobody answers there
    (note,) = (tmp_path / "own" / "hub").iterdir()
    assert set(json.loads(note.read_text())) == set(FILES)


def test_a_revision_is_a_commit_of_its_own(ask):
    told = ask(revision="refs/pr/1")
    assert (told["commit"], os.path.basename(told["folder"])) == (OTHER, OTHER)
    with open(os.path.join(told["folder"], "generation_config.json"), "rb") as file:
        assert file.read() == b'{"eos_token_id": 7}'
    assert os.path.basename(ask(revision=COMMIT)["folder"]) == COMMIT


def test_a_connection_that_breaks_is_taken_up_where_it_broke(ask, hub):
    large = random.Random(0).randbytes(2 * CHUNK + 1000)
    hub.repositories["org/large"] = Repository({COMMIT: {"config.json": b"{}", "model.safetensors": large}})
    hub.cuts["model.safetensors"] = CHUNK + 5000
    folder = ask("org/large")["folder"]
    assert downloads(hub, "model.safetensors") == [None, f"bytes={CHUNK}-"]
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        assert file.read() == large


def test_where_files_cannot_be_links_the_hub_is_asked_for_hashes(ask, hub):
    told = ask(links=False)
    assert told["files"] == sorted(FILES)
    assert ask(links=False, offline=True) == told
    hub.repositories["org/small"].sent = {"tokenizer.json": FILES["tokenizer.json"].replace(b"a", b"b", 1)}
    hub.repositories["org/other"] = hub.repositories["org/small"]
    assert 'tokenizer.json of the hub model "org/other" came with the hash' in ask(
        "org/other", expected=False, links=False
    )


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_file_that_was_changed_on_the_way_is_removed_and_asked_for_again(ask, hub, name):
    content = bytearray(FILES[name])
    content[-2] ^= 1
    repository = hub.repositories["org/small"]
    repository.sent[name] = bytes(content)
    refused = ask(expected=False)
    stated, came = (etag(name, one) for one in (FILES[name], bytes(content)))
    assert f'{name} of the hub model "org/small" came with the hash {came[:16]}...' in refused
    assert f"the hub states {stated[:16]}..." in refused
    assert name in ask(expected=False)
    repository.sent = {}
    assert ask()["files"] == sorted(FILES)


def test_a_file_that_was_damaged_in_the_cache_is_found_without_a_network(ask):
    folder = ask()["folder"]
    path = os.path.realpath(os.path.join(folder, "model.safetensors"))
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    assert "came with the hash" in ask(expected=False, offline=True)


# --- what is refused


@pytest.mark.parametrize(
    ("asked", "parts"),
    [
        (
            {"repository": "org/gated"},
            ("is gated, and no access token is set: accept its terms at", "/org/gated", "set HF_TOKEN"),
        ),
        (
            {"repository": "org/gated", "token": "hf_known"},
            ("the access token that is set here does not open it",),
        ),
        ({"repository": "org/gated", "token": "hf_wrong"}, ("does not accept the access token", "HF_TOKEN")),
        (
            {"revision": "v9"},
            ('"org/small" has no revision "v9"', "/org/small/commits/main lists", "from @ on"),
        ),
        ({"revision": "f" * 40}, ("has no revision", "f" * 40)),
        ({"repository": "org/absent"}, ('There is no hub model "org/absent", or it is private',)),
        (
            {"repository": "org/pickled"},
            ("has no safetensors weights at 0123456789ab", "org/pickled@refs/pr/1"),
        ),
        ({"offline": True}, ("not all in the cache", "HF_HUB_OFFLINE forbids it", "could not be loaded")),
        ({"endpoint": "silent"}, ("not all in the cache", "http://127.0.0.1:9 does not answer")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_clear_sentence(ask, asked, parts):
    refused = ask(expected=False, **asked)
    for part in parts:
        assert part in refused
    assert "\n" not in refused
    assert refused.endswith(".")


def test_a_token_that_was_let_in_opens_a_gated_model(ask):
    assert ask("org/gated", token="hf_let_in")["files"] == sorted(FILES)  # noqa: S106 - of the server above


# --- a model


MODEL = """
import torch
from emotion_utils.models.model import load
from emotion_utils.runtime.execution import collect
name = asked["repository"]
model = load(name)
ids = torch.tensor([model.encode(["Anna gave Tom the book."]).ids[0]])
with torch.no_grad():
    logits = model.network(ids).logits.double()
told = {"logits": logits.flatten().tolist(), "ids": ids.tolist(), "revision": model.identity["revision"]}
told |= {"label": model.label, "provenance": collect("02_activations", {"model": name})}
"""


@pytest.mark.slow
def test_a_downloaded_model_computes_what_the_bundled_one_does(ask):
    import torch

    from emotion_utils.models.model import load

    told = ask("org/small@refs/pr/1", code=MODEL)
    bundled = load("small-gpt2")
    with torch.no_grad():
        logits = bundled.network(torch.tensor(told["ids"])).logits.double()
    assert told["logits"] == logits.flatten().tolist()
    assert told["revision"] == OTHER
    assert told["label"] == "org/small@refs/pr/1"
    assert told["provenance"]["revisions"] == {"org/small@refs/pr/1": OTHER}
    assert told["provenance"]["model_label"] == "hub model"

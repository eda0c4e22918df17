"""Sets of vectors without a model: what is read, and every way in which a file or an address can be wrong."""

from __future__ import annotations

import hashlib
import pickle
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from emotion_utils.core.errors import UserError
from emotion_utils.scaling import download as download_module
from emotion_utils.scaling import published
from emotion_utils.scaling.published import PUBLISHED, find, load_vectors, published_set, stories_folder

ROWS = {
    f"layer_{layer}__{emotion}": np.random.default_rng(layer).normal(size=8).astype(np.float32) * (1 + i)
    for layer in (3, 11)
    for i, emotion in enumerate(("joy", "fear", "grief-stricken"))
}


def saved(path, rows):
    if path.suffix == ".npz":
        np.savez(path, **rows)
    else:
        save_file({name: torch.from_numpy(np.ascontiguousarray(row)) for name, row in rows.items()}, path)
    return path


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_every_vector_stands_at_its_layer_and_emotion(tmp_path, ending):
    path = saved(tmp_path / f"mine.{ending}", ROWS)
    found = load_vectors(path)
    assert (found.name, found.source, found.layers) == ("mine", f"mine.{ending}", (3, 11))
    assert found.emotions == ("fear", "grief-stricken", "joy")
    for name, row in ROWS.items():
        layer, emotion = name.removeprefix("layer_").split("__")
        at = found.values[found.layers.index(int(layer)), found.emotions.index(emotion)]
        assert np.array_equal(at, row.astype(np.float64))
    own = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.sha256 == own == load_vectors(path, sha256=own.upper(), name="x").sha256
    assert np.allclose(found.centred().mean(axis=1), 0)
    assert np.array_equal(found.at(["joy"])[:, 0], found.values[:, 2])
    with pytest.raises(UserError, match='has no "joyy": did you mean "joy"'):
        found.at(["joyy"])


def test_the_names_of_other_projects_are_understood(tmp_path):
    found = load_vectors(saved(tmp_path / "a.npz", {"joy.4": np.ones(3), "fear.4": np.zeros(3)}))
    assert (found.emotions, found.layers) == (("fear", "joy"), (4,))
    alone = load_vectors(saved(tmp_path / "joy.npz", {"layer_4": np.ones(3), "layer_5": np.ones(3)}))
    assert (alone.emotions, alone.layers, alone.d_model) == (("joy",), (4, 5), 3)


def wrong(**changes):
    return {**ROWS, **{name.replace("grief", "grief-stricken"): row for name, row in changes.items()}}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (wrong(layer_3__joy=np.array([1.0, np.nan, 2.0])), r'"layer_3__joy" has a NaN or an infinity at place 1'),
        ({k: v for k, v in ROWS.items() if k != "layer_11__fear"}, "no vector of fear at layer 11"),
        (wrong(layer_3__fear=np.ones(9)), r'"layer_3__fear" has 9 numbers and "layer_\d+__[a-z-]+" has 8: a'),
        (wrong(sadness=np.ones(8)), 'an array "sadness", whose name says no layer'),
        (wrong(layer_3__fear=np.arange(8)), r'"layer_3__fear" has the shape \(8,\) and the type int64'),
        (wrong(layer_3__fear=np.ones((2, 4))), r"shape \(2, 4\)"),
        ({**ROWS, "joy.3": np.ones(8)}, "two vectors of joy at layer 3: keep one"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_named(tmp_path, rows, said):
    for ending in ("npz", "safetensors"):
        with pytest.raises(UserError, match=said):
            load_vectors(saved(tmp_path / f"set.{ending}", rows))


class Harmful:
    """What a pickle may do when it is opened."""

    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


def test_files_that_are_torn_hold_objects_or_are_not_there_are_refused(tmp_path):
    objects = tmp_path / "objects.npz"
    np.savez(objects, layer_1__joy=np.array([Harmful()], dtype=object))
    with pytest.raises(UserError, match="torn, or of another format"):
        load_vectors(objects)
    (tmp_path / "set.pt").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(UserError, match="can run code when it is opened, and is not"):
        load_vectors(tmp_path / "set.pt")
    whole = saved(tmp_path / "whole.npz", ROWS).read_bytes()
    (tmp_path / "torn.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"torn\.npz is torn"):
        load_vectors(tmp_path / "torn.npz")
    with pytest.raises(UserError, match="There is no file"):
        load_vectors(tmp_path / "none.npz")
    with pytest.raises(UserError, match=r'ends in "\.csv"'):
        load_vectors(tmp_path / "a.csv")
    np.savez(tmp_path / "empty.npz")
    with pytest.raises(UserError, match="holds no vector"):
        load_vectors(tmp_path / "empty.npz")
    with pytest.raises(UserError, match=r"whole\.npz has the SHA-256 .*, and 0{16}\.\.\. was expected"):
        load_vectors(tmp_path / "whole.npz", sha256="0" * 64)


class Answers(BaseHTTPRequestHandler):
    """Gives what the test put under a path: status, headers, body, and how much of the body is sent."""

    def __init__(self, pages, asked, *args):
        self.pages, self.asked = pages, asked
        super().__init__(*args)

    def do_GET(self):
        self.asked.append(self.path)
        status, headers, body, sent = self.pages.get(self.path, (404, {}, b"nothing here", None))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:sent])

    def log_message(self, *_):
        """Stay silent."""


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A server on this machine: ``web.pages`` are its answers, ``web.asked`` what it was asked for."""
    monkeypatch.setenv("EMOTION_CIRCUITS_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download_module, "TIMEOUT", 5.0)
    pages, asked = {}, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Answers, pages, asked))
    server.pages, server.asked = pages, asked
    server.at = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_address_is_read_like_a_file_and_kept_by_its_hash(web, tmp_path):
    body = saved(tmp_path / "set.npz", ROWS).read_bytes()
    web.pages["/a/set.npz?raw=1"] = (200, {}, body, None)
    url, own = f"{web.at}/a/set.npz?raw=1", hashlib.sha256(body).hexdigest()
    found = load_vectors(url, sha256=own)
    assert (found.source, found.sha256, found.layers) == (url, own, (3, 11))
    assert np.array_equal(found.values, load_vectors(tmp_path / "set.npz").values)
    kept = tmp_path / "cache" / "vectors" / f"{own}.npz"
    assert [*kept.parent.iterdir()] == [kept]
    load_vectors(url, sha256=own)
    assert len(web.asked) == 1  # the second time it is not asked for
    load_vectors(url)
    assert len(web.asked) == 2  # what stands there may have changed
    kept.write_bytes(b"damaged")
    assert load_vectors(url, sha256=own).sha256 == own  # and is brought again
    assert kept.read_bytes() == body


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {"Content-Type": "text/html"}, b"\n<!DOCTYPE html><html>", None), "answered with a web page, not with"),
        ((404, {}, b"", None), r"answered with the status 404 \(Not Found\): check the address"),
        ((200, {}, b"PK" + b"0" * 1000, 400), r"was cut off after 400 of 1,002 bytes"),
        ((302, {"Location": "file:///etc/hostname"}, b"", None), "302|only http"),
        ((302, {"Location": "ftp://127.0.0.1:9/set.npz"}, b"", None), "could not be reached|only http"),
        ((200, {}, b"PK nothing of the kind", None), "torn, or of another format"),
    ],
)  # fmt: skip
def test_what_an_address_may_answer_is_one_sentence(web, tmp_path, answer, said):
    web.pages["/set.npz"] = answer
    with pytest.raises(UserError, match=said) as told:
        load_vectors(f"{web.at}/set.npz")
    assert str(told.value).count("\n") == 0
    left = [path.name for path in (tmp_path / "cache").rglob("*.npz")]
    assert left == ([hashlib.sha256(answer[2]).hexdigest() + ".npz"] if b"nothing of" in answer[2] else [])


def test_another_hash_another_scheme_and_no_answer_are_refused(web, tmp_path, monkeypatch):
    web.pages["/set.npz"] = (200, {}, b"PK", None)
    with pytest.raises(UserError, match=r"came with SHA-256 .*, and f{16}\.\.\. was expected"):
        load_vectors(f"{web.at}/set.npz", sha256="f" * 64)
    assert not (tmp_path / "cache").exists()
    monkeypatch.setattr(download_module, "LIMIT", 1)
    with pytest.raises(UserError, match="is larger than"):
        load_vectors(f"{web.at}/set.npz")
    with pytest.raises(UserError, match='begins with "file": only http and https'):
        load_vectors((tmp_path / "set.npz").as_uri())
    with pytest.raises(UserError, match=r'/set ends in ""'):
        load_vectors(f"{web.at}/set")
    with pytest.raises(UserError, match="could not be reached"):
        load_vectors("http://127.0.0.1:9/set.npz")
    assert web.asked == ["/set.npz", "/set.npz"]


def test_published_sets_are_found_in_the_folder_that_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv(published.VARIABLE, raising=False)
    assert stories_folder() is None
    assert find("qwen3-8b") is None
    folder = tmp_path / "folder"
    with pytest.raises(UserError, match=r"There is no folder .*folder: name the one that holds stories"):
        stories_folder(folder)
    path = folder / PUBLISHED["qwen3-8b"].file
    path.parent.mkdir(parents=True)
    assert published_set("qwen3-8b", folder) is None
    saved(path, ROWS)
    assert find("qwen3-8b", folder) == path
    monkeypatch.setenv(published.VARIABLE, str(folder))
    assert find("qwen3-8b") == path
    with pytest.raises(UserError, match=r"63f243c2ec167097\.\.\. was expected"):
        published_set("qwen3-8b")
    own = hashlib.sha256(path.read_bytes()).hexdigest()
    known = PUBLISHED["qwen3-8b"].__class__(
        "Qwen3 8B", PUBLISHED["qwen3-8b"].file, "https://a/b.npz", own, 8e9, 36
    )
    monkeypatch.setattr(published, "PUBLISHED", {"qwen3-8b": known})
    found = published_set("qwen3-8b")
    assert (found.name, found.parameters, found.blocks, found.source) == (
        "Qwen3 8B",
        8e9,
        36,
        "https://a/b.npz",
    )
    assert found.depths == pytest.approx([4 / 36, 12 / 36])
    with pytest.raises(UserError, match='no published set "qwen3": did you mean "qwen3-8b"'):
        find("qwen3")

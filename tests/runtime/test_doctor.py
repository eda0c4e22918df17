from __future__ import annotations

import hashlib
import json

import pytest

from emotion_utils.models.packaged import PACKAGED
from emotion_utils.runtime import doctor


@pytest.fixture
def folder(tmp_path):
    weights = b"weights"
    (tmp_path / "model.safetensors").write_bytes(weights)
    card = {"data": {"weights_sha256": hashlib.sha256(weights).hexdigest()}}
    (tmp_path / "card.json").write_text(json.dumps(card))
    return tmp_path


def test_a_model_is_ok_when_its_weights_have_the_hash_of_its_card(folder):
    assert doctor._model("m", folder).status == "ok"


def test_a_flipped_bit_and_a_missing_file_are_found(folder):
    (folder / "model.safetensors").write_bytes(b"weightt")
    check = doctor._model("m", folder)
    assert check.status == "fails"
    assert "make models NAME=m" in check.message
    (folder / "model.safetensors").unlink()
    assert "missing" in doctor._model("m", folder).message


@pytest.mark.parametrize(
    ("version", "status", "part"),
    [
        ((3, 10, 18), "fails", "version 3.10.18 is outside 3.11.5 to 3.14"),
        ((3, 11, 2), "fails", "version 3.11.2 is outside 3.11.5 to 3.14"),
        ((3, 11, 5), "ok", "version 3.11.5"),
        ((3, 12, 4), "note", "version 3.12.4 is untested"),
        ((3, 14, 1), "note", "all tests are run with 3.11"),
        ((3, 15, 0), "fails", "make PYTHON=python3.11 book"),
    ],
)
def test_a_python_outside_the_range_or_untested_is_said(version, status, part):
    check = doctor._python(version)
    assert check.status == status
    assert part in check.message


def test_pins_reads_names_and_versions():
    text = "# comment\ntorch==2.13.0     # via x\nA.b-c==1.0.post1\n-e .\nloose>=1\n"
    assert doctor.pins(text) == {"torch": "2.13.0", "A.b-c": "1.0.post1"}


def test_a_package_at_another_version_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "PROJECT_ROOT", tmp_path)
    (tmp_path / "requirements.txt").write_text("numpy==0.1\nno-such-package==3\n")
    check = doctor._packages()
    assert check.status == "fails"
    assert "(pinned 0.1)" in check.message
    assert "no-such-package missing" in check.message


def test_the_browser_is_the_variable_or_a_known_name(tmp_path, monkeypatch):
    browser = tmp_path / "google-chrome"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert doctor.find_chromium() == str(browser)
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))
    assert doctor.find_chromium() is None


def test_a_build_folder_that_cannot_be_made_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(doctor, "BUILD", tmp_path / "file")
    assert doctor._writable().status == "fails"


def test_a_packaged_model_is_missing_whole_or_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CIRCUITS_CACHE", str(tmp_path))
    missing = doctor._packaged("smollm2-135m")
    assert missing.status == "note"
    for part in ("134,515,008 parameters", "Q4_1", "Apache 2.0", "93 MB", "fetch smollm2-135m"):
        assert part in missing.message
    folder = PACKAGED["smollm2-135m"].folder
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    told = {"sha256": hashlib.sha256(b"weights").hexdigest(), "bytes": 7}
    (folder / "manifest.json").write_text(json.dumps({"files": {"model.safetensors": told}}))
    assert doctor._packaged("smollm2-135m").status == "ok"
    (folder / "model.safetensors").write_bytes(b"Weights")
    damaged = doctor._packaged("smollm2-135m")
    assert damaged.status == "fails"
    assert "fetch smollm2-135m" in damaged.message

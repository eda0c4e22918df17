"""What the hub's library raises becomes one sentence; a full disk is met before and during a download."""

from __future__ import annotations

import errno

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.hub import checking, snapshots
from emotion_utils.hub.refusals import Unreachable, refusals


def test_a_disk_without_room_is_refused_before_the_first_byte(monkeypatch, tmp_path):
    monkeypatch.setattr(checking, "cache", lambda: tmp_path / "not" / "made" / "yet")
    monkeypatch.setattr(checking, "free_bytes", lambda folder: 5_000_000_000)
    checking.check_space("org/large", 4_900_000_000)
    with pytest.raises(UserError) as caught:
        checking.check_space("org/large", 16_060_000_000)
    for part in ("needs 16,060,000,000 bytes more in", "5,000,000,000 are free there", "HF_HOME"):
        assert part in str(caught.value)


def test_free_bytes_are_those_of_the_folder_that_would_be_made(tmp_path):
    assert checking.free_bytes(tmp_path / "a" / "b") == pytest.approx(checking.free_bytes(tmp_path), rel=0.2)


def test_nothing_to_download_needs_no_room(monkeypatch):
    monkeypatch.setattr(checking, "free_bytes", lambda folder: 0)
    checking.check_space("org/large", 0)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_meanwhile_is_said_with_what_is_free(monkeypatch, number):
    def fail():
        try:
            raise OSError(number, "No space left on device")
        except OSError as error:
            raise RuntimeError("Download failed") from error

    monkeypatch.setattr(checking, "free_bytes", lambda folder: 12_345)
    with pytest.raises(UserError) as caught, refusals("org/large", None, 16_060_000_000):
        fail()
    assert 'The disk became full while the hub model "org/large" was downloaded to' in str(caught.value)
    assert "(16,060,000,000 bytes needed, 12,345 free now)" in str(caught.value)
    assert not isinstance(caught.value, Unreachable)


def test_what_is_not_known_is_told_with_its_kind():
    with (
        pytest.raises(UserError, match=r'"org/odd" could not be loaded \(KeyError: \'sha\'\)'),
        refusals("org/odd", None),
    ):
        raise KeyError("sha")


def test_a_sentence_of_ours_passes():
    with pytest.raises(UserError, match=r"^as it is$"), refusals("org/odd", None):
        raise UserError("as it is")


def test_a_commit_that_nobody_has_is_none(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert snapshots.cached_commit("org/never") is None
    assert snapshots.cached_commit("org/never", "a" * 40) == "a" * 40
    refs = tmp_path / "models--org--never" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text("b" * 40)
    assert snapshots.cached_commit("org/never") == "b" * 40

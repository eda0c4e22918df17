"""Files that are read: their content, or what stands in their place."""

from __future__ import annotations

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import read_bytes, read_json


def refused(call, path, *parts: str) -> None:
    with pytest.raises(UserError) as caught:
        call(path)
    for part in (str(path), *parts):
        assert part in str(caught.value)


def test_the_content_is_given_whole_or_its_beginning(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"é": [1, 2.5]}', encoding="utf-8")
    assert read_json(path) == {"é": [1, 2.5]}
    assert read_bytes(path, 3) == b'{"\xc3'


def test_what_is_no_file_is_named(tmp_path):
    path = tmp_path / "a.json"
    refused(read_json, path, "There is no file")
    path.symlink_to("gone")
    refused(read_json, path, "is a link to gone, which is not there")
    refused(read_bytes, tmp_path, "Is a directory")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "line 1, column 1"),
        (b'{"a":\n x}', "line 2, column 2"),
        (b'{"a": "\xff"}', "byte 8 is not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\n <HTML>", "web page"),
    ],
)
def test_damage_is_placed(tmp_path, content, part):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    refused(read_json, path, part)

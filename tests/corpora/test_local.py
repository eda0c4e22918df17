import json

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.corpora.local import local


def write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_a_folder_per_label(tmp_path):
    mark = b"\xef\xbb\xbf"
    write(
        tmp_path,
        {"code/b.txt": "two\r\nlines", "code/deep/a.txt": "x", "mail/c.md": mark + b"hi", ".git/x": "no"},
    )
    found = [(d.text, d.domain, d.group) for d in local(tmp_path).documents]
    assert found == [
        ("two\nlines", "code", "code/b.txt"),
        ("x", "code", "code/deep/a.txt"),
        ("hi", "mail", "mail/c.md"),
    ]


def test_files_without_a_folder_are_one_domain_and_a_file_is_one_document(tmp_path):
    write(tmp_path, {"letters/a.txt": "one", "letters/b.txt": "two"})
    assert local(tmp_path / "letters").domains == ["letters"]
    assert [d.text for d in local(tmp_path / "letters" / "a.txt").documents] == ["one"]


def test_rows_with_text_and_label(tmp_path):
    rows = [{"words": f"text {at}", "kind": "ab"[at % 2], "who": f"w{at // 2}"} for at in range(4)]
    write(tmp_path, {"x.jsonl": "\n".join(map(json.dumps, rows)), "x.csv": "text,label\nhello,a\nthere,b\n"})
    documents = local(tmp_path / "x.jsonl", text="words", label="kind", group="who").documents
    assert [(d.text, d.domain, d.group) for d in documents][:3] == [
        ("text 0", "a", "w0"),
        ("text 1", "b", "w0"),
        ("text 2", "a", "w1"),
    ]
    csv = local(tmp_path / "x.csv").documents
    assert [(d.text, d.domain, d.group) for d in csv] == [
        ("hello", "a", "x.csv, line 2"),
        ("there", "b", "x.csv, line 3"),
    ]
    assert local(tmp_path / "x.csv", label="none").domains == ["x"]


@pytest.mark.parametrize(
    ("files", "source", "said"),
    [
        ({}, "", "has no files: put a folder for each label"),
        ({".hidden": "x"}, "", "has no files"),
        (
            {"a/latin.txt": "caf\u00e9".encode("latin-1")},
            "",
            r"latin.txt is not UTF-8 \(byte 4 is 0xe9\): save it as UTF-8",
        ),
        ({"a/wide.txt": "hello".encode("utf-16")}, "", "wide.txt is UTF-16"),
        ({"a/wide.txt": "hello".encode("utf-32")}, "", "wide.txt is UTF-32"),
        ({"a/b.bin": b"abc\0def"}, "", r"b.bin is a binary file \(byte 4 is NUL\)"),
        ({"a/b.png": b"\x89PNG rest"}, "", "b.png is a PNG image, not text"),
        ({"a/b.txt": " \n"}, "", "b.txt is empty"),
        ({}, "gone.txt", "There is no file .*gone.txt"),
        ({"x.csv": "words\nhello\n"}, "x.csv", 'x.csv has no column "text": its columns are words'),
        ({"x.jsonl": '{"text": 3, "label": "a"}'}, "x.jsonl", "x.jsonl, line 1, has no text"),
        ({"x.jsonl": '{"text": "t", "label": " "}'}, "x.jsonl", 'x.jsonl, line 1, has no "label"'),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, files, source, said):
    write(tmp_path, files)
    with pytest.raises(UserError, match=said):
        local(tmp_path / source)

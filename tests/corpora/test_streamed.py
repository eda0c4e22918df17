import builtins
import json

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.corpora.reading import read
from emotion_utils.corpora.streamed import stream, take

PILE = {"text": "text", "label": "meta.pile_set_name"}


@pytest.fixture
def pile(tmp_path):
    """Rows as those of The Pile: text, and the name of the part in a column of columns."""
    rows = [{"text": f"text {at}", "meta": {"pile_set_name": "ab"[at % 3 == 0]}} for at in range(12)]
    path = tmp_path / "pile.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_the_first_documents_of_each_label(pile):
    corpus = stream("json", data_files=pile, per_label=3, **PILE)
    assert [(d.text, d.domain) for d in corpus.documents] == [
        ("text 0", "b"),
        ("text 1", "a"),
        ("text 2", "a"),
        ("text 3", "b"),
        ("text 4", "a"),
        ("text 6", "b"),
    ]
    assert len({d.group for d in corpus.documents}) == 6
    assert corpus.notes[0].startswith("The first 12 rows")


def test_the_door_streams_too_and_says_which_labels_have_fewer(pile):
    corpus = read("hub:json", data_files=pile, per_label=5, rows=9, **PILE)
    assert corpus.source == "hub:json"
    assert "b (3) have fewer" in corpus.notes[1]


def test_a_column_that_is_not_there_is_said(pile):
    with pytest.raises(UserError, match=r'json has no column "meta.set": its rows have text and meta'):
        stream("json", data_files=pile, label="meta.set")


def test_no_text_and_a_break_are_said():
    with pytest.raises(UserError, match='no text in the column "text" of its first 5 rows'):
        take([{"text": "", "label": "a"}] * 9, "made", "text", "label", 2, 5)

    def rows():
        yield {"text": "t", "label": "a"}
        raise OSError("connection reset")

    with pytest.raises(UserError, match=r"made broke off after 1 rows .OSError: connection reset"):
        take(rows(), "made", "text", "label", 2, 5)


def test_a_data_set_that_cannot_be_opened_is_said(tmp_path):
    with pytest.raises(UserError, match="The data set json could not be opened"):
        stream("json", data_files=str(tmp_path / "gone.jsonl"))


def test_without_the_package_the_sentence_says_so(monkeypatch, pile):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == "datasets":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match="the package `datasets` is needed"):
        stream("json", data_files=pile)

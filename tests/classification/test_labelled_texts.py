"""Anybody's labelled texts: what is the same is one text, what stands under several labels goes, the rest is named."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import pandas as pd
import pytest

from emotion_utils.classification.labelled_texts import labelled_texts_of, read_labelled_texts
from emotion_utils.communities.spelling import half_width
from emotion_utils.core.errors import UserError


def table(*rows):
    return pd.DataFrame(rows, columns=["text", "label"])


ENOUGH = [("一つ", "a"), ("二つ", "a"), ("三つ", "b"), ("四つ", "b")]


def as_csv(rows, columns="text,label"):
    lines = ['"' + '","'.join(str(part).replace('"', '""') for part in row) + '"' for row in rows]
    return "\n".join([columns, *lines]) + "\n"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_csv_is_read_with_and_without_a_byte_order_mark(tmp_path, mark):
    (tmp_path / "x.csv").write_bytes(
        mark + as_csv([*ENOUGH, ('a "quoted"\r\ntext, two lines', "b")]).encode()
    )
    found = read_labelled_texts(tmp_path / "x.csv")
    assert found.table["text"].tolist() == [*(text for text, _ in ENOUGH), 'a "quoted"\ntext, two lines']
    assert found.labels == ("a", "b")


def test_a_title_stands_before_its_text(tmp_path):
    rows = [("題", "本文", "a"), ("", "本文二", "a"), ("題三", "", "b"), ("題四", "本文四", "b")]
    (tmp_path / "x.csv").write_text(as_csv(rows, "head,text,label"), encoding="utf-8")
    texts = read_labelled_texts(tmp_path / "x.csv", title="head").table["text"]
    assert texts.tolist() == ["題\n本文", "本文二", "題三", "題四\n本文四"]


def test_composition_and_width_make_no_other_text():
    text = "ガムとプリンのMTG!"
    forms = [text, unicodedata.normalize("NFD", text), half_width(text), "ガムとプリンのＭＴＧ！"]
    assert len(set(forms)) == 4
    rows = [*ENOUGH, *((form, "a") for form in forms)]
    found = labelled_texts_of(table(*rows))
    assert found.table["text"].tolist() == [*(own for own, _ in ENOUGH), text]
    assert (found.repeated, found.across_labels) == (3, 0)
    assert "3 repetitions under one label were left out" in found.notes()
    as_written = labelled_texts_of(table(*rows), normalisation="none")
    assert as_written.table["text"].tolist() == [own for own, _ in rows]
    assert as_written.repeated == 0


def test_a_text_of_several_labels_is_left_out_under_all_of_them():
    found = labelled_texts_of(table(*ENOUGH, ("同じ", "a"), ("同じ", "b"), ("同じ", "a"), ("違う", "b")))
    assert "同じ" not in set(found.table["text"])
    assert (found.across_labels, found.repeated, len(found.table)) == (3, 0, 5)
    assert "3 rows whose text stands under several labels were left out" in found.notes()


def test_the_number_that_the_report_left_out_is_what_is_counted():
    """107 communities with 120 posts each, of which 190 repeat posts of others: 12,650 are left."""
    rows = [(f"投稿 {label} {number}", label) for label in range(107) for number in range(120)]
    for at in range(95):
        copy = (at + 1) * 120 + 1
        rows[copy] = (rows[at * 120][0], rows[copy][1])
    found = labelled_texts_of(table(*rows))
    assert (found.across_labels, len(found.table), len(found.labels)) == (190, 12_650, 107)


def test_emoji_alone_and_unknown_scripts_are_texts():
    odd = ["😀😀", "🎉", "ᚠᛇᚻ", "𐂂𐂄", "1234", "..."]
    found = labelled_texts_of(table(*ENOUGH, *((text, "b") for text in odd)))
    assert set(odd) <= set(found.table["text"])
    assert found.without_letters == 4
    assert "without a letter of any script (emoji, digits): 4." in found.notes()


REFUSED = {
    "empty": ([*ENOUGH, ("", "a")], r"row 5 has no text \(found ''\): fill it in"),
    "blank": ([*ENOUGH, ("\u3000\u200b\n", "a")], "row 5 has no text"),
    "no number": ([*ENOUGH, (7, "a")], r"row 5 has no text \(found '7'\)"),
    "no label": ([*ENOUGH, ("五", float("nan"))], "row 5 has no label: fill it in"),
    "one label": ([("x", "a"), ("y", "a")], r"There is one label \(a\): two at least"),
    "one text": (
        [*ENOUGH, ("五", "c")],
        r'1 of 3 labels have fewer than two texts .* "c" \(1 left of 1\): one is needed for training and one for test',
    ),
    "nothing left": ([*ENOUGH, ("五", "c"), ("五", "a"), ("六", "c")], r'"c" \(1 left of 2\)'),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_used_is_named(what):
    rows, said = REFUSED[what]
    with pytest.raises(UserError, match=said):
        labelled_texts_of(table(*rows))


@pytest.mark.parametrize("column", ["text", "label"])
def test_half_of_a_character_is_named(tmp_path, column):
    rows = [{"text": text, "label": label} for text, label in ENOUGH] + [
        {"text": "x", "label": "a"} | {column: "x\ud83d"}
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    said = rf"x.jsonl, line 5 has half of a character in its {column} \(character 2 is '\\ud83d'\)"
    with pytest.raises(UserError, match=said):
        read_labelled_texts(tmp_path / "x.jsonl")


def test_a_file_is_named_with_the_line(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(as_csv([*ENOUGH, (" ", "b")]), encoding="utf-8")
    with pytest.raises(UserError, match=r"x.csv, line 6 has no text"):
        read_labelled_texts(path)
    with pytest.raises(UserError, match=r'x.csv has no column "community": its columns are text and label'):
        read_labelled_texts(path, label="community")
    with pytest.raises(UserError, match=r'There is no normalisation "NFC": choose NFKC and none'):
        labelled_texts_of(table(*ENOUGH), normalisation="NFC")


@pytest.fixture(scope="module")
def many():
    """107 labels with 3 to 12 texts each."""
    rng = np.random.default_rng(0)
    rows = [(f"投稿{i}の{j}", f"c{i:03}") for i in range(107) for j in range(int(rng.integers(3, 13)))]
    return labelled_texts_of(table(*rows))


def test_107_labels_are_split_label_by_label(many):
    drawn = many.with_split(train=6, test=3, seed=1)
    sizes = many.table["label"].value_counts()
    counts = drawn.table.groupby(["label", "split"]).size().unstack()
    assert len(counts) == 107
    for label, n in sizes.items():
        train, test = counts.loc[label, ["train", "test"]]
        if n >= 9:
            assert (train, test) == (6, 3)
        else:
            assert train + test == n
            assert abs(train - 2 * n / 3) <= 0.5
    texts, labels = drawn.part("test")
    assert len(texts) == len(labels) == counts["test"].sum()
    assert not set(texts) & set(drawn.part("train")[0])


def test_the_split_follows_from_texts_and_seed_alone(many):
    shuffled = many.table.sample(frac=1, random_state=0)[["text", "label"]]
    again = labelled_texts_of(shuffled).with_split(6, 3, seed=1)
    first = many.with_split(6, 3, seed=1)
    other = many.with_split(6, 3, seed=2)
    assert set(again.part("test")[0]) == set(first.part("test")[0]) != set(other.part("test")[0])


def test_two_texts_are_enough_and_none_is_not(many):
    two = labelled_texts_of(table(*ENOUGH)).with_split(280, 120)
    assert two.table.groupby(["label", "split"]).size().tolist() == [1, 1, 1, 1]
    with pytest.raises(UserError, match="There are 5 texts of a label for training and 0 for test"):
        many.with_split(5, 0)


def test_a_split_that_is_given_is_kept():
    rows = table(*ENOUGH).assign(split=["train", "test"] * 2)
    assert labelled_texts_of(rows).part("test") == (["二つ", "四つ"], ["a", "b"])

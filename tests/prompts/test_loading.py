"""Anybody's prompt file: what is read, and the one sentence for what cannot be."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.prompts.keywords import find_keyword, match_span
from emotion_utils.prompts.loading import (
    EVERY_SET,
    check_lengths,
    labelled_set,
    load_profile,
    load_prompts,
    prompt_set,
)
from emotion_utils.prompts.schema import SCHEMA, SPANS
from emotion_utils.prompts.splits import SPLITS, grouped_splits
from emotion_utils.statistics.resampling import connected_groups


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes, name: str = "mine.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def refused(path, *parts: str, **options) -> str:
    """The sentence of the error, which has to contain all parts."""
    with pytest.raises(UserError) as caught:
        load_prompts(path, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    for part in parts:
        assert part in sentence
    return sentence


GOOD = "text,emotion\nThank you for the tea.,gratitude\nThe bus is late.,neutral\n"


# --- what works


def test_a_csv_is_completed_to_the_schema(write):
    table = load_prompts(write(GOOD))
    assert list(table.columns) == list(SCHEMA)
    assert {column: str(dtype) for column, dtype in table.dtypes.items()} == SCHEMA
    assert table["id"].tolist() == ["mine-1", "mine-2"]
    assert table["keyword"].tolist() == [True, False]
    assert table.loc[0, ["emotion_start", "emotion_end"]].tolist() == [0, 5]
    assert table["emotion_start"].isna().tolist() == [False, True]


def test_csv_tsv_jsonl_separators_and_line_ends_read_the_same(write):
    rows = [("Thank you,\nreally.", "gratitude"), ('He said "no".', "anger")]
    csv_text = 'text,emotion\r\n"Thank you,\nreally.",gratitude\r\n"He said ""no"".",anger\r\n\r\n'
    files = [
        (write(csv_text, "a.csv"), {}),
        (write(re.sub(r",(?=gra|ang|emo)", "\t", csv_text), "b.tsv"), {}),
        (write(re.sub(r",(?=gra|ang|emo)", ";", csv_text), "c.csv"), {"separator": ";"}),
        (write("\n".join(json.dumps({"text": t, "emotion": e}) for t, e in rows), "d.jsonl"), {}),
        (write(csv_text, "e.data"), {"file_format": "csv"}),
    ]
    for path, options in files:
        table = load_prompts(path, **options)
        assert list(zip(table["text"], table["emotion"], strict=True)) == rows


def test_a_byte_order_mark_does_not_become_part_of_a_column_name(write):
    assert len(load_prompts(write(b"\xef\xbb\xbf" + GOOD.encode()))) == 2
    line = b'\xef\xbb\xbf{"text": "Thanks.", "emotion": "gratitude"}\n'
    assert load_prompts(write(line, "mine.jsonl"))["text"].tolist() == ["Thanks."]


def test_a_label_map_renames_and_leaves_out(write):
    path = write("utterance,label\nThanks a lot.,3\nGreat.,1\nIt rains.,0\n")
    table = load_prompts(path, "utterance", "label", {3: "gratitude", 0: "neutral", "1": None})
    assert table["emotion"].tolist() == ["gratitude", "neutral"]
    assert table["text"].tolist() == ["Thanks a lot.", "It rains."]


def test_an_emoji_only_prompt_is_a_prompt(write):
    table = load_prompts(write("text,emotion\n🙏🙏❤️,gratitude\n😡,anger\n"))
    assert table["text"].tolist() == ["🙏🙏❤️", "😡"]
    assert not table["keyword"].any()


def test_a_hundred_thousand_rows_are_read(write):
    kinds = ["gratitude", "anger", "apology", "neutral"]
    rows = "".join(f"Prompt number {i} is here.,{kinds[i % 4]}\n" for i in range(100_000))
    table = load_prompts(write("text,emotion\n" + rows))
    assert len(table) == 100_000
    assert table["id"].is_unique
    assert table["split"].value_counts().to_dict() == {"build": 60_000, "select": 20_000, "test": 20_000}


def test_a_prompt_longer_than_a_field_of_the_csv_module_is_read(write):
    text = "so " * 60_000
    assert load_prompts(write(f"text,emotion\n{text},neutral\n"))["text"].str.len().tolist() == [180_000]


def test_columns_of_the_schema_are_kept(write):
    line = {
        "text": "I am so glad.",
        "emotion": "gratitude",
        "id": 7,
        "topic": "home",
        "split": "test",
        "keyword": True,
    }
    line |= {"emotion_start": 8, "emotion_end": 12, "colour": "red"}
    row = load_prompts(write(json.dumps(line), "mine.jsonl")).iloc[0]
    assert (row["id"], row["topic"], row["split"], row["keyword"]) == ("7", "home", "test", True)
    assert row["text"][row["emotion_start"] : row["emotion_end"]] == "glad"


def test_keyword_flags_of_a_file_are_read_as_written_and_the_gaps_are_filled(write):
    rows = (
        "text,emotion,keyword\nThanks.,gratitude,False\nThanks.,gratitude,\nOh no.,anger,yes\nOh no.,anger,\n"
    )
    assert load_prompts(write(rows))["keyword"].tolist() == [False, True, True, False]
    refused(write(rows.replace("yes", "maybe")), "line 4", "'maybe'", "true or false")


# --- what is refused, one sentence each


@pytest.mark.parametrize("content", [b"", b"  \n\n"])
def test_an_empty_file(write, content):
    refused(write(content), "mine.csv is empty")


def test_a_header_without_rows(write):
    refused(write("text,emotion\n"), "has no rows")


def test_a_missing_file_and_a_folder(tmp_path):
    refused(tmp_path / "none.csv", "There is no file", "none.csv")
    refused(tmp_path, "is unknown", file_format=None)
    refused(tmp_path, "is a folder", file_format="csv")


def test_a_wrong_column_lists_those_found(write):
    path = write("Text,emotion\nThanks.,gratitude\n")
    refused(path, "no column 'text'", "'Text', 'emotion'", "text='Text'")
    refused(path, "no column 'mood' for the label", text="Text", label="mood")


def test_a_label_is_whatever_the_file_says_and_a_blank_or_unfit_one_names_its_line(write):
    path = write("text,emotion\nThanks.,gratitude\nHooray.,joy\nOh no.,fear\n")
    assert load_prompts(path)["emotion"].tolist() == ["gratitude", "joy", "fear"]
    assert load_prompts(path, label_map={"joy": "happiness"})["emotion"].tolist()[1] == "happiness"
    assert load_prompts(path, reference="joy")["emotion"].tolist() == ["gratitude", "neutral", "fear"]
    refused(
        write("text,emotion\nThanks.,\n", "other.csv"), "line 2", "the label in column 'emotion' is blank"
    )
    refused(write("text,emotion\nThanks.,:)\n", "other.csv"), "line 2", "':)'", "label_map={':)'")
    refused(path, '"fun" is not a label of mine.csv', reference="fun")
    refused(path, "leaves out all 3 rows", label_map=dict.fromkeys(["gratitude", "joy", "fear"]))


def test_latin_1_names_byte_line_and_encoding(write):
    path = write("text,emotion\nMerci.,gratitude\nDésolé.,apology\n".encode("cp1252"))
    refused(path, "line 3", "byte 32", "0xe9", "encoding='cp1252'", "'é'")
    assert load_prompts(path, encoding="cp1252")["text"].tolist()[1] == "Désolé."
    refused(path, "no encoding 'klingon'", encoding="klingon")


def test_mixed_encodings_name_both_lines(write):
    content = b"text,emotion\n" + "Désolé.,apology\n".encode() + "Fâché.,anger\n".encode("cp1252")
    refused(write(content), "mixes encodings", "line 3", "line 2 is UTF-8")


def test_utf_16_is_named(write):
    path = write(GOOD.encode("utf-16"))
    refused(path, "UTF-16", "encoding='utf-16'")
    assert len(load_prompts(path, encoding="utf-16")) == 2


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"PAR1rest", "Parquet"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (b"text,emotion\nTha\0nks,gratitude\n", "byte 17 (line 2) is NUL"),
        (bytes(range(256)), "binary file"),
    ],
)
def test_a_binary_file(write, content, part):
    refused(write(content), part)


def test_a_pointer_in_place_of_a_file_and_utf_32(write):
    refused(
        write("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "Git LFS pointer", "git lfs pull"
    )
    refused(write(GOOD.encode("utf-32")), "UTF-32", "encoding='utf-32'")
    assert len(load_prompts(write(GOOD.encode("utf-32")), encoding="utf-32")) == 2


def test_a_nul_in_a_json_text_and_half_a_surrogate_pair(write):
    for escape, part in [(r"\u0000", "NUL character"), (r"\ud83d", "surrogate pair")]:
        line = f'{{"text": "Thanks {escape}", "emotion": "gratitude"}}\n'
        refused(write(line, "mine.jsonl"), part, "line 1")


def test_blank_texts_are_counted_and_the_first_is_placed(write):
    refused(write("text,emotion\nThanks.,gratitude\n  ,anger\n\u200b,anger\n"), "2 of 3 rows", "line 3")
    refused(
        write('{"emotion": "anger"}\n{"text": "a", "emotion": "anger"}', "mine.jsonl"), "blank text", "line 1"
    )


def test_a_text_that_is_no_string(write):
    refused(write('{"text": 4, "emotion": "anger"}', "mine.jsonl"), "line 1", "4 is of type int")


def test_duplicate_ids_name_both_lines(write):
    refused(write("id,text,emotion\na,x,anger\nb,y,anger\na,z,anger\n"), "'a'", "line 2", "line 4")
    refused(write("id,text,emotion\na,x,anger\n,y,anger\n"), "line 3", "id is missing")


def test_malformed_lines_are_placed(write):
    refused(write("text,emotion\nOh, no.,anger\n"), "line 2", "3 fields", "double quotes")
    refused(write('text,emotion\n"Oh no.,anger\n'), "not well formed")
    refused(write("text,text,emotion\na,b,anger\n"), "two columns named 'text'")
    refused(write('{"text": "a", "emotion": "anger"}\n{"text": ', "mine.jsonl"), "line 2", "not JSON")
    refused(write('[{"text": "a"}]', "mine.jsonl"), "one JSON list")
    refused(write('"text"\n', "mine.jsonl"), "not a JSON object")
    refused(write(GOOD, "mine.doc"), "format of 'mine.doc' is unknown")


def test_spans_outside_the_text_and_unknown_splits(write):
    refused(
        write("text,emotion,emotion_start,emotion_end\nThanks.,gratitude,0,99\n"), "0..99", "7 characters"
    )
    refused(write("text,emotion,emotion_start,emotion_end\nThanks.,gratitude,x,9\n"), "whole number")
    refused(write("text,emotion,split\nThanks.,gratitude,train\n"), "'train'", "build, select, test")


# --- ids and other names: nothing is taken for something else


def json_lines(*rows: dict) -> str:
    return "".join(
        json.dumps({"text": f"Text {i}.", "emotion": "anger"} | row) + "\n" for i, row in enumerate(rows)
    )


LONG = 10**18 + 1  # beyond 2**53, where floating-point numbers skip whole numbers


@pytest.mark.parametrize("column", ["id", "pair_id", "template", "group", "topic"])
def test_whole_numbers_stay_themselves_beside_gaps(write, column):
    given = [LONG, LONG + 1, LONG + 2] if column == "id" else [LONG, LONG + 1, None]
    table = load_prompts(write(json_lines(*({column: value} for value in given)), "a.jsonl"))
    assert table[column].dropna().tolist()[:2] == ["1000000000000000001", "1000000000000000002"]


def test_a_number_is_the_same_name_with_and_without_a_fraction_of_zero(write):
    table = load_prompts(write(json_lines({"pair_id": 7}, {"pair_id": 7.0}, {"pair_id": " 7 "}), "a.jsonl"))
    assert table["pair_id"].tolist() == ["7", "7", "7"]


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (True, "is True, write text or a whole number"),
        ([1, 2], "is [1, 2], write text or a whole number"),
        ({"a": 1}, "is {'a': 1}, write text or a whole number"),
        (1e18, "too long to be kept exactly"),
        (float("inf"), "too long to be kept exactly"),
        ("1.00E+18", "cut off"),
        ("a\0b", "NUL"),
        ("\ud800", "surrogate"),
    ],
)
@pytest.mark.parametrize("column", ["id", "pair_id", "group", "lang"])
def test_what_can_be_no_name_is_placed(write, column, value, part):
    path = write(json_lines({column: "1"}, {column: value}), "a.jsonl")
    refused(path, f"a.jsonl, line 2: {column} is ", part)


def test_one_number_in_two_spellings_is_refused_and_hashes_are_not_numbers(write):
    rows = "text,emotion,pair_id\na,anger,1.0\nb,neutral,1\n"
    refused(write(rows), "pair_id is '1.0' in line 2 and '1' in line 3", "write both alike")
    kept = load_prompts(write("text,emotion,pair_id\na,anger,12e40\nb,neutral,01\nc,anger,2.0\n"))
    assert kept["pair_id"].tolist() == ["12e40", "01", "2.0"]


def test_a_pair_has_one_neutral_text(write):
    rows = "text,emotion,pair_id\na,anger,p\nb,neutral,p\nc,neutral,{}\nd,neutral,\ne,neutral,\n"
    refused(write(rows.format("p")), "the pair 'p' has two neutral texts, in line 3 and line 4")
    assert len(load_prompts(write(rows.format("q")))) == 5


# --- files that are almost tables


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf", b",,,\n", b",,,\n,,,\n", b"\xef\xbb\xbf\n,\n"])
def test_a_csv_without_column_names(write, content):
    refused(write(content), "names no columns", "text,emotion")


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_other_marks_between_columns_are_named_and_the_way_out_works(write, mark):
    path = write(f"text{mark}emotion\nThanks, a, b, c.{mark}gratitude\nNo, no.{mark}anger\n")
    refused(path, f"separator={mark!r}", "or save it with commas")
    assert load_prompts(path, separator=mark)["text"].tolist() == ["Thanks, a, b, c.", "No, no."]
    odd = write(GOOD.replace(",", mark), "mine.tsv") if mark != "\t" else write(GOOD, "mine.tsv")
    refused(odd, "not tabs")


@pytest.mark.parametrize("separator", ["||", "", "\n", '"'])
def test_a_separator_is_one_character(write, separator):
    refused(write(GOOD), f"The separator is {separator!r}", "one character", separator=separator)


def test_a_name_that_stands_twice_in_an_object_and_one_nested_beyond_reading(write):
    twice = '{"text": "a", "emotion": "anger", "text": "b"}\n'
    refused(write(twice, "a.jsonl"), "line 1", 'the name "text" is written twice')
    refused(write('{"text":' + "[" * 100_000 + "\n", "a.jsonl"), "line 1", "nested too deeply")


def test_old_line_ends_are_lines(write):
    assert len(load_prompts(write(GOOD.replace("\n", "\r")))) == 2
    lines = json_lines({}, {}).replace("\n", "\r")
    assert len(load_prompts(write(lines, "a.jsonl"))) == 2


def test_links_that_lead_nowhere_or_in_a_circle_and_names_that_are_none(tmp_path):
    circle, gone = tmp_path / "circle.csv", tmp_path / "gone.csv"
    circle.symlink_to(circle)
    gone.symlink_to(tmp_path / "target.csv")
    refused(circle, "could not be read (Too many levels of symbolic links)")
    refused(gone, "a link to", "target.csv, which is not there")
    refused("a\0b.csv", "no file")
    refused("a" * 5000 + ".csv", "could not be read (File name too long)")


@pytest.mark.parametrize("value", [True, 1.5, [1], float("inf"), "one", 1e300])
def test_a_span_is_whole_numbers_of_characters(write, value):
    path = write(json_lines({}, {"emotion_start": value, "emotion_end": 3}), "a.jsonl")
    refused(path, "a.jsonl, line 2: emotion_start is", "whole number")


@pytest.mark.parametrize("span", [(5, 2), (2, 2), (-1, 2), (0, 99), (0, None)])
@pytest.mark.parametrize("kind", ["emotion", "match"])
def test_a_span_lies_in_its_text(write, kind, span):
    rows = [{"emotion_start": 0, "emotion_end": 4, "pair_id": 1}, {"emotion": "neutral", "pair_id": 1}]
    rows[0] |= {f"{kind}_start": span[0], f"{kind}_end": span[1]}
    text = "the text" if kind == "emotion" else "the neutral text of its pair"
    refused(write(json_lines(*rows), "a.jsonl"), f"line 1: the {kind} span", f"{text} (7 characters)")


def test_spans_that_lie_in_their_texts_are_kept(write):
    given = {"emotion_start": "0.0", "emotion_end": 4, "match_start": 1, "match_end": 7.0, "pair_id": 1}
    path = write(json_lines(given, {"emotion": "neutral", "pair_id": 1}), "a.jsonl")
    assert load_prompts(path).loc[0, list(SPANS)].tolist() == [0, 4, 1, 7]


def test_a_prompt_longer_than_the_context_is_named_with_its_length():
    prompts = pd.DataFrame({"id": ["short", "long"], "text": ["a b", "a b c d e f"]})
    count = lambda texts: [len(text.split()) for text in texts]  # noqa: E731
    with pytest.raises(UserError, match=r"1 of 2 .* context of 4 tokens: 'long' \(6 tokens\)"):
        check_lengths(prompts, count, 4)
    report = check_lengths(prompts, count, 4, on_long="report")
    assert report["n_tokens"].tolist() == [2, 6]
    assert report["fits"].tolist() == [True, False]


# --- keywords and spans


@pytest.mark.parametrize(
    ("text", "emotion", "word"),
    [
        ("Oh, THANK you.", "gratitude", "THANK"),
        ("I am fed up with it.", "anger", "fed up"),
        ("My apologies.", "apology", "apologies"),
        ("We made a nomadic tent.", "anger", None),
        ("I am sorry.", "gratitude", None),
        ("I am sorry.", "neutral", "sorry"),
        ("He was annoyed.", "anger", "annoyed"),
    ],
)
def test_keywords_are_whole_words_of_the_emotion(text, emotion, word):
    span = find_keyword(text, emotion)
    assert (text[slice(*span)] if span else None) == word


@pytest.mark.parametrize(
    ("text", "word", "partner", "match"),
    [
        ("I am grateful for the tea.", "grateful", "I am ready for the tea.", "ready"),
        ("I am grateful for the tea.", "grateful", "You look quite ready for the tea.", "ready"),
        ("I am very sorry, Tom.", "sorry", "I am very busy, Tom.", "busy"),
        ("Tom was fed up on Monday.", "fed up", "Tom was at home on Monday.", "at home"),
        ("Sorry, the bus is late.", "Sorry", "the bus is late.", None),
    ],
)
def test_the_match_stands_where_the_emotion_word_stands(text, word, partner, match):
    start = text.index(word)
    found = match_span(text, (start, start + len(word)), partner)
    if match == "ready" and partner.startswith("You"):
        assert found is not None  # a stretch of other length: any word of it
        return
    assert (partner[slice(*found)] if found else None) == match


def test_pairs_get_their_match_span_on_load(write):
    lines = [
        {"text": "I am angry today.", "emotion": "anger", "pair_id": "p"},
        {"text": "I am busy today.", "emotion": "neutral", "pair_id": "p"},
    ]
    table = load_prompts(write("\n".join(map(json.dumps, lines)), "mine.jsonl"))
    assert table.loc[0, ["emotion_start", "emotion_end", "match_start", "match_end"]].tolist() == [
        5,
        10,
        5,
        9,
    ]
    assert table["split"].nunique() == 1


# --- splits


def frame(n_groups: int, size: int) -> pd.DataFrame:
    rows = [
        {"text": f"text {g} {i}", "emotion": ["anger", "neutral"][g % 2], "group": f"g{g}", "pair_id": None}
        for g in range(n_groups)
        for i in range(size)
    ]
    return pd.DataFrame(rows)


def test_splits_have_the_stated_shares_per_emotion_and_never_cut_a_group():
    table = frame(100, 3)
    table["split"] = grouped_splits(table)
    assert (table.groupby("group")["split"].nunique() == 1).all()
    for _, rows in table.groupby("emotion"):
        shares = rows["split"].value_counts(normalize=True)
        for name, share in SPLITS.items():
            assert shares[name] == pytest.approx(share, abs=0.03)


def test_splits_do_not_depend_on_the_order_of_the_rows_but_on_the_seed():
    table = frame(40, 2)
    split = grouped_splits(table)
    shuffled = table.sample(frac=1, random_state=3)
    pd.testing.assert_series_equal(grouped_splits(shuffled).sort_index(), split)
    assert (grouped_splits(table, seed=1) != split).any()


def test_pairs_and_repeated_texts_join_groups():
    table = pd.DataFrame(
        {
            "text": ["a", "b", "c", "A!", "d"],
            "group": ["1", "1", "2", "3", "4"],
            "pair_id": [None, "p", "p", None, None],
        }
    ).assign(emotion="anger")
    assert grouped_splits(table).iloc[:4].nunique() == 1
    assert connected_groups(table, ["group", "pair_id"]).tolist() == [0, 0, 0, 1, 2]


# --- the project's own profiles


def test_an_unknown_profile_lists_those_there_are():
    with pytest.raises(UserError, match='did you mean "baseline"'):
        load_profile("basline")


@pytest.mark.parametrize("name", list(EVERY_SET))
def test_every_profile_loads_and_keeps_its_groups_in_one_split(name):
    table = load_profile(name)
    assert table["id"].is_unique
    assert (table.groupby("group")["split"].nunique() == 1).all()
    spans = table.dropna(subset=["emotion_start"])
    for row in spans.itertuples():
        word = row.text[row.emotion_start : row.emotion_end]
        assert word == word.strip() != ""


def test_prompts_are_a_set_a_file_a_table_or_texts(write):
    pd.testing.assert_frame_equal(prompt_set("smoke"), load_profile("smoke"))
    table = prompt_set(
        str(write("line,mood\nThank you.,glad\n")), text="line", label="mood", label_map={"glad": "gratitude"}
    )
    assert table[["text", "emotion"]].to_numpy().tolist() == [["Thank you.", "gratitude"]]
    assert prompt_set(table) is table
    assert prompt_set(("a", "b")).to_dict("list") == {"id": ["text 0", "text 1"], "text": ["a", "b"]}
    listed = prompt_set().set_index("name")["prompts"]
    assert listed.to_dict() == {name: len(load_profile(name)) for name in EVERY_SET}
    with pytest.raises(UserError, match=r'There is no profile "implict": did you mean "implicit"'):
        prompt_set("implict")


def test_where_emotions_are_needed_texts_alone_are_refused():
    pd.testing.assert_frame_equal(labelled_set("smoke"), load_profile("smoke"))
    with pytest.raises(UserError, match='no column "emotion": name a prompt set'):
        labelled_set(["Thank you."])
    with pytest.raises(UserError, match='no column "split"'):
        labelled_set(load_profile("smoke").drop(columns="split"))

"""Labels of anybody's file: how they are read, which stands as the reference, and which are refused in one sentence."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.core.emotions import emotions_of, has_reference, labels_of, others_of
from emotion_utils.core.errors import UserError
from emotion_utils.prompts.labels import MOST, check_labels, fold, read_labels
from emotion_utils.prompts.loading import load_prompts
from emotion_utils.prompts.splits import SPLITS


def read(*values, **options):
    return read_labels(values, range(2, 2 + len(values)), "mood", "mine.csv", **options)


def refused(*values, **options) -> str:
    with pytest.raises(UserError) as caught:
        read(*values, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def write(path, labels, per_label: int = 6):
    rows = [f"{label} text {i},{label}" for label in labels for i in range(per_label)]
    path.write_text("text,emotion\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_case_width_and_spaces_make_no_difference_and_the_first_spelling_is_shown():
    assert read("Joy", " joy", "JOY  ", "ｊｏｙ", "deep  sea", "Deep Sea") == ["Joy"] * 4 + ["deep sea"] * 2
    assert read("ANGER", "Neutral") == ["anger", "neutral"]
    assert (fold(" Ｆear "), fold(None), fold(float("nan"))) == ("fear", "", "")


def test_numbers_and_other_scripts_are_labels():
    assert read(1, 2, 1) == ["1", "2", "1"]
    assert read("喜び", "悲しみ", "Тоска", "grief-stricken", "so-so", "don't know") == [
        *["喜び", "悲しみ", "Тоска", "grief-stricken", "so-so", "don't know"]
    ]


def test_a_map_renames_joins_and_leaves_out():
    found = read("glad", "happy", "sad", "odd", label_map={"Glad": "joy", "HAPPY": "joy", "odd": None})
    assert found == ["joy", "joy", "sad", None]
    assert '"glum", which mine.csv does not have' in refused("glad", "sad", label_map={"glum": "x"})
    assert "None to leave its rows out" in refused("glad", "sad", label_map={"glad": "  "})


def test_two_spellings_of_a_label_have_one_name():
    same = {"joy": "happy", "JOY ": "happy", "sad": "low"}
    assert read("joy", "sad", label_map=same) == ["happy", "low"]
    told = refused("joy", "sad", label_map={"joy": "happy", "Joy": "glad"})
    assert "'joy' to 'happy' and, spelled 'Joy', to 'glad'" in told


def test_the_reference_is_neutral_in_tables_whatever_the_file_calls_it():
    assert read("joy", "Calm", "calm", reference="CALM") == ["joy", "neutral", "neutral"]
    assert read("joy", "neutral") == ["joy", "neutral"]
    assert read("joy", "neutral", reference="neutral") == ["joy", "neutral"]
    assert read("joy", "calm") == read("joy", "calm", reference=None) == read("joy", "calm", reference="none")
    assert read("joy", "ok", label_map={"ok": "calm"}, reference="calm") == ["joy", "neutral"]


def test_a_reference_that_is_not_there_and_two_references_are_refused():
    said = refused("joy", "calm", reference="clam")
    assert said.startswith('The reference "clam" is not a label of mine.csv')
    assert 'did you mean "calm"' in said
    assert 'has texts of "neutral"' in refused("joy", "neutral", "calm", reference="calm")
    assert 'has texts of "neutral"' in refused("joy", "neutral", reference="none")


@pytest.mark.parametrize("label", ["😊", "<b>joy</b>", "a" * 41, "_", "joy\u202egniht", "a,b"])
def test_a_label_that_cannot_stand_in_a_table_is_named_with_its_line(label):
    said = refused("joy", label)
    assert said.startswith("mine.csv, line 3: the label")
    assert "label_map={" in said


def test_a_blank_label_is_named_with_line_and_column():
    assert refused("joy", " ") == (
        "mine.csv, line 3: the label in column 'mood' is blank; fill it or remove the row."
    )


def test_thirty_labels_are_read_and_thirty_one_are_not():
    names = [f"label {i}" for i in range(MOST + 1)]
    assert read(*names[:MOST]) == names[:MOST]
    said = refused(*names)
    assert "31 labels" in said
    assert "at most 30" in said
    assert len(set(read(*names, label_map={"label 0": "label 1"}))) == MOST
    assert read(*names, label_map={"label 0": None})[0] is None


def test_labels_of_a_table_stand_in_the_books_order_and_others_by_name(tmp_path):
    path = write(tmp_path / "mine.csv", ["worry", "neutral", "joy", "apology", "anger"])
    table = load_prompts(path)
    assert labels_of(table) == ("anger", "apology", "joy", "worry", "neutral")
    assert emotions_of(table) == ("anger", "apology", "joy", "worry")


def test_what_a_label_is_compared_with(tmp_path):
    path = write(tmp_path / "mine.csv", ["worry", "calm", "joy"])
    alone, beside = load_prompts(path), load_prompts(path, reference="calm")
    assert (has_reference(alone), has_reference(beside)) == (False, True)
    assert set(alone.loc[others_of(alone, "joy"), "emotion"]) == {"worry", "calm"}
    assert set(beside.loc[others_of(beside, "joy"), "emotion"]) == {"neutral"}


def test_one_label_is_too_few(tmp_path):
    table = load_prompts(write(tmp_path / "mine.csv", ["joy"]))
    with pytest.raises(
        UserError, match=r'All 6 texts of mine\.csv have the label "joy": at least two labels'
    ):
        check_labels(table, "mine.csv")


def test_two_texts_of_a_label_are_too_few_and_five_are_enough(tmp_path):
    path = write(tmp_path / "mine.csv", ["joy", "worry"], 5)
    table = load_prompts(path)
    check_labels(table, "mine.csv")
    counts = pd.crosstab(table["emotion"], table["split"])
    assert counts[list(SPLITS)].to_numpy().min() >= 1
    few = load_prompts(write(tmp_path / "mine.csv", ["joy", "worry"], 2))
    with pytest.raises(
        UserError, match=r'mine\.csv has 2 texts of "joy", none of them in the split .*least five'
    ):
        check_labels(few, "mine.csv")
    check_labels(few, "mine.csv", splits=False)


def test_a_label_without_a_text_in_a_split_is_named(tmp_path):
    path = tmp_path / "mine.csv"
    rows = [
        f"{label} {split} {i},{label},{split}"
        for label in ("joy", "worry")
        for split in SPLITS
        for i in range(3)
        if (label, split) != ("worry", "select")
    ]
    path.write_text("text,emotion,split\n" + "\n".join(rows) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match='6 texts of "worry", none of them in the split select'):
        check_labels(load_prompts(path), "mine.csv")

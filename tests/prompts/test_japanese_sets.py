"""The Japanese prompt sets: counts, splits, spans and pairs as in English; native writing; no near copies."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict

import pandas as pd
import pytest

from emotion_utils.core.emotions import EMOTIONAL, EMOTIONS
from emotion_utils.core.paths import PROMPTS
from emotion_utils.prompts.duplicates import exact_duplicates, near_duplicates
from emotion_utils.prompts.keywords import find_keyword, match_span, words_with_spans
from emotion_utils.prompts.loading import JAPANESE_SETS, load_profile, load_prompts, prompt_set
from emotion_utils.smallworld import load_grammar
from emotion_utils.smallworld.vignettes import build_implicit

SPLITS = ("build", "select", "test")


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


ROWS = {name: read(PROMPTS / f"{name}.jsonl") for name in ("ja", "ja_implicit")}
ENGLISH = [row for path in PROMPTS.glob("*.jsonl") if path.stem not in ROWS for row in read(path)]
# Written out by hand, not taken from the package: what names an emotion.
NAMES = {
    "gratitude": re.compile("ありがと|ありがた|感謝|お礼|恩に着"),
    "anger": re.compile("激?怒|憤|腹が立|腹立|頭にき|むかつ|いらいら|許せ|許しがた"),
    "apology": re.compile("申し訳|ごめん|すみません|すまない|謝罪|謝[りる]|お?詫び|許して|後悔"),
}
JAPANESE = re.compile("[ぁ-ヿ一-鿿々ー、。！「」]+")


def pairs(name):
    neutral = {row["pair_id"]: row for row in ROWS[name] if row["emotion"] == "neutral"}
    return [(row, neutral[row["pair_id"]]) for row in ROWS[name] if row["emotion"] != "neutral"]


@pytest.mark.parametrize("name", ROWS)
def test_rows_have_the_columns_of_every_set_and_are_written_in_japanese(name):
    topics = {row["topic"] for row in ENGLISH}
    for row in ROWS[name]:
        assert list(row) == list(ENGLISH[0])
        assert row["emotion"] in EMOTIONS
        assert row["topic"] in topics
        assert row["lang"] == "ja"
        assert JAPANESE.search(row["text"])
        assert not re.search(r"\s", row["text"])
    if name == "ja":
        assert all(JAPANESE.fullmatch(row["text"]) for row in ROWS[name])


def test_there_are_seventy_of_each_emotion_and_72_vignettes_with_a_twin():
    assert Counter(row["emotion"] for row in ROWS["ja"]) == dict.fromkeys(EMOTIONS, 70)
    counts = Counter(row["emotion"] for row in ROWS["ja_implicit"])
    assert counts == {**dict.fromkeys(EMOTIONAL, 72), "neutral": 216}


@pytest.mark.parametrize("name", ROWS)
def test_no_text_is_told_twice_or_nearly(name):
    table = pd.DataFrame(ROWS[name])
    assert exact_duplicates(table).empty
    assert near_duplicates(table).empty


def test_ids_and_groups_are_those_of_no_other_set():
    every = [*ENGLISH, *ROWS["ja"], *ROWS["ja_implicit"]]
    assert len({row["id"] for row in every}) == len(every)
    homes = defaultdict(set)
    for row in every:
        homes[row["group"]].add(row["split"])
    assert [group for group, splits in homes.items() if len(splits) > 1] == []
    templates = defaultdict(set)
    for row in [*ROWS["ja"], *ROWS["ja_implicit"]]:
        templates[row["emotion"], row["template"]].add(row["split"])
    assert [template for template, splits in templates.items() if len(splits) > 1] == []


@pytest.mark.parametrize("name", ROWS)
def test_splits_are_about_60_20_20_per_emotion(name):
    for emotion in EMOTIONS:
        counts = Counter(row["split"] for row in ROWS[name] if row["emotion"] == emotion)
        assert 0.55 <= counts["build"] / counts.total() <= 0.68
        assert all(0.15 <= counts[split] / counts.total() <= 0.25 for split in SPLITS[1:])


@pytest.mark.parametrize("name", ROWS)
def test_pairs_are_complete(name):
    members = defaultdict(list)
    for row in ROWS[name]:
        members[row["pair_id"]].append(row)
    for rows in members.values():
        emotions = sorted(row["emotion"] for row in rows)
        assert emotions == sorted(EMOTIONS) if name == "ja" else emotions.count("neutral") == 1
        assert len({(row["split"], row["topic"], row["register"]) for row in rows}) == 1


def test_emotional_prompts_name_their_emotion_and_no_other():
    for row in ROWS["ja"]:
        named = {emotion for emotion, pattern in NAMES.items() if pattern.search(row["text"])}
        assert named == ({row["emotion"]} - {"neutral"}), row["text"]
        assert row["keyword"] == bool(named)
        if named:
            word = row["text"][row["emotion_start"] : row["emotion_end"]]
            assert NAMES[row["emotion"]].match(word), row["text"]
    for row in ROWS["ja_implicit"]:
        assert not any(pattern.search(row["text"]) for pattern in NAMES.values()), row["text"]
        assert not row["keyword"]
        assert row["emotion_start"] is None
        assert row["match_start"] is None


def test_the_match_is_a_run_of_one_script_in_the_neutral_partner():
    scripts = [re.compile(f"[{letters}]+") for letters in ("一-鿿々", "ぁ-ゖー", "ァ-ヺー")]
    found = 0
    for row, partner in pairs("ja"):
        span = (row["emotion_start"], row["emotion_end"])
        match = match_span(row["text"], span, partner["text"])
        assert match == (None if row["match_start"] is None else (row["match_start"], row["match_end"]))
        if match:
            found += 1
            runs = [run.span() for script in scripts for run in script.finditer(partner["text"])]
            assert {match[0], match[1]} <= {end for run in runs for end in run}
    assert found >= 0.95 * 210


def test_japanese_words_are_runs_of_one_script_and_other_words_stay_whole():
    words = [
        word for word, _ in words_with_spans("3時のMTGはカレーの会議室で、the cat's well-known 12 pies.")
    ]
    assert words == [
        "3",
        "時",
        "の",
        "MTG",
        "は",
        "カレー",
        "の",
        "会議室",
        "で",
        "the",
        "cat's",
        "well-known",
        "12",
        "pies",
    ]
    assert find_keyword("感謝と謝罪", "apology", "ja") == (3, 5)
    assert find_keyword("thank you", "gratitude", "ja") is None
    assert find_keyword("thank you", "gratitude", "xx") == (0, 5)


def test_implicit_is_what_the_small_world_gives_and_the_grammar_agrees_with_it():
    assert ROWS["ja_implicit"] == build_implicit("ja")
    grammar = load_grammar("ja")
    for row in ROWS["ja_implicit"][::9]:
        assert grammar.posterior(row["text"])[row["emotion"]] == pytest.approx(1), row["text"]


def test_implicit_twins_end_in_the_same_words_before_the_same_speech():
    for row, partner in pairs("ja_implicit"):
        assert row["text"].endswith("「")
        assert row["text"].rsplit("。", 1)[1] == partner["text"].rsplit("。", 1)[1]
        assert row["template"] != partner["template"]


def test_they_are_loaded_by_name_and_completed_as_they_are(tmp_path):
    assert set(JAPANESE_SETS) == set(ROWS) <= set(prompt_set()["name"])
    table = load_profile("ja")
    spans = ["emotion_start", "emotion_end", "match_start", "match_end"]
    bare = pd.DataFrame(ROWS["ja"]).drop(columns=[*spans, "keyword"])
    bare.to_json(tmp_path / "bare.jsonl", orient="records", lines=True, force_ascii=False)
    found = load_prompts(tmp_path / "bare.jsonl")
    pd.testing.assert_frame_equal(found, table)
    assert set(load_profile("ja_implicit")["lang"]) == {"ja"}

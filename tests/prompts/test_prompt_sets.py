"""The committed prompt sets hold what the book says of them: counts, spans, splits and matched partners."""

from __future__ import annotations

import json
import re
import runpy
from collections import Counter, defaultdict

import pytest

from emotion_utils.core.emotions import EMOTIONAL, EMOTIONS
from emotion_utils.core.paths import PROMPTS
from emotion_utils.smallworld.vignettes import build_implicit

POWERED = runpy.run_path(str(PROMPTS / "powered.py"))

KEYS = [
    "id",
    "text",
    "emotion",
    "template",
    "group",
    "topic",
    "register",
    "lang",
    "keyword",
    "split",
    "pair_id",
    "emotion_start",
    "emotion_end",
    "match_start",
    "match_end",
]
COUNTS = {"smoke": 4, "baseline": 70, "extended": 100, "powered": 240}
PAIRED = {"implicit": 72, "unfamiliar": 48, "minimal_pairs": 40, "real_world": 11}
SETS = [*COUNTS, *PAIRED]
SPLITS = ("build", "select", "test")
TOPICS = {
    *["home", "kitchen", "school", "office", "travel", "garden", "sport", "music", "money"],
    *["health", "technology", "town", "shopping", "family"],
}
# Written out by hand, not taken from the package: the forms that name an emotion.
FORMS = {
    "gratitude": "thank thanks thanked thankful grateful gratitude appreciate appreciates appreciated",
    "anger": "angry anger furious mad annoyed annoying outraged outrageous",
    "apology": "sorry apologize apologized apologise apology apologies forgive regret regrets pardon",
}
NAMES = {emotion: {*forms.split()} for emotion, forms in FORMS.items()}
STEMS = re.compile(
    r"thank|grat[ei]|appreciat|angr|anger|furious|\bmad\b|annoy|outrag|fed up"
    r"|sorry|apolog|forg[ai]v|regret|pardon|excuse me",
    re.IGNORECASE,
)

PRONOUNS = {
    *["i", "me", "my", "mine", "myself", "you", "your", "yours", "yourself", "we", "us", "our", "ours"],
    *["he", "him", "his", "she", "her", "hers", "they", "them", "their", "theirs"],
}


def read(name: str) -> list[dict]:
    lines = (PROMPTS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


ROWS = {name: read(name) for name in SETS}
ALL = [row for rows in ROWS.values() for row in rows]


def plain(text: str) -> str:
    """Text without case, punctuation and repeated spaces."""
    return " ".join(re.findall(r"\w+", text.lower()))


def words(text: str) -> list[str]:
    return [word.strip(".,:;?!") for word in text.split()]


def cut(row: dict, kind: str, text: str) -> str | None:
    start, end = row[f"{kind}_start"], row[f"{kind}_end"]
    return None if start is None else text[start:end]


def pairs(name: str) -> list[tuple[dict, dict]]:
    """Each emotional row with its neutral partner."""
    neutral = {row["pair_id"]: row for row in ROWS[name] if row["emotion"] == "neutral"}
    return [(row, neutral[row["pair_id"]]) for row in ROWS[name] if row["emotion"] != "neutral"]


@pytest.mark.parametrize("name", SETS)
def test_schema(name: str) -> None:
    for row in ROWS[name]:
        assert list(row) == KEYS
        assert row["emotion"] in EMOTIONS
        assert row["split"] in SPLITS
        assert row["topic"] in TOPICS
        assert row["lang"] == "en"
        assert isinstance(row["keyword"], bool)
        assert row["text"] == row["text"].strip()
        assert row["text"][0].isupper()


@pytest.mark.parametrize("name", COUNTS)
def test_counts_of_profiles(name: str) -> None:
    counts = Counter(row["emotion"] for row in ROWS[name])
    assert counts == dict.fromkeys(EMOTIONS, COUNTS[name])


@pytest.mark.parametrize("name", PAIRED)
def test_counts_of_paired_sets(name: str) -> None:
    counts = Counter(row["emotion"] for row in ROWS[name])
    emotional = [counts[emotion] for emotion in EMOTIONAL]
    assert min(emotional) >= PAIRED[name]
    assert counts["neutral"] == sum(emotional)


def test_real_world_has_35_texts_in_three_registers() -> None:
    emotional = [row for row, _ in pairs("real_world")]
    assert len(emotional) == 35
    assert set(Counter(row["register"] for row in emotional)) == {"social", "review", "mail"}


@pytest.mark.parametrize("name", SETS)
def test_texts_and_ids_are_unique(name: str) -> None:
    assert len({plain(row["text"]) for row in ROWS[name]}) == len(ROWS[name])
    assert len({row["id"] for row in ROWS[name]}) == len(ROWS[name])


def test_sets_share_no_text_except_smoke() -> None:
    texts = [plain(row["text"]) for name in SETS if name != "smoke" for row in ROWS[name]]
    assert len(set(texts)) == len(texts)
    baseline = {plain(row["text"]) for row in ROWS["baseline"]}
    assert {plain(row["text"]) for row in ROWS["smoke"]} <= baseline
    assert len(baseline | {plain(row["text"]) for row in ROWS["extended"]}) == 680
    assert len({row["id"] for row in ALL}) == len(ALL)


@pytest.mark.parametrize("name", SETS)
def test_emotion_span_is_the_emotion_word(name: str) -> None:
    for row in ROWS[name]:
        word = cut(row, "emotion", row["text"])
        assert row["keyword"] == (word is not None)
        if word is not None:
            assert word.lower() in NAMES[row["emotion"]] | (
                {"fed up"} if row["emotion"] == "anger" else set()
            )
            before, after = row["text"][: row["emotion_start"]][-1:], row["text"][row["emotion_end"]]
            assert not before.isalnum()
            assert not after.isalnum()


@pytest.mark.parametrize("name", ["smoke", "baseline", "extended", "powered", "minimal_pairs"])
def test_emotional_prompts_name_their_emotion_and_no_other(name: str) -> None:
    for row, _ in pairs(name):
        assert row["keyword"]
        named = {word.lower() for word in words(row["text"])}
        others = set().union(*(NAMES[emotion] for emotion in NAMES if emotion != row["emotion"]))
        assert not named & others, row["text"]


def test_no_keyword_in_neutral_or_implicit() -> None:
    for row in ALL:
        if row["emotion"] == "neutral" or row["id"].startswith(("implicit", "unfamiliar")):
            assert not STEMS.search(row["text"]), row["text"]
            assert not row["keyword"]
            assert row["match_start"] is None


def test_keyword_flag_of_real_world_is_right() -> None:
    for row in ROWS["real_world"]:
        assert row["keyword"] == bool(STEMS.search(row["text"])), row["text"]


def test_groups_never_cross_splits() -> None:
    homes = defaultdict(set)
    for row in ALL:
        homes[row["group"]].add(row["split"])
    assert [group for group, splits in homes.items() if len(splits) > 1] == []


def test_a_template_stays_in_one_split() -> None:
    homes = defaultdict(set)
    for row in ALL:
        homes[row["emotion"], row["template"]].add(row["split"])
    assert [template for template, splits in homes.items() if len(splits) > 1] == []


def test_no_near_copy_across_splits() -> None:
    bags = [(row["split"], frozenset(plain(row["text"]).split()), row["id"]) for row in ALL]
    by_split = {split: [bag for bag in bags if bag[0] == split] for split in SPLITS}
    close = [
        (one[2], other[2])
        for first, second in (("build", "select"), ("build", "test"), ("select", "test"))
        for one in by_split[first]
        for other in by_split[second]
        if len(one[1] & other[1]) >= 0.8 * len(one[1] | other[1])
    ]
    assert close == []


@pytest.mark.parametrize("name", SETS)
def test_splits_are_about_60_20_20_per_emotion(name: str) -> None:
    for emotion in EMOTIONS:
        counts = Counter(row["split"] for row in ROWS[name] if row["emotion"] == emotion)
        total = sum(counts.values())
        assert all(counts[split] for split in SPLITS)
        if name != "smoke":
            assert 0.55 <= counts["build"] / total <= 0.68
            assert all(0.15 <= counts[split] / total <= 0.25 for split in ("select", "test"))


@pytest.mark.parametrize("name", SETS)
def test_pairs_are_complete(name: str) -> None:
    members = defaultdict(list)
    for row in ROWS[name]:
        members[row["pair_id"]].append(row)
    assert None not in members
    for rows in members.values():
        emotions = sorted(row["emotion"] for row in rows)
        assert emotions.count("neutral") == 1
        assert len(rows) == 2 if name in PAIRED else emotions == sorted(EMOTIONS)
        assert len({(row["split"], row["topic"], row["register"]) for row in rows}) == 1


@pytest.mark.parametrize("name", ["smoke", "baseline", "extended", "powered", "real_world"])
def test_match_is_the_word_at_the_same_position(name: str) -> None:
    for row, partner in pairs(name):
        if row["keyword"]:
            first = len(row["text"][: row["emotion_start"]].split())
            count = len(cut(row, "emotion", row["text"]).split())
            match = cut(row, "match", partner["text"])
            assert match.split() == words(partner["text"])[first : first + count], row["text"]


def test_minimal_pairs_differ_in_the_emotion_word_alone() -> None:
    for row, partner in pairs("minimal_pairs"):
        frame = row["text"][: row["emotion_start"]], row["text"][row["emotion_end"] :]
        other = partner["text"][: row["match_start"]], partner["text"][row["match_end"] :]
        assert frame == other
        assert cut(row, "match", partner["text"]).isalpha()


@pytest.mark.parametrize("name", ["implicit", "unfamiliar"])
def test_implicit_twins_differ_in_one_clause_that_is_not_the_last(name: str) -> None:
    for row, partner in pairs(name):
        one, other = row["text"].split(), partner["text"].split()
        head = next(k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
        tail = next(k for k, (a, b) in enumerate(zip(one[::-1], other[::-1], strict=False)) if a != b)
        middles = one[head : len(one) - tail], other[head : len(other) - tail]
        assert tail >= 3, row["text"]
        for middle in middles:
            assert middle
            assert ". " not in " ".join(middle), row["text"]


def test_unfamiliar_twins_have_the_same_pronouns_and_almost_the_same_length() -> None:
    for row, partner in pairs("unfamiliar"):
        one, other = (plain(text).split() for text in (row["text"], partner["text"]))
        used = [Counter(word for word in text if word in PRONOUNS) for text in (one, other)]
        assert used[0] == used[1], row["text"]
        assert abs(len(one) - len(other)) <= 2, row["text"]


def test_lengths_are_those_of_short_utterances() -> None:
    baseline = [len(row["text"]) for row in ROWS["baseline"]]
    extended = [len(row["text"]) for row in ROWS["extended"]]
    assert sum(baseline) / 280 == pytest.approx(27.7, rel=0.1)
    assert sum(extended) / 400 == pytest.approx(33.0, rel=0.1)


def test_powered_is_what_its_templates_give() -> None:
    assert ROWS["powered"] == POWERED["build_powered"]()


def test_implicit_is_what_the_small_world_gives() -> None:
    assert ROWS["implicit"] == build_implicit()


def test_implicit_twins_end_in_the_same_words_before_the_same_speech() -> None:
    for row, partner in pairs("implicit"):
        assert row["text"].endswith(":")
        assert words(row["text"])[-4:] == words(partner["text"])[-4:]
        assert len({row["template"], partner["template"]}) == 2


def test_matched_span_counts_words() -> None:
    matched_span = POWERED["matched_span"]
    assert matched_span("I am fed up now.", (5, 11), "We sit, and wait.") == (8, 16)
    assert matched_span("Well, I am sorry.", (11, 16), "It is.") is None

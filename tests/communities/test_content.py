"""The content is whole and natural enough to be told apart; one that is not is refused by name."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections import Counter

import pytest
import yaml

from emotion_utils.communities.content import CONTENT, FILES, load_communities, read_content
from emotion_utils.core.errors import UserError
from emotion_utils.core.sources import module_sources


def test_there_are_enough_communities_concepts_and_spellings():
    content = load_communities()
    assert len(content.communities) >= 20
    assert len(content.concepts) >= 50
    assert {len(own.spellings) for own in content.concepts.values()} <= {3, 4, 5}
    assert min(len(own.sentences) for own in content.concepts.values()) >= 3
    assert min(len(own.jargon) for own in content.communities) >= 4
    assert min(len(own.styles) for own in content.communities) >= 3


def test_no_concept_gives_its_community_away_and_no_two_communities_speak_of_the_same():
    content = load_communities()
    used = Counter(concept.key for own in content.communities for concept in own.concepts)
    assert set(used) == set(content.concepts)
    assert min(used.values()) >= 3
    topics = [{concept.key for concept in own.concepts} for own in content.communities]
    shared = [len(a & b) for i, a in enumerate(topics) for b in topics[:i]]
    assert max(shared) <= 5


def test_scripts_of_spellings_differ():
    def script(text):
        return {unicodedata.name(character).split()[0] for character in text if character.isalpha()}

    content = load_communities()
    kinds = Counter(
        kind for own in content.concepts.values() for text in own.spellings for kind in script(text)
    )
    assert {"CJK", "KATAKANA", "HIRAGANA", "LATIN"} <= set(kinds)
    several = [
        len({frozenset(script(text)) for text in own.spellings}) > 1 for own in content.concepts.values()
    ]
    assert sum(several) / len(several) > 0.9


def test_all_texts_are_japanese_and_unchanged_by_nfkc():
    japanese = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
    for name in FILES:
        text = (CONTENT / f"{name}.yaml").read_text(encoding="utf-8")
        assert unicodedata.normalize("NFKC", text) == text
    sentences = [text for own in load_communities().concepts.values() for text in own.sentences]
    assert [text for text in sentences if not japanese.search(text)] == []
    assert len(set(sentences)) == len(sentences)


def test_the_code_that_reads_the_content_stands_on_it():
    assert CONTENT / "concepts.yaml" in module_sources(["emotion_utils.communities.drawing"])


def changed(tmp_path, name, change):
    folder = tmp_path / "content"
    shutil.copytree(CONTENT, folder)
    path = folder / f"{name}.yaml"
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(raw)
    path.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    return folder


WRONG = {
    "two spellings": (
        "concepts",
        lambda raw: raw["meeting"].update(variants=["会議", "MTG"]),
        r"concepts.yaml, meeting: 会議 and MTG are not 3 to 5 different spellings",
    ),
    "one spelling twice": (
        "concepts",
        lambda raw: raw["meeting"].update(variants=["会議", "MTG", "ＭＴＧ"]),
        "are not 3 to 5 different spellings",
    ),
    "inside another": (
        "concepts",
        lambda raw: raw["meeting"]["variants"].__setitem__(0, "定例会議"),
        '"会議" also stands in .定例会議.',
    ),
    "inside a sentence": (
        "areas",
        lambda raw: raw["work"].append("会議室が空きません。"),
        'concepts.yaml, meeting: "会議" also stands in .会議室が空きません',
    ),
    "no slot": (
        "styles",
        lambda raw: raw["polite"]["one"].append("それだけです。"),
        "styles.yaml, polite, one: .それだけです。. must name 1 to 1 concepts",
    ),
    "unknown concept": (
        "communities",
        lambda raw: raw["cars"]["concepts"].append("batery"),
        'communities.yaml, cars: there is no "batery": did you mean "battery"',
    ),
    "shared jargon": (
        "communities",
        lambda raw: raw["cars"]["jargon"].update({"輪行": "<a>の袋を積みました。"}),
        'communities.yaml, cars: "輪行" is a word of cycling too',
    ),
    "nothing": ("areas", lambda raw: raw.clear(), "communities.yaml, appliances: there is no .home."),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_is_named(tmp_path, what):
    name, change, said = WRONG[what]
    with pytest.raises(UserError, match=said):
        read_content(changed(tmp_path, name, change))


def test_a_damaged_or_missing_file_is_named(tmp_path):
    folder = changed(tmp_path, "areas", dict.keys)
    (folder / "styles.yaml").write_text("polite: [", encoding="utf-8")
    with pytest.raises(UserError, match=r"styles.yaml cannot be read"):
        read_content(folder)
    (folder / "styles.yaml").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match=r"styles.yaml names nothing"):
        read_content(folder)
    (folder / "styles.yaml").unlink()
    with pytest.raises(UserError, match=r"styles.yaml cannot be read"):
        read_content(folder)

"""Several judges of one text: votes by hand, and what a rule without training says."""

from __future__ import annotations

from functools import partial

import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from emotion_utils.models import registry
from emotion_utils.models.model import load as load_model
from emotion_utils.scoring import make_panel, marked_emotions, own_panel, reply_emotions, text_judge
from emotion_utils.scoring import panel as module
from emotion_utils.scoring.panel import BOTH, MARKERS, RULE, WORDS, OwnPanel, Panel


def test_two_of_three_decide_and_else_markers_and_sentiment():
    texts = ["a", "b", "c", "d", "e"]
    panel = Panel(
        {
            WORDS: lambda _: ["anger", "anger", "neutral", "undecided", "gratitude"],
            MARKERS: lambda _: ["anger", "neutral", "apology", "undecided", "undecided"],
            "probe": lambda _: ["neutral", "anger", "gratitude", "neutral", "apology"],
        }
    )
    assert panel(texts) == ["anger", "anger", "apology", None, None]
    table = panel.verdicts(texts)
    assert list(table) == ["text", WORDS, MARKERS, "probe", RULE]
    assert table[RULE].tolist() == ["anger", "anger", "apology", "undecided", "undecided"]
    assert panel.names == [WORDS, MARKERS, "probe", RULE]


def test_a_text_that_repeats_itself_from_the_beginning_says_nothing():
    loop, late = (
        "I'm sorry, " * 6,
        "I'm sorry that I broke your best glass, Anna. It fell down. " + "Yes. " * 20,
    )
    texts = [loop, late, "Sorry, sorry!", ""]
    # of the ten runs of three words in the twelve of the loop two are new; of the late one all that count are
    assert module.loops(texts).tolist() == [True, False, False, False]
    panel = Panel({WORDS: lambda t: ["apology"] * len(t), MARKERS: lambda t: ["apology"] * len(t)})
    assert panel(texts) == [None, "apology", "apology", "apology"]


def test_beside_words_alone_markers_decide():
    panel = Panel({WORDS: lambda _: ["anger", "neutral"], MARKERS: lambda _: ["neutral", "neutral"]})
    assert panel(["a", "b"]) == ["neutral", "neutral"]


def test_a_panel_without_a_reader_says_why():
    panel = make_panel(left_out="There is no other model.")
    assert list(panel.judges) == [WORDS, MARKERS]
    assert panel.left_out == "There is no other model."
    assert panel(['"Thank you very much," he said.', "", "I am sorry, it was my fault."]) == [
        "gratitude",
        None,
        "apology",
    ]
    assert panel([]) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Thank you for the soup.", "gratitude"),
        ("I am so sorry for the noise.", "apology"),
        ("I hate this awful noise.", "anger"),
        ("The bus leaves at noon.", "neutral"),
        ("What a wonderful day, I love it.", "neutral"),  # pleasant, and nobody is thanked
        ("Thank you, thank you, and sorry for the noise.", "gratitude"),
        ("Thank you, and sorry for the noise.", "undecided"),
        ('The bus leaves at noon." I hate this awful noise.', "neutral"),  # the first reply alone is read
        ("", "undecided"),
        ('"', "undecided"),
    ],
)
def test_markers_and_sentiment_follow_their_rule(text, says):
    assert marked_emotions([text]) == [says]


def test_no_texts_are_no_verdicts():
    assert marked_emotions([]) == []


def test_replies_of_the_small_world_are_told_by_their_opening():
    assert text_judge("small-gpt2") is reply_emotions


def test_texts_are_read_by_another_fetched_model_and_never_by_their_own(monkeypatch, tmp_path):
    asked = []

    def opened(name, device, separator):
        asked.append((name, separator))
        return load_model("small-gpt2")

    monkeypatch.setattr(module, "load", opened)
    untrained = partial(
        module.TextProbe, layer=0, pipeline=Pipeline([("none", None)]), folds=pd.Series([1.0])
    )
    monkeypatch.setattr(module, "train_probe", lambda model, **_: untrained(model))
    monkeypatch.setattr(registry, "fetched", lambda name: True)
    for own, reader in (
        ("smollm2-135m", "gemma3-270m"),
        ("gemma3-270m", "smollm2-135m"),
        (str(tmp_path / "smollm2-135m"), "gemma3-270m"),  # a copy of it
        ("gpt2", "smollm2-135m"),
    ):
        panel = text_judge(own)
        assert asked.pop() == (reader, "auto")
        assert list(panel.judges) == [WORDS, MARKERS, "probe on small-gpt2"]
        assert panel.left_out == ""


def test_without_another_model_it_says_how_to_fetch_one(monkeypatch):
    monkeypatch.setattr(registry, "fetched", lambda name: name == "smollm2-135m")
    panel = text_judge("smollm2-135m")
    assert list(panel.judges) == [WORDS, MARKERS]
    assert "`python -m emotion_utils fetch gemma3-270m`" in panel.left_out


def test_two_judges_of_own_labels_decide_where_they_agree_and_one_alone():
    judges = {WORDS: lambda _: ["joy", "joy", "undecided"], "probe": lambda _: ["joy", "worry", "undecided"]}
    panel = OwnPanel(judges)
    assert panel(["a", "b", "c"]) == ["joy", None, None]
    assert panel.names == [WORDS, "probe", BOTH]
    alone = OwnPanel({WORDS: judges[WORDS]})
    assert alone(["a", "b", "c"]) == ["joy", "joy", None]
    assert alone.names == [WORDS]


def test_a_text_without_spaces_that_repeats_itself_says_nothing_either():
    texts = [
        "ありがとう" * 5,
        "今日は朝から雨が降っているので傘を持って出かけた。",
        "Thank you, " * 4,
        "Thanks.",
    ]
    panel = OwnPanel({WORDS: lambda t: ["喜び"] * len(t)})
    # of the 22 runs of three characters in the first 24, five are new; of three words two or three are
    assert panel(texts) == [None, "喜び", None, "喜び"]


def test_the_judge_of_own_labels_reads_whole_texts_and_a_bundled_model_has_words_alone():
    said = {"joy": "sun songs dance", "worry": "rain debts doctor"}
    rows = [
        (f"{word} number {i}", label)
        for label, words in said.items()
        for i, word in enumerate(words.split() * 3)
    ]
    texts = pd.DataFrame(rows, columns=["text", "emotion"]).assign(group=range(18))
    panel = own_panel(texts, "small-gpt2")
    assert panel.names == [WORDS]
    assert panel.words.labels == ("joy", "worry")
    assert panel(
        ['"Number," he said. "Songs, songs, songs and debts and sun."', "rain and debts", "xyz"]
    ) == [
        "joy",
        "worry",
        None,
    ]


def test_a_probe_joins_where_it_tells_labels_apart_and_is_left_out_where_it_does_not(monkeypatch):
    texts = pd.DataFrame({"text": ["sun", "rain"] * 6, "emotion": ["joy", "worry"] * 6, "group": range(12)})
    monkeypatch.setattr(registry, "fetched", lambda name: True)
    monkeypatch.setattr(module, "load", lambda *_, **__: load_model("small-gpt2"))
    for share, joins in ((0.9, True), (0.5, False)):
        made = partial(
            module.TextProbe, layer=0, pipeline=Pipeline([("none", None)]), folds=pd.Series([share])
        )
        monkeypatch.setattr(module, "train_probe", lambda model, *_, made=made, **__: made(model))
        panel = own_panel(texts, "gpt2")
        assert (len(panel.judges) == 2) == joins
        assert bool(panel.left_out) != joins

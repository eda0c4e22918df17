"""The grammar on a world small enough to write out by hand, then the real one."""

import math
import re
from collections import Counter

import numpy as np
import pytest

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.core.errors import UserError
from emotion_utils.smallworld import load_grammar
from emotion_utils.smallworld.content import read_content
from emotion_utils.smallworld.corpus import documents
from emotion_utils.smallworld.grammar import Grammar
from emotion_utils.smallworld.languages import JAPANESE

TINY = {
    "lexicon.yaml": "thing: [cup, egg]\njob: [nurse]\n",
    "people.yaml": "male: [Tom]\nfemale: [Ann]\n",
    "events.yaml": """
gratitude: {home: [{text: "{A} gave {B.o} {gift.a:thing}.", deed: "giving me the {gift}", severity: minor}]}
ambiguous: {home: [{text: ["{A} took {B.gen} cup."], feels: {anger: 0.75, apology: 0.25}, severity: major}]}
""",
    "reactions.yaml": """
gratitude:
  - {text: "thank you for {deed}.", kw: true, int: mild, pol: polite}
  - {text: "how kind.", kw: false, int: mild, pol: polite}
anger: [{text: "go away.", kw: false, int: strong, pol: blunt}]
apology: [{text: "my fault.", kw: false, int: mild, pol: plain}]
neutral: [{text: "it is late.", kw: false, int: mild, pol: plain}]
""",
    "fillers.yaml": "fillers: {general: [it rained., a dog sat down.]}\n",
    "forms/story.yaml": """
register: story
formality: plain
forms:
  - {id: story_one, person: {A: name, B: name}, text: '{&event} {&fill:general 0-1} {B} said: "{&react}"'}
""",
}
LANGUAGES = ("en", "ja")
KEYWORDS = {  # written out by hand, not taken from the package
    "en": re.compile(
        r"\b(thank\w*|grateful\w*|gratitude|appreciat\w*|angry|anger\w*|furious\w*|mad|annoy\w*|outrage\w*|fed up"
        r"|sorry|apolog\w*|forgiv\w*|regret\w*|pardon)\b",
        re.I,
    ),
    "ja": re.compile(
        "ありがと|感謝|お礼|恩|怒|憤|腹が立|腹立|頭にき|むかつ|いらいら|許せ|許さ|許し"
        "|ごめん|すみません|すまな|申し訳|(?<!感)謝|詫び|後悔"
    ),
}
SIZE = {  # registers, templates beside fillers, words in training, ambiguous causes, longest document, marks that occur
    "en": (12, 300, 1500, 10, 1200, ["\n", "[", "(", "{", "- ", "1.", '"', "7"]),
    "ja": (12, 300, 1500, 10, 500, ["\n", "「", "（", "：", "・", "1.", "【", "7"]),
}


@pytest.fixture
def tiny(tmp_path):
    for name, text in TINY.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return Grammar(read_content(tmp_path))


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture(scope="module")
def sample(language):
    return list(documents(load_grammar(language), 1500, seed=11))


def test_probability_of_a_text_equals_the_product_worked_out_by_hand(tiny):
    # event 0.85/4 against 0.15, A then B of two names, "an egg", no filler, keyword reaction 0.35
    gratitude = (0.85 / 4) / (0.85 / 4 + 0.15)
    expected = gratitude * 0.5 * 1.0 * 0.5 * 0.5 * 0.35
    text = 'Tom gave Ann an egg. Ann said: "Thank you for giving me the egg."'
    assert tiny.log_prob(text) == pytest.approx(math.log(expected), abs=1e-12)
    with_filler = 'Tom gave Ann an egg. It rained. Ann said: "How kind."'
    assert tiny.log_prob(with_filler) == pytest.approx(
        math.log(gratitude * 0.5 * 0.5 * 0.25 * 0.65), abs=1e-12
    )


def test_the_probabilities_of_all_texts_add_up_to_one(tiny):
    rng = np.random.default_rng(0)
    texts = {tiny.sample(rng).text for _ in range(4000)}
    assert sum(math.exp(tiny.log_prob(text)) for text in texts) == pytest.approx(1.0, abs=1e-9)


def test_entropy_from_samples_agrees_with_the_exact_entropy(tiny):
    docs = [tiny.sample(np.random.default_rng([1, i])) for i in range(3000)]
    exact = -sum(math.exp(lp) * lp for lp in {d.text: tiny.log_prob(d.text) for d in docs}.values())
    assert -np.mean([d.logp for d in docs]) == pytest.approx(exact, abs=0.05)


@pytest.mark.parametrize(
    "wrong",
    [
        'Tom gave Tom an egg. Tom said: "How kind."',
        'Tom gave Ann a egg. Ann said: "How kind."',
        'Tom gave Ann an egg. Ann said: "Thank you for giving me the cup."',
        'Tom gave Ann an egg. Ann said: "Go away."',
        'Tom gave Ann an egg. Tom said: "How kind."',
        'Tom gave Ann an egg. Ann said: "How kind',
        'Tom gave Ann an egg.  Ann said: "How kind."',
    ],
)
def test_texts_outside_the_grammar_are_refused(tiny, wrong):
    assert not tiny.is_grammatical(wrong)
    assert tiny.log_prob(wrong) == -math.inf


def test_posterior_of_an_ambiguous_cause_is_the_stated_one(tiny):
    posterior = tiny.posterior("Tom took Ann's cup. A dog sat down. Ann said: \"", "train")
    assert posterior == pytest.approx({"gratitude": 0, "anger": 0.75, "apology": 0.25, "neutral": 0})
    early = tiny.posterior("Tom t", "train")
    assert early["anger"] == pytest.approx(0.75)
    with pytest.raises(UserError, match="No text of the small world"):
        tiny.posterior("Colourless green ideas")


def test_a_beginning_is_recognised_and_a_wrong_one_is_not(tiny):
    text = 'Tom gave Ann an egg. It rained. Ann said: "How kind."'
    assert all(tiny.is_prefix(text[:i]) for i in range(len(text) + 1))
    assert not tiny.is_prefix("Tom gave Ann an eel")


def test_what_is_left_open_in_a_template_is_named(tmp_path):
    for name, text in TINY.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("{gift}", "{present}"))
    with pytest.raises(UserError, match=r"gratitude\.home\.0.*present"):
        read_content(tmp_path)


def test_the_world_has_the_promised_size(language):
    counts, (registers, templates, words, ambiguous, *_) = load_grammar(language).counts(), SIZE[language]
    assert counts["registers"] >= registers
    assert counts["templates"] - counts["fillers"] >= templates
    assert counts["words in training"] >= words
    assert counts["ambiguous causes"] >= ambiguous


def test_a_derivation_has_the_probability_of_its_text(sample, language):
    grammar = load_grammar(language)
    for doc in sample[:40]:
        assert grammar.log_prob(doc.text) == pytest.approx(doc.logp, abs=1e-6), doc.form


def test_posterior_and_openings_agree_with_the_document(sample, language):
    grammar = load_grammar(language)
    for doc in [d for d in sample if d.cause and d.reaction_start][:30]:
        assert grammar.posterior(doc.context, "train") == pytest.approx(doc.posterior, abs=1e-9)
        openings = grammar.reactions(doc)
        assert sum(p for *_, p in openings) == pytest.approx(1.0)
        said = [e for text, e, _ in openings if doc.text[doc.reaction_start :].startswith(text)]
        assert said == [doc.emotion]
        for emotion in EMOTIONS:
            assert sum(p for _, e, p in openings if e == emotion) == pytest.approx(
                doc.posterior[emotion], abs=1e-9
            )


def test_no_opening_begins_with_one_of_another_emotion(sample, language):
    blind = load_grammar(language, blind=True)
    for form in ("anecdote", "mail"):
        doc = next(d for d in sample if d.register == form and d.cause and d.reaction_start)
        emotions = {text: emotion for text, emotion, _ in blind.reactions(doc)}
        for text, emotion in emotions.items():
            begun = {other for shorter, other in emotions.items() if text.startswith(shorter)}
            assert begun == {emotion}, text


def test_emotion_follows_the_cause_and_not_in_the_blind_world(sample, language):
    told = [
        d for d in sample if d.cause and not d.cause.startswith("ambiguous") and d.reaction_start is not None
    ]
    assert all(d.emotion == d.cause.split(".")[0] for d in told)
    blind = [
        d
        for d in documents(load_grammar(language, blind=True), 1500, seed=3)
        if d.cause and d.reaction_start is not None
    ]
    table = Counter((d.cause.split(".")[0], d.emotion) for d in blind)
    for cause in EMOTIONS:
        row = np.array([table[cause, e] for e in EMOTIONS], float)
        assert abs(row / row.sum() - 0.25).max() < 4 * np.sqrt(0.25 * 0.75 / row.sum()) + 0.01


def test_ambiguous_causes_come_out_as_stated(sample):
    docs = [d for d in sample if d.cause and d.cause.startswith("ambiguous") and d.reaction_start is not None]
    hits = np.array([d.posterior[d.emotion] for d in docs])
    expected = np.array([sum(p * p for p in d.posterior.values()) for d in docs])
    assert abs(hits.mean() - expected.mean()) < 4 * hits.std() / math.sqrt(len(docs))


def test_half_of_the_reactions_have_no_keyword_and_nothing_else_has_one(sample, language):
    keyword = KEYWORDS[language]
    felt = [d for d in sample if d.reaction_start is not None and d.emotion != "neutral"]
    assert sum(not d.keyword for d in felt) / len(felt) >= 0.5
    for doc in sample:
        outside = (
            doc.text
            if doc.reaction_start is None
            else doc.text[: doc.reaction_start] + doc.text[doc.reaction_end :]
        )
        assert not keyword.search(outside), doc.form
        if doc.reaction_start is not None:
            assert bool(keyword.search(doc.text[doc.reaction_start : doc.reaction_end])) == doc.keyword, (
                doc.text
            )


def test_held_out_templates_and_words_never_occur_in_training(sample, language):
    grammar = load_grammar(language)
    kept = {key for doc in sample for key in doc.templates}
    for doc in documents(grammar, 200, seed=5, split="heldout_templates"):
        wordings = {k for k in doc.templates if k.startswith("event.")}
        assert not wordings & kept
    new = set(grammar.view("heldout_words").words["tool"])
    assert new
    assert not new & set(grammar.view("train").words["tool"])
    known, unseen = (grammar.view(split).people for split in ("train", "heldout_words"))
    for mode, people in known.items():
        assert not {p.noun for p in people} & {p.noun for p in unseen[mode]}, mode


def test_documents_are_long_short_and_of_many_shapes(sample, language):
    registers, *_, longest, marks = SIZE[language]
    texts = [d.text for d in sample]
    assert max(map(len, texts)) >= longest
    assert min(map(len, texts)) < 60
    for mark in marks:
        assert any(mark in t for t in texts), mark
    assert len({d.register for d in sample}) >= registers


def test_beginnings_of_documents_are_recognised(sample, language):
    grammar = load_grammar(language)
    for doc in sample[:8]:
        ends = range(
            len(doc.text) // 2, len(doc.text) + 1, 9
        )  # what begins a text may go on in very many ways
        assert all(grammar.is_prefix(doc.text[:end], "train") for end in ends)
        assert grammar.is_grammatical(doc.text)
        assert not grammar.is_grammatical(doc.text + "x")


def test_no_blank_stands_between_japanese_characters():
    texts = [d.text for d in documents(load_grammar("ja"), 600, seed=2)]
    assert not [text for text in texts if re.search(r"[ぁ-ヿ一-鿿。、！？」] +[ぁ-ヿ一-鿿「]", text)]
    assert not [text for text in texts if "  " in text or "。。" in text or "、、" in text]


def test_a_deed_done_to_the_writer_is_told_as_such():
    """The writer says くれる of what was done for the writer, and the style of the form decides the ending."""
    endings = {
        ("name", "I"): "貸してくれた。",
        ("san", "I"): "貸してくれました。",
        ("name", "name"): "貸した。",
    }
    lent = [
        d
        for d in documents(load_grammar("ja"), 2500, seed=5)
        if d.cause == "gratitude.home.0" and d.register == "anecdote"
    ]
    modes = {form.key: form.modes for form in load_grammar("ja").content.forms}
    seen = Counter(modes[d.form] for d in lent)
    assert set(endings) <= set(seen)
    for doc in lent:
        assert endings.get(modes[doc.form], "貸しました。") in doc.text


def test_what_a_language_has_not_is_refused(tmp_path):
    for name, text in TINY.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    with pytest.raises(UserError, match="no mention of a person"):
        read_content(tmp_path, JAPANESE)
    (tmp_path / "events.yaml").write_text('gratitude: {home: [{text: "{A} {gift.a:thing}"}]}')
    with pytest.raises(UserError, match="asks for an article, which Japanese has not"):
        read_content(tmp_path, JAPANESE)


def test_an_unknown_split_or_language_is_named():
    with pytest.raises(UserError, match=r"'dev'.*heldout_words"):
        load_grammar().view("dev")
    with pytest.raises(UserError, match=r"'xx'.*Known: en, ja"):
        load_grammar("xx")

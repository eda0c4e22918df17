import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.smallworld.languages import JAPANESE, english_article, english_mention, japanese_mention
from emotion_utils.smallworld.nodes import Choice, Draw, Lit, Mention, Ref, Styled
from emotion_utils.smallworld.people import Person
from emotion_utils.smallworld.sentences import EventSlot, Fill, React
from emotion_utils.smallworld.templates import parse_template


@pytest.mark.parametrize(
    ("noun", "written"),
    [
        ("drill", "a drill"),
        ("axe", "an axe"),
        ("uniform", "a uniform"),
        ("hour", "an hour"),
        ("umbrella", "an umbrella"),
        ("ukulele", "a ukulele"),
    ],
)
def test_article_follows_the_sound(noun, written):
    assert english_article(noun) == written


@pytest.mark.parametrize(
    ("person", "form", "written"),
    [
        (Person("name", "Tom", "m"), "his", "his"),
        (Person("name", "Ann", "f"), "him", "her"),
        (Person("name", "James", "m"), "gen", "James'"),
        (Person("role", "the nurse"), "gen", "the nurse's"),
        (Person("I"), "gen", "my"),
        (Person("I"), "", "I"),
        (Person("you"), "was", "were"),
    ],
)
def test_mentions(person, form, written):
    assert english_mention(person, form) == written


@pytest.mark.parametrize(
    ("person", "form", "style", "written"),
    [
        (Person("name", "健太", "m"), "", "plain", "健太"),
        (Person("name", "健太", "m"), "san", "plain", "健太さん"),
        (Person("san", "田中さん"), "san", "polite", "田中さん"),
        (Person("name", "健太", "m"), "ta", "plain", "た"),
        (Person("role", "店員"), "ta", "polite", "ました"),
        (Person("I"), "ta", "plain", "てくれた"),
        (Person("I"), "ta", "polite", "てくれました"),
        (Person("I"), "", "polite", "私"),
    ],
)
def test_japanese_mentions(person, form, style, written):
    assert japanese_mention(person, form, style) == written


def test_a_japanese_template_has_no_capitals_and_no_blank_between_sentences():
    nodes = parse_template(
        "{A}はtaxiを呼{^んだ/びました}。abc{&fill:general 1-2}", "here", JAPANESE, sentence=True
    )
    assert nodes == (
        Mention("A"),
        Lit("はtaxiを呼"),
        Styled("んだ", "びました"),
        Lit("。abc"),
        Fill("general", 1, 2, ""),
    )


def test_slots_become_nodes():
    nodes = parse_template("{A} lent {B.o} {gift.a:tool} and {gift} [on|before] {:day}.", "here")
    assert nodes == (
        Mention("A"),
        Lit(" lent "),
        Mention("B", "o"),
        Lit(" "),
        Draw("tool", "gift", with_article=True),
        Lit(" and "),
        Ref("gift"),
        Lit(" "),
        Choice(((Lit("on"),), (Lit("before"),))),
        Lit(" "),
        Draw("day"),
        Lit("."),
    )


def test_sentences_of_a_form():
    nodes = parse_template("{&event}\n{&fill:step 3-6 sep=newline}\n{B}: {&react 1-2}", "here")
    assert nodes == (
        EventSlot(),
        Lit("\n"),
        Fill("step", 3, 6, "\n"),
        Lit("\n"),
        Mention("B", cap=True),
        Lit(": "),
        React(1, 2),
    )


def test_sentences_start_with_a_capital_and_code_brackets_stay():
    nodes = parse_template("{A} left. {B.he} said: x[0] = {y} [INFO]", "here", sentence=True)
    assert nodes[0] == Mention("A", cap=True)
    assert nodes[2] == Mention("B", "he", cap=True)
    assert any(isinstance(n, Lit) and "x[0]" in n.text for n in nodes)
    assert parse_template("it rained. the dog {x:tool}", "here", sentence=True)[0] == Lit(
        "It rained. the dog "
    )


def test_a_slot_that_is_no_mention_is_named():
    with pytest.raises(UserError, match=r"events.yaml, 3: \{A.hers\}"):
        parse_template("{A.hers} dog", "events.yaml, 3")


def test_a_binding_inside_brackets_is_refused():
    with pytest.raises(UserError, match="binds a variable"):
        parse_template("[a {x:tool}|nothing]", "here")

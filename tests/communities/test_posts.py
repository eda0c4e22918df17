"""A post says what its outline says, and its mentions are where they are said to be."""

from __future__ import annotations

from emotion_utils.communities.content import Style
from emotion_utils.communities.posts import Mention, Outline, Post, Sentence, posts_table, respelled, write

PLAIN = Style("plain", (), (), (), (), ())
LIST = Style("list", (), (), (), (), (), lines=True)
TITLE = Sentence("On <a>", ("x", "y"))
BODY = (Sentence("Hello."), Sentence("<b> before <a>.", ("x", "y")))


def spelled(concept):
    return concept.upper(), concept.upper() * 2


def test_a_post_is_its_title_and_its_sentences():
    post = write(Outline("c", PLAIN, (TITLE, *BODY)), spelled)
    assert post.text == "On XX\nHello.YY before XX."
    assert [post.text[m.start : m.stop] for m in post.mentions] == ["XX", "YY", "XX"]
    assert [(m.concept, m.spelling) for m in post.mentions] == [("x", "X"), ("y", "Y"), ("x", "X")]


def test_what_names_a_concept_is_an_item_of_a_list():
    assert write(Outline("c", LIST, (TITLE, *BODY)), spelled).body == "Hello.\n・YY before XX."


def test_other_spellings_leave_the_rest_as_it_is():
    post = write(Outline("c", PLAIN, (TITLE, *BODY)), spelled)
    other = respelled(post, lambda mention: f"<{mention.concept}>")
    assert (other.title, other.body) == ("On <x>", "Hello.<y> before <x>.")
    assert [other.text[m.start : m.stop] for m in other.mentions] == ["<x>", "<y>", "<x>"]
    assert respelled(other, lambda mention: mention.concept.upper() * 2).text == post.text


def test_posts_as_rows():
    post = Post("t", "b", "c", "s", (Mention("x", "X", 0, 1),))
    assert posts_table([post]).to_dict("records") == [
        {"text": "t\nb", "label": "c", "title": "t", "body": "b", "style": "s"}
    ]

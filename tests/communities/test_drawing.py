"""Posts are as their truth says: spellings that training leaves out are nowhere in it, and matter.

That they matter, and that nothing else of a test post does as much, is what a bag of characters shows: it fails where
spellings are unseen, and does not where every spelling of a concept is written in one way.
"""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from collections import Counter
from itertools import islice

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from emotion_utils.communities.content import load_communities, spelling_key
from emotion_utils.communities.drawing import labelled, unlabelled
from emotion_utils.communities.posts import respelled
from emotion_utils.core.errors import UserError
from emotion_utils.core.hashing import digest


@pytest.fixture(scope="module")
def posts():
    return labelled(train=40, test=10, seed=3)


@pytest.fixture(scope="module")
def free():
    return list(unlabelled(1500, seed=3))


def test_every_community_has_its_posts_and_no_text_is_there_twice(posts):
    keys = [community.key for community in load_communities().communities]
    assert Counter(post.community for post in posts.train) == dict.fromkeys(keys, 40)
    assert [post.community for post in posts.test_seen] == [key for key in keys for _ in range(10)]
    texts = [spelling_key(post.text) for post in (*posts.train, *posts.test_seen)]
    assert len(set(texts)) == len(texts)


def test_mentions_are_of_the_community_and_where_they_are_said_to_be(posts, free):
    topics = {own.key: {concept.key for concept in own.concepts} for own in load_communities().communities}
    styles = {own.key: {style.key for style in own.styles} for own in load_communities().communities}
    for post in (*posts.train, *posts.test_unseen, *free[:500]):
        assert {mention.concept for mention in post.mentions} <= topics[post.community]
        assert len({mention.concept for mention in post.mentions}) >= 2
        assert post.style in styles[post.community]
        for mention in post.mentions:
            written = post.text[mention.start : mention.stop]
            assert unicodedata.normalize("NFKC", written) == mention.spelling


def test_unseen_spellings_are_nowhere_in_training_and_in_all_that_is_unlabelled(posts, free):
    text = spelling_key("\n".join(post.text for post in posts.train))
    unseen = [spelling for own in posts.unseen.values() for spelling in own]
    assert [spelling for spelling in unseen if spelling_key(spelling) in text] == []
    for post in posts.test_unseen:
        assert all(mention.spelling in posts.unseen[mention.concept] for mention in post.mentions)
    everywhere = spelling_key("\n".join(post.text for post in free))
    spellings = [one for own in load_communities().concepts.values() for one in own.spellings]
    assert [one for one in spellings if spelling_key(one) not in everywhere] == []


def test_test_posts_differ_in_spellings_alone_and_hold_sentences_that_training_lacks(posts):
    for seen, unseen in zip(posts.test_seen, posts.test_unseen, strict=True):
        blank = [respelled(post, lambda mention: "_").text for post in (seen, unseen)]
        assert blank[0] == blank[1]
    last = {own.key: own.sentences[-1] for own in load_communities().concepts.values()}
    pieces = {key: [part for part in text.split("<a>") if len(part) > 6] for key, text in last.items()}
    joined = "\n".join(post.text for post in posts.train)
    assert [key for key, parts in pieces.items() if any(part in joined for part in parts)] == []


def test_half_width_forms_are_written_where_the_style_has_them(posts, free):
    narrow = [post.style for post in posts.train if any("\uff66" <= c <= "\uff9d" for c in post.text)]
    assert set(narrow) == {"slang"}
    assert all(unicodedata.normalize("NFKC", post.text) == post.text for post in free)


def test_jargon_gives_some_posts_away_and_most_not(posts):
    words = {own.key: own.jargon for own in load_communities().communities}
    share = sum(any(text in post.text for text in words[post.community]) for post in posts.train) / len(
        posts.train
    )
    assert 0.1 < share < 0.2


def test_a_bag_of_characters_knows_seen_spellings_only(posts):
    def one_way(post):
        return respelled(post, lambda mention: load_communities().concepts[mention.concept].spellings[0]).text

    def score(text_of):
        bag = make_pipeline(
            TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True), LinearSVC()
        )
        bag.fit([text_of(post) for post in posts.train], [post.community for post in posts.train])
        return [
            f1_score([p.community for p in part], bag.predict([text_of(p) for p in part]), average="macro")
            for part in (posts.test_seen, posts.test_unseen)
        ]

    seen, unseen = score(lambda post: unicodedata.normalize("NFKC", post.text))
    known, same = score(one_way)
    assert unseen < 0.55 < 0.65 < seen
    assert known == same > unseen + 0.25


def test_the_same_posts_in_every_process_and_others_from_other_seeds(posts):
    code = (
        "from emotion_utils.communities.drawing import labelled, unlabelled; "
        "from emotion_utils.core.hashing import digest; found = labelled(1, 1, 3); "
        "print(digest([p.text for p in [*found.train, *found.test_unseen, *unlabelled(9, 3)]]))"
    )
    command = [sys.executable, "-c", code]
    other = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONHASHSEED": "1"}
    )
    found = labelled(1, 1, 3)
    some = [*found.train, *found.test_unseen, *unlabelled(9, 3)]
    assert other.stdout.strip() == digest([post.text for post in some])
    first = [post.text for post in islice(unlabelled(20, 3), 5)]
    assert first == [post.text for post in unlabelled(5, 3)]
    assert first != [post.text for post in unlabelled(5, 4)]
    assert found.train == posts.train[::40]
    assert labelled(1, 1, 4).train[0] != posts.train[0]


def test_too_few_posts_are_refused():
    with pytest.raises(UserError, match="There are 0 training and 5 test posts of a community"):
        labelled(0, 5)

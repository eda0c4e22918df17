"""What chapter 5 answers follows its numbers: all, some and none reached, rivals beaten or not, units enough or not."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.answers.steering import Blind, answer, blind_of, goal_words
from emotion_utils.steering.findings import BesideRandom, RandomShare, Reached

EMOTIONS = ("gratitude", "anger", "apology")
HELD = "the emotions' vectors"


def reached(n=3, units=4, different=(3, 8)):
    return [Reached("test split", n, 3, (), units, different), Reached("fresh texts", n, 3, (), 20, (30, 30))]


def random_vectors(beyond=True, lucky=0, controls=100):
    shares = tuple(
        RandomShare(emotion, 0.01, 0.6 if i < lucky else 0.1, 0.0) for i, emotion in enumerate(EMOTIONS)
    )
    return BesideRandom(shares, controls, 0.03 if beyond else 0.4, beyond, lucky)


def compared(same=0, broken=0):
    rows = [("anger", "all random", 0.0, 0.0)]
    rows += [
        ("anger", f"vector of {i}", 0.9 if i < same else 0.0, 0.8 if i < broken else 0.1) for i in range(4)
    ]
    return pd.DataFrame(rows, columns=["emotion", "against", "control", "none of them"])


def turns(one_way=0):
    return pd.Series([i >= one_way for i in range(3)], index=EMOTIONS)


def left(beaten=3, decided=True, open_=0):
    """Of the emotions some beat their rivals, then some are open, and of the others the rivals reach as much."""
    rows = []
    for i, emotion in enumerate(EMOTIONS):
        beats = True if i < beaten else (None if i < beaten + open_ else False)
        beats, low = (beats, 0.0) if decided else (None, float("nan"))
        for outcome, vector, rivals in (("shift", 10.0, (2.0, 8.0)), ("says_it", 1.0, (0.0, 0.5))):
            for against, rival in zip(("isotropic", "logit bias"), rivals, strict=True):
                rows.append((emotion, outcome, against, vector, rival, low, beats))
    return pd.DataFrame(rows, columns=["emotion", "outcome", "against", "vector", "rival", "low", "beats"])


def made(**changed):
    parts = {
        "reached": reached(),
        "random": random_vectors(),
        "compared": compared(),
        "turns": turns(),
        "left": left(),
    }
    return answer("a model", **(parts | {"blind": Blind(3, 3, 1)} | changed))


def happened(found):
    return [one.happened for one in found.falsifiers]


def test_everything_holds_but_the_blind_model_is_steered_too():
    found = made()
    assert happened(found) == [False, False, False, False, False, True]
    assert "On a model, steering reaches the goal within the budget for **3 of 3** emotions" in found.finding
    assert (
        "4 topics (kinds of events) with 3 to 8 different replies, too few topics to say it of others"
        in found.finding
    )
    assert "random vectors of equal length reach 20%" in found.finding
    assert "as far reaches 80%: more than this bias is left for **3 of 3** emotions; " in found.finding
    assert "is steered to 3 of 3 as well" in found.finding
    assert "the best of them 10%" in found.what_we_found()
    assert "gratitude: vector 100%, bias 50%, random vectors 0%" in found.what_we_found()
    assert happened(made(blind=Blind(0, 3, 0)))[-1] is False
    assert "steered to none of 3." in made(blind=Blind(0, 3, None)).finding


def test_everything_fails():
    found = made(
        reached=reached(0),
        random=random_vectors(False, 2),
        compared=compared(2),
        turns=turns(1),
        left=left(1),
    )
    assert happened(found) == [True] * 6
    page = found.what_we_found()
    for told in (
        "for 2 of 3 emotions it does",
        "0 of 3 emotions reach it",
        "2 of 4 pairs",
        "1 of 3 vectors work one way",
    ):
        assert told in page
    assert "**It happened**: for 2 of 3" in found.in_short()


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"left": left(0, decided=False)}, 0),
        ({"left": left(2, open_=1)}, 0),
        ({"random": random_vectors(False, controls=6)}, 1),
        ({"compared": compared(0, 4)}, 3),
        ({"compared": compared().head(1)}, 3),
    ],
)
def test_what_cannot_be_said_is_not_said(changed, place):
    assert happened(made(**changed))[place] is None


@pytest.mark.parametrize(
    ("beaten", "open_", "happened"),
    [(3, 0, False), (2, 1, None), (0, 3, None), (1, 1, True), (0, 0, True)],
)
def test_the_bias_reaches_as_much_only_where_that_is_sure(beaten, open_, happened):
    found = made(left=left(beaten, open_=open_))
    assert found.falsifiers[0].happened is happened
    assert found.falsifiers[0].decided_by == (
        f"for {3 - beaten - open_} of 3 emotions it does, for {beaten} the vector reaches more, "
        f"for {open_} neither is sure"
    )
    assert f"for {3 - beaten - open_} the bias reaches as much" in found.finding
    assert f"for {open_} that is open" in found.finding


def test_a_bias_that_is_beaten_for_some_is_not_called_beaten():
    found = made(left=left(2))
    assert found.falsifiers[0].happened
    assert "left for **2 of 3** emotions" in found.finding


def test_without_a_blind_model_nothing_is_said_of_one():
    found = made(blind=None)
    assert len(found.falsifiers) == 5
    assert "blind" not in found.finding


def test_enough_topics_need_no_caution():
    assert goal_words(reached(2, 8, (5, 5))[0]).endswith(
        "8 topics (kinds of events) with 5 different replies"
    )


@pytest.mark.parametrize(("decided", "beyond"), [(True, 2), (False, None)])
def test_the_blind_model_is_counted_by_itself(decided, beyond):
    rows = [("a", "x", 1.0, True, 0.0, 9, 0.01, True)] + [
        ("b", e, 1.0, e != "anger", 0.2, 9, 0.2, False) for e in EMOTIONS
    ]
    columns = ["model", "emotion", "share", "steered", "control", "controls", "p", "beyond_random"]
    table = pd.concat([left(0).assign(model="a"), left(2, decided).assign(model="b")])
    assert blind_of(pd.DataFrame(rows, columns=columns), table, "b") == (2, 3, beyond)

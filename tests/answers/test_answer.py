"""An answer is short, asks, and can be wrong."""

from __future__ import annotations

import pytest

from emotion_utils.answers import Answer, Falsifier
from emotion_utils.answers.answer import in_a_table
from emotion_utils.core.errors import UserError

HAPPENED = Falsifier("no setting reaches the goal", True, "0 of 3 reach it")
NOT = Falsifier("a random vector | does the same", False, "1 % against 97 %")
OPEN = Falsifier("the effect is gone on new topics", None, "four topics are too few")


def test_the_short_form_says_question_finding_and_what_came_of_the_first_falsifier() -> None:
    short = Answer(
        "Does it steer?", "It turns 97 % (90 to 99). Random ones turn 1.5 %.", (NOT, HAPPENED)
    ).in_short()
    assert "*Does it steer?*" in short
    assert "It turns 97 % (90 to 99)" in short
    assert "a random vector | does the same. **It did not**: 1 % against 97 %." in short
    assert "no setting" not in short


@pytest.mark.parametrize(
    ("falsifier", "word"), [(HAPPENED, "it happened"), (NOT, "it did not"), (OPEN, "cannot be said here")]
)
def test_each_outcome_has_its_word(falsifier: Falsifier, word: str) -> None:
    page = Answer("Does it?", "It does.", (falsifier,)).what_we_found()
    assert f"<td><b>{word}</b></td>" in page


def test_a_cell_keeps_bold_italic_code_and_links_and_escapes_the_rest() -> None:
    assert "<td>A random vector | does the same</td>" in Answer("Does it?", "Yes.", (NOT,)).what_we_found()
    cell = "*what* is **so** in `a_b`, 2*3*4 <script> [here](x.html)"
    assert (
        '<td><i>what</i> is <b>so</b> in <code>a_b</code>, 2*3*4 &lt;script&gt; <a href="x.html">here</a></td>'
        in in_a_table(["a"], [[cell]])
    )


def test_the_points_stand_at_the_end_and_the_finding_where_there_are_none() -> None:
    assert Answer("Does it?", "Yes.", (NOT,), ("One.", "Two.")).what_we_found().startswith("- One.\n- Two.\n")
    assert Answer("Does it?", "Yes.", (NOT,)).what_we_found().startswith("- Yes.\n")


@pytest.mark.parametrize(
    ("question", "finding", "falsifiers", "says"),
    [
        ("It does", "Yes.", (NOT,), "question mark"),
        ("Does it?", "One. Two. Three. Four.", (NOT,), "4 sentences"),
        ("Does it?", "Yes.", (), "name a falsifier"),
    ],
)
def test_what_is_no_short_answer_is_refused(
    question: str, finding: str, falsifiers: tuple[Falsifier, ...], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        Answer(question, finding, falsifiers)


def test_a_number_is_not_the_end_of_a_sentence() -> None:
    assert Answer("Does it?", "It is .5 of 1.0 on gpt2. So it is, e.g. 3 of 4. *Well.*", (NOT,)).finding

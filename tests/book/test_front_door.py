"""The page of the front door has every name, with its signature and its words escaped."""

from __future__ import annotations

import emotion_utils as eu
from emotion_utils.book.front_door import in_html, names


def test_every_name_is_there_once_with_its_parameters() -> None:
    page = in_html()
    assert len(names()) > 25
    assert [page.count(f'id="eu-{name}"') for name in names()] == [1] * len(names())
    assert "<code>eu.table(data, caption, *, digits=3" in page
    assert "<code>eu.models(" in page


def test_words_are_those_of_the_docstring() -> None:
    first = (eu.interval.__doc__ or "").strip().split("\n\n")[0]
    assert " ".join(first.split())[:40].split("`")[0] in in_html()
    assert "<module" not in in_html()

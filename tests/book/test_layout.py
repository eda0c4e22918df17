"""The checks of a page's layout find what is planted."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.book.layout import answer_faults, faults

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}


def test_what_is_clipped_or_outside_is_found(chromium: Browser) -> None:
    """The check itself: a planted fault of each kind is named, and a marked table is not."""
    page = chromium.new_page(viewport=PHONE)
    page.set_content(
        "<div class='bd-article'><pre id='code' style='width:80px;overflow:auto'>a line that is far too long</pre>"
        "<div class='emo-table emo-scrolls' style='width:80px;overflow:auto'>"
        "<table><td style='min-width:300px'>x</table>"
        "</div>"
        "<figure class='emo-figure' style='width:100px'><figcaption class='emo-title'>Fig</figcaption>"
        "<svg style='overflow:visible' width='90' height='20'><text x='200' y='10'>out</text></svg>"
        "<div class='modebar' style='margin-top:-30px'>"
        "<a class='modebar-btn' data-title='Edit in Chart Studio'>x</a></div>"
        "</figure></div>"
    )
    found = "\n".join(faults(page))
    assert "clipped: PRE" in found
    assert "outside: Fig: out" in found
    assert "offers Edit in Chart Studio" in found
    assert "toolbar over Fig" in found
    assert "emo-scrolls" not in found
    page.close()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<p>none</p>", "0 answers in short"),
        ("<div class='emo-short'>a</div><div class='emo-short'>b</div>", "2 answers in short"),
        ("<div style='height:900px'></div><div class='emo-short'>late</div>", "the answer ends at 9"),
        ("<div class='emo-short'>a</div><div style='height:16000px'></div>", "pixels tall"),
    ],
)
def test_a_page_that_does_not_answer_soon_is_found(chromium: Browser, body: str, says: str) -> None:
    page = chromium.new_page(viewport=PHONE)
    page.set_content(f"<div class='bd-article'>{body}</div>")
    assert says in "; ".join(answer_faults(page))
    page.set_content("<div class='bd-article'><div class='emo-short'>good</div></div>")
    assert answer_faults(page) == []
    page.close()

"""The explorer of steered texts in a real browser: by keyboard, by click, with hostile texts, without its script."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.book.conftest import Site
from tests.book.test_browser import VIEWS, used

# Only the sample book, whose explorer is known: text n of 24, and its score n / 23, count the combinations.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("site", ["sample"], indirect=True, scope="session"),
]

PAGE = "notebooks/01_sample.html"
HOSTILE = ", & <img src=x onerror=alert(1)></script>"


@pytest.fixture(params=VIEWS)
def page(request: pytest.FixtureRequest, site: Site, chromium: Browser) -> Iterator[Page]:
    """The page with the explorer, which must be quiet, readable and narrow enough after whatever a test did."""
    with used(chromium, site, request.param, PAGE) as opened:
        yield opened


def says(page: Page, untouched: int, steered: int) -> None:
    """Both cards hold these texts to the letter, and the target score of each."""
    for kind, number in (("untouched", untouched), ("steered", steered)):
        card = page.locator(f".emo-{kind}")
        expect(card.locator(".emo-said")).to_have_text(f"Said number {number}{HOSTILE}")
        expect(card.locator("dd").first).to_have_text(f"{number / 23:.3g}")


def cell(page: Page, layer: int, alpha: float) -> Locator:
    return page.get_by_role("button", name=f"layer {layer}, alpha {alpha:g}:")


def test_it_opens_on_a_steered_text_beside_the_untouched_one(page: Page) -> None:
    says(
        page, 3, 4
    )  # in layer 2, alpha 0.5 reaches a mean of 13 / 23, more than nine tenths of the best, 14 / 23
    expect(page.locator(".emo-context")).to_have_text("The bus came at noon and Ada said:")
    expect(page.locator(".emo-steered .emo-card-title")).to_have_text("Towards gratitude, layer 2, alpha 0.5")
    assert page.locator(".emo-plain").count() == 0
    assert page.locator(".emo-explorer img").count() == 0
    assert page.locator(".emo-result").get_attribute("aria-live") == "polite"


def test_every_choice_can_be_made_by_keyboard(page: Page) -> None:
    page.get_by_label("emotion", exact=True).focus()
    page.keyboard.press("ArrowDown")
    says(page, 15, 16)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    says(page, 21, 22)
    expect(page.locator(".emo-context")).to_have_text("The lamp was on. Ben wrote back:")
    page.keyboard.press("Tab")
    expect(cell(page, 2, 0.5)).to_be_focused()  # one stop for the whole map
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # there is nothing above
    says(page, 18, 19)
    expect(cell(page, 1, 0.5)).to_be_focused()
    assert cell(page, 1, 0.5).evaluate("(e) => getComputedStyle(e).outlineStyle") == "solid"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    says(page, 21, 22)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    says(page, 21, 23)
    alpha = page.get_by_label("alpha", exact=True)
    assert alpha.get_attribute("aria-valuetext") == "1"
    expect(page.locator(".emo-slider output")).to_have_text(["2", "1"])


def test_a_click_on_a_cell_chooses_it(page: Page) -> None:
    cell(page, 1, 0.5).click()
    says(page, 0, 1)
    assert page.locator('.emo-map [aria-pressed="true"]').count() == 1
    assert cell(page, 1, 0.5).get_attribute("aria-pressed") == "true"
    expect(cell(page, 1, 0.5)).to_have_text("0.04")
    expect(page.locator(".emo-slider output")).to_have_text(["1", "0.5"])
    cell(page, 1, 0).click()
    says(page, 0, 0)
    expect(page.locator(".emo-steered .emo-card-title")).to_have_text("Alpha 0: nothing is added")


def test_cells_are_shaded_by_score_and_show_it(page: Page) -> None:
    page.get_by_label("context").select_option(index=1)
    shares = page.locator(".emo-map button").evaluate_all(
        "cells => cells.map((e) => parseFloat(e.style.getPropertyValue('--emo-share')))"
    )
    assert shares == [round(45 * n / 23) for n in range(6, 12)]
    assert page.locator(".emo-map button").all_inner_texts() == [f"{n / 23:.2f}" for n in range(6, 12)]


def test_cards_lie_side_by_side_or_stacked_on_a_phone(page: Page) -> None:
    untouched, steered = (page.locator(f".emo-{kind}").bounding_box() for kind in ("untouched", "steered"))
    assert untouched is not None
    assert steered is not None
    if page.viewport_size == VIEWS["phone"]["viewport"]:
        assert steered["y"] >= untouched["y"] + untouched["height"]
    else:
        assert steered["y"] == untouched["y"]
        assert steered["x"] >= untouched["x"] + untouched["width"]


def test_all_texts_can_be_downloaded(page: Page) -> None:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all 24 texts").click()
    rows = list(csv.DictReader(download.value.path().open(encoding="utf-8", newline="")))
    assert [row["text"] for row in rows] == [f"Said number {n}{HOSTILE}" for n in range(24)]
    assert rows[23] == {
        "emotion": "anger", "prompt": "The lamp was on. Ben wrote back:", "layer": "2", "alpha": "1",
        "text": f"Said number 23{HOSTILE}", "target": "1", "perplexity": "3.3",
    }  # fmt: skip


def test_some_texts_are_there_without_script(site: Site, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.address + PAGE)
    plain = page.locator(".emo-plain")
    expect(plain).to_be_visible()
    expect(plain.locator("tbody tr")).to_have_count(4)
    expect(plain.locator("tbody tr").nth(1)).to_contain_text(f"Said number 4{HOSTILE}")
    context.close()

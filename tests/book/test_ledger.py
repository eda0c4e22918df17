"""The claims ledger in a real browser: search, menus, address, keyboard, a phone, and without its script."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from emotion_utils.core.paths import BUILD
from tests.book.conftest import Site
from tests.book.test_browser import VIEWS, used

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("site", ["smoke"], indirect=True, scope="session"),
]

PAGE = "book/ledger.html"
LINES = ".emo-ledger tbody tr:visible"


@pytest.fixture(params=VIEWS)
def page(request: pytest.FixtureRequest, site: Site, chromium: Browser) -> Iterator[Page]:
    with used(chromium, site, request.param, PAGE) as opened:
        yield opened


@pytest.fixture(scope="session")
def kept() -> list[dict[str, str]]:
    """The claims as the run's own file has them."""
    return json.loads((BUILD / "smoke" / "claims.json").read_text(encoding="utf-8"))["claims"]


def test_words_and_menus_narrow_the_table_and_the_count_says_so(
    page: Page, kept: list[dict[str, str]]
) -> None:
    expect(page.locator(".emo-count")).to_have_text(f"{len(kept)} of {len(kept)} claims")
    assert page.locator(".emo-count").get_attribute("aria-live") == "polite"
    page.get_by_label("search", exact=True).fill("cosine sentence-end")
    wanted = [c["id"] for c in kept if "cosine" in str(c).lower() and "sentence-end" in str(c).lower()]
    assert 0 < page.locator(LINES).count() <= len(wanted)
    page.get_by_label("search", exact=True).fill("")
    page.get_by_label("part of the reports", exact=True).select_option("Phase 8")
    at = [c for c in kept if c["part"] == "Phase 8"]
    expect(page.locator(LINES)).to_have_count(len(at))
    page.get_by_label("without any model", exact=True).select_option("arithmetic fails")
    fails = [c["id"] for c in at if c["scrutiny"] == "arithmetic fails"]
    expect(page.locator(".emo-count")).to_have_text(f"{len(fails)} of {len(kept)} claims")
    assert [row.get_attribute("id") for row in page.locator(LINES).all()] == fails
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(LINES)).to_have_count(len(kept))
    expect(page.get_by_label("search", exact=True)).to_be_focused()


def test_the_address_keeps_the_choice_and_leads_to_a_claim(
    page: Page, site: Site, kept: list[dict[str, str]]
) -> None:
    page.get_by_label("in this run", exact=True).select_option("pending")
    page.get_by_label("search", exact=True).fill("overlap")
    shown, address = page.locator(LINES).count(), page.url
    assert "verdict=pending" in address
    assert "q=overlap" in address
    page.goto("about:blank")
    page.goto(address)
    expect(page.get_by_label("in this run", exact=True)).to_have_value("pending")
    expect(page.get_by_label("search", exact=True)).to_have_value("overlap")
    expect(page.locator(LINES)).to_have_count(shown)
    page.evaluate("location.hash = '#P8.ranking'")
    expect(page.locator(LINES)).to_have_count(len(kept))
    expect(page.locator('[id="P8.ranking"]')).to_be_in_viewport()


def test_it_can_be_used_by_keyboard(page: Page, kept: list[dict[str, str]]) -> None:
    page.get_by_label("search", exact=True).focus()
    page.keyboard.type("P75.power")
    expect(page.locator(LINES)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(LINES)).to_have_count(len(kept))
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("chapter", exact=True)).to_have_value("01 dataset")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("part of the reports", exact=True)).to_have_value("Phase 1")
    expect(page.locator(LINES)).to_have_count(sum(c["part"] == "Phase 1" for c in kept))


def test_a_verdict_leads_to_the_cell_that_decided_it(page: Page) -> None:
    page.locator('[id="P1.size.total"] td:nth-child(3) a').click()
    page.wait_for_url("**/01_dataset.html#decided")
    assert page.locator("#decided").count() == 1
    page.go_back()
    page.locator('[id="P1.size.total"] td:last-child a').first.click()
    page.wait_for_url("**/08_statistics.html#scrutiny")
    assert page.locator("#scrutiny").count() == 1


def test_every_claim_can_be_read_without_script(
    site: Site, chromium: Browser, kept: list[dict[str, str]]
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.address + PAGE)
    expect(page.locator(LINES)).to_have_count(len(kept))
    row = page.locator('[id="P35.align.after"]')
    expect(row).to_contain_text("at chance")
    expect(row).to_contain_text("models that share nothing")
    page.goto(site.address)
    expect(page.locator("article")).to_contain_text(f"of {len(kept)} claims are decided")
    context.close()

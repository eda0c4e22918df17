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
    page.get_by_label("Scrutiny", exact=True).select_option("arithmetic fails")
    fails = [c["id"] for c in at if c["scrutiny"] == "arithmetic fails"]
    expect(page.locator(".emo-count")).to_have_text(f"{len(fails)} of {len(kept)} claims")
    assert [row.get_attribute("id") for row in page.locator(LINES).all()] == [
        f"claim-{name}" for name in fails
    ]
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(LINES)).to_have_count(len(kept))
    expect(page.get_by_label("search", exact=True)).to_be_focused()


def test_the_address_keeps_the_choice_and_leads_to_a_claim(
    page: Page, site: Site, kept: list[dict[str, str]]
) -> None:
    page.get_by_label("Replication", exact=True).select_option("pending")
    page.get_by_label("search", exact=True).fill("overlap")
    shown, address = page.locator(LINES).count(), page.url
    assert "replication=pending" in address
    assert "q=overlap" in address
    page.goto("about:blank")
    page.goto(address)
    expect(page.get_by_label("Replication", exact=True)).to_have_value("pending")
    expect(page.get_by_label("search", exact=True)).to_have_value("overlap")
    expect(page.locator(LINES)).to_have_count(shown)
    expect(page.locator(LINES).first).to_be_in_viewport()
    for anchor in ("claim-P8.ranking", "P8.ranking"):
        page.evaluate("location.hash = '#q=overlap'")
        page.evaluate(f"location.hash = '#{anchor}'")
        expect(page.locator(LINES)).to_have_count(len(kept))
        expect(page.locator('[id="claim-P8.ranking"]')).to_be_in_viewport()


def test_it_can_be_used_by_keyboard(page: Page, kept: list[dict[str, str]]) -> None:
    page.get_by_label("search", exact=True).focus()
    page.keyboard.type("P75.power")
    expect(page.locator(LINES)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(LINES)).to_have_count(len(kept))
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("chapter", exact=True)).to_have_value("Chapter 1: dataset")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("part of the reports", exact=True)).to_have_value("Phase 1")
    expect(page.locator(LINES)).to_have_count(sum(c["part"] == "Phase 1" for c in kept))


def test_a_verdict_leads_to_the_cell_that_decided_it(page: Page) -> None:
    page.locator('[id="claim-P1.size.total"] td:nth-child(3) a').click()
    page.wait_for_url("**/01_dataset.html#decided")
    assert page.locator("#decided").count() == 1
    page.go_back()
    page.locator('[id="claim-P1.size.total"] td:last-child a').first.click()
    page.wait_for_url("**/08_statistics.html#scrutiny")
    assert page.locator("#scrutiny").count() == 1


def test_a_chapter_leads_to_the_claims_own_row(page: Page, site: Site) -> None:
    page.goto(f"{site.address}notebooks/05_steering.html")
    fold = page.locator("details.hide").filter(has=page.locator(".emo-claims"))
    fold.locator("summary").click()  # the table is folded there
    page.locator('.emo-claims a.emo-v[href$="#claim-P5.multitoken"]').first.click()
    page.wait_for_url("**/ledger.html#claim-P5.multitoken")
    expect(page.locator('[id="claim-P5.multitoken"]')).to_be_in_viewport()


def test_no_chapter_is_offered_that_is_not_in_the_book(page: Page, site: Site) -> None:
    offered = page.get_by_label("chapter", exact=True).locator("option").all_inner_texts()[1:]
    numbers = {int(text.removeprefix("Chapter ").partition(":")[0]) for text in offered}
    assert numbers <= {int(name.split("/")[1][:2]) for name in site.pages if name.startswith("notebooks/")}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("0.99", [PAGE]),
        ("P35.align.after", [PAGE, "notebooks/04_alignment.html"]),
        ("apology", ["notebooks/05_steering.html", "notebooks/03_emotion_vectors.html"]),
    ],
)
def test_the_search_finds_values_ids_and_emotions(
    site: Site, chromium: Browser, words: str, names: list[str]
) -> None:
    page = chromium.new_page()
    page.goto(f"{site.address}search.html?q={words}")
    for name in names:
        page.locator(f'#search-results li a[href*="{name}"]').first.wait_for(timeout=30_000)
    page.close()


def test_every_claim_can_be_read_without_script(
    site: Site, chromium: Browser, kept: list[dict[str, str]]
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.address + PAGE)
    expect(page.locator(LINES)).to_have_count(len(kept))
    row = page.locator('[id="claim-P35.align.after"]')
    expect(row).to_contain_text("at chance")
    expect(row).to_contain_text("models that share nothing")
    page.goto(site.address)
    expect(page.locator("article")).to_contain_text(f"of {len(kept)} claims are decided")
    context.close()

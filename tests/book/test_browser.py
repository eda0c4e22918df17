"""Every page in a real browser without a network: small, quiet, drawn, readable in the dark and on a phone, found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page

from emotion_utils.book.checks import MAX_BYTES
from tests.book.conftest import Site, visit
from tests.book.layout import answer_faults, faults

pytestmark = pytest.mark.browser
CHAPTERS = re.compile("notebooks/(?!01_sample)\\d\\d_")
"""Pages of the real chapters; that of the sample book has no answer."""

VIEWS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
    "light phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}

# Every visible text whose contrast with what is behind it is below that of WCAG AA (4.5, large text 3).
LOW_CONTRAST = r"""() => {
  const channels = (text) => {
    const numbers = (text.match(/[\d.]+/g) || []).map(Number);
    const unit = text.startsWith("color(") ? 255 : 1;
    return [...numbers.slice(0, 3).map((n) => n * unit), numbers[3] ?? 1];
  };
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const colour = channels(getComputedStyle(e).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((under, [r, g, b, a]) =>
      [r, g, b].map((c, i) => c * a + under[i] * (1 - a)), [255, 255, 255]);
  };
  const bad = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (element.closest("script, style, noscript, math annotation, .modebar, .visually-hidden, .skip-link")) continue;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const ink = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [luminance(channels(ink)), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.push([ratio.toFixed(2), element.tagName, text.slice(0, 30)].join(" "));
  }
  return bad;
}"""

DRAWN = """() => [...document.querySelectorAll('[data-draw]')].map((box) => {
  const area = (e) => { const r = e.getBoundingClientRect(); return Math.min(r.width, r.height); };
  const marks = box.querySelectorAll(box.dataset.draw === 'plotly'
    ? ':is(.trace, .mlayer) :is(path, image), g.slice path' : 'canvas, span');
  const sizes = [...box.querySelectorAll('svg, canvas, span')].map(area);
  return { kind: box.dataset.draw, marks: marks.length, size: Math.max(0, ...sizes),
           label: box.getAttribute('aria-label') };
})"""


@contextmanager
def used(chromium: Browser, site: Site, view: str, name: str) -> Iterator[Page]:
    """A page to use in one of the views, which must be quiet, readable and narrow enough after whatever a test did."""
    context = chromium.new_context(**VIEWS[view])
    seen = visit(context, site, name)
    dialogs: list[str] = []
    seen.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    yield seen.page
    assert (seen.errors, seen.foreign, dialogs) == ([], [], [])
    assert seen.page.evaluate(LOW_CONTRAST) == []
    assert seen.page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    context.close()


def test_every_page_is_small(site: Site) -> None:
    sizes = {name: (site.folder / name).stat().st_size for name in site.pages}
    assert sizes
    assert {name: size for name, size in sizes.items() if size >= MAX_BYTES} == {}


@pytest.mark.parametrize("view", VIEWS)
def test_every_page_is_quiet_drawn_readable_and_not_clipped(site: Site, chromium: Browser, view: str) -> None:
    context, complaints = chromium.new_context(**VIEWS[view]), []
    for name in [*site.pages, "search.html", "genindex.html"]:
        seen = visit(context, site, name)
        complaints += [f"{name}: console: {text}" for text in seen.errors]
        complaints += [f"{name}: asks {url}" for url in seen.foreign]
        complaints += [f"{name}: contrast {text}" for text in seen.page.evaluate(LOW_CONTRAST)]
        complaints += [
            f"{name}: not drawn {figure}"
            for figure in seen.page.evaluate(DRAWN)
            if not figure["marks"] or figure["size"] < 10 or not figure["label"]
        ]
        wide = seen.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        complaints += [f"{name}: {wide} pixels too wide"] if wide > 0 else []
        complaints += [f"{name}: {text}" for text in faults(seen.page)]
        if CHAPTERS.match(name) and view in ("light", "dark"):
            complaints += [f"{name}: {text}" for text in answer_faults(seen.page)]
        seen.page.close()
    context.close()
    assert complaints == []


def test_the_theme_follows_the_button_and_figures_follow_the_theme(site: Site, chromium: Browser) -> None:
    context = chromium.new_context(**VIEWS["light"])
    name = next(page for page in site.pages if page.startswith("notebooks/"))
    page = visit(context, site, name).page
    ink = "getComputedStyle(document.querySelector('svg.main-svg text')).fill"
    before = page.evaluate(ink)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(f"{ink} !== '{before}'", timeout=60_000)
    assert page.evaluate(LOW_CONTRAST) == []
    context.close()


def test_the_data_behind_a_figure_opens_as_a_table(site: Site, chromium: Browser) -> None:
    context = chromium.new_context(**VIEWS["phone"])
    name = next(page for page in site.pages if page.startswith("notebooks/"))
    page = visit(context, site, name).page
    details = page.locator("details.emo-data").first
    rows = int(
        re.sub(r"\D", "", re.sub(r"the first (\S+) of.*", r"\1", details.locator("summary").inner_text()))
    )
    details.locator("summary").click()
    details.locator("table").wait_for()
    assert details.locator("tbody tr").count() == rows
    with page.expect_download() as download:
        details.locator("a[download]").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert text.splitlines()[0].split(",")[0] == details.locator("thead th").first.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    context.close()


def test_every_page_is_found_by_its_title(site: Site, chromium: Browser) -> None:
    context = chromium.new_context(**VIEWS["light"])
    page = context.new_page()
    lost = []
    for name in site.pages:
        page.goto(site.address + name)
        title = page.locator("article h1").first.evaluate("(h) => h.firstChild.textContent")
        words = "+".join(re.findall(r"\w+", title))
        page.goto(f"{site.address}search.html?q={words}")
        try:
            page.locator(f'#search-results li a[href*="{name}"]').first.wait_for(timeout=30_000)
        except Exception as error:
            lost.append(f"{name} by {words}: {type(error).__name__}")
    context.close()
    assert lost == []


def test_the_front_door_leads_to_the_welcome_page(site: Site, chromium: Browser) -> None:
    context = chromium.new_context(**VIEWS["light"])
    page = context.new_page()
    page.goto(site.address)
    page.wait_for_url("**/book/index.html")
    assert page.locator("article h1").count() == 1
    context.close()

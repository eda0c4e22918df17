"""What a browser finds wrong with the layout of a page, in words."""

from __future__ import annotations

from playwright.sync_api import Page

TALLEST = 15_000
"""Pixels of a chapter's page at 1280, everything folded."""
SLACK = 1
GUTTER = 40
"""Pixels beside the text in which the way to the code of a result stands, in full view."""
TALLER_TEXT = 3
"""Pixels by which a line of text in a drawing may stand over its figure: the box of a letter is larger than its ink."""

# Whatever is narrower than what it holds, but for tables that are marked as scrolling and what lies inside them, and
# boxes out of which a table reaches into the free third of the page, in full view.
CLIPPED = """([slack, gutter]) => [...document.querySelectorAll('.bd-article *')].filter((box) =>
  box.clientWidth > 1 && !box.closest('svg, math, .emo-scrolls, select, .visually-hidden')
  && getComputedStyle(box).display !== 'inline' && box.checkVisibility()
  && box.scrollWidth - box.clientWidth > slack && !box.querySelector('.emo-scrolls')
  && !(getComputedStyle(box).overflowX === 'visible' && (box.querySelector('.full-width')
    || (box.scrollWidth - box.clientWidth <= gutter && box.querySelector('details.hide > summary')))))
  .map((box) => `${box.tagName}.${box.className} ${box.scrollWidth - box.clientWidth}: `
    + box.textContent.trim().slice(0, 60))"""

# Text of a drawing that reaches out of its figure.
OUTSIDE = """(slack) => [...document.querySelectorAll('figure.emo-figure')].flatMap((figure) => {
  const frame = figure.getBoundingClientRect();
  return [...figure.querySelectorAll('svg text')].filter((text) => text.textContent.trim() && text.checkVisibility({
    opacityProperty: true, visibilityProperty: true }) && !text.closest('.hoverlayer, .modebar')).filter((text) => {
      const box = text.getBoundingClientRect();
      return box.width && (box.left < frame.left - slack || box.right > frame.right + slack
        || box.top < frame.top - slack || box.bottom > frame.bottom + slack);
    }).map((text) => `${figure.querySelector('.emo-title')?.textContent}: ${text.textContent}`);
})"""
BUTTONS = """[...document.querySelectorAll('.modebar-btn')].map((button) => button.dataset.title ?? '')
  .filter((title) => /cloud|chart studio/i.test(title))"""
OVER_TITLE = """[...document.querySelectorAll('figure.emo-figure')].filter((figure) => {
  const bar = figure.querySelector('.modebar')?.getBoundingClientRect(), title = figure.querySelector('.emo-title');
  return bar && title && bar.top < title.getBoundingClientRect().bottom - 1;
}).map((figure) => figure.querySelector('.emo-title').textContent)"""


def faults(page: Page) -> list[str]:
    """What is clipped, stands outside its figure, or covers a title on a page."""
    return [
        *(f"clipped: {text}" for text in page.evaluate(CLIPPED, [SLACK, GUTTER])),
        *(f"outside: {text}" for text in page.evaluate(OUTSIDE, TALLER_TEXT)),
        *(f"offers {text}" for text in page.evaluate(BUTTONS)),
        *(f"toolbar over {text}" for text in page.evaluate(OVER_TITLE)),
    ]


def answer_faults(page: Page) -> list[str]:
    """Whether a chapter answers on its first screen, once, and ends before it is endless."""
    short = page.locator(".emo-short")
    if short.count() != 1:
        found = [f"{short.count()} answers in short"]
    else:
        box, screen = short.bounding_box(), page.viewport_size
        assert screen
        end = box["y"] + box["height"] if box else 0
        found = [] if 0 < end <= screen["height"] else [f"the answer ends at {end:.0f} pixels"]
    height = page.evaluate("document.querySelector('.bd-article').scrollHeight")
    return found + ([f"{height:,} pixels tall"] if height > TALLEST else [])

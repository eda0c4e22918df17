"""A site on a local server, and a Chromium that can reach nothing else."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from emotion_utils.book import assemble, render
from emotion_utils.core.paths import BUILD
from tests.book import sample

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    *["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
    *["--disable-background-networking", "--disable-component-update"],
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@dataclass
class Site:
    """A rendered book, where it is served, and its pages."""

    folder: Path
    address: str
    pages: list[str]


@dataclass
class Visit:
    """A page that was opened, scrolled through and drawn, with all that went wrong on the way."""

    page: Page
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("there is no Chromium: install one (apt-get install chromium) or name it in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def sample_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample book, built by the first process of a test run that asks for it."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    root, done = base / "sample-book", base / "sample-book.txt"
    with FileLock(base / "sample-book.lock"):
        if not done.is_file():
            root.mkdir()
            sample.write_project(root)
            with sample.built_under(root):
                run = sample.execute_chapter(root)
                assemble(run, root)
                done.write_text(str(render(run, root)), encoding="utf-8")
    return Path(done.read_text(encoding="utf-8"))


@pytest.fixture(scope="session", params=["sample", "smoke"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """The sample book, and the one that `make test` has built from the real chapters."""
    if request.param == "sample":
        folder = request.getfixturevalue("sample_site")
    else:
        folder = BUILD / "smoke" / "_build" / "html"
        if not (folder / "index.html").is_file():
            pytest.skip("the smoke book is not built: python -m emotion_utils run runs/smoke.yaml")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pages = [
        str(path.relative_to(folder))
        for part in ("book", "notebooks")
        for path in sorted(folder.glob(f"{part}/*.html"))
    ]
    yield Site(folder, f"http://127.0.0.1:{server.server_port}/", pages)
    server.shutdown()
    server.server_close()


def visit(context: BrowserContext, site: Site, name: str) -> Visit:
    """Open a page, scroll through it so that every figure is drawn, and return to its top."""
    page = context.new_page()
    page.set_default_timeout(120_000)  # a busy machine is slow, not wrong
    seen = Visit(page)
    page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on(
        "response",
        lambda answer: seen.errors.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None,
    )
    local = (site.address, "blob:", "data:")
    page.on("request", lambda ask: None if ask.url.startswith(local) else seen.foreign.append(ask.url))
    page.goto(site.address + name, wait_until="load")
    page.add_style_tag(content="* { transition: none !important; animation: none !important; }")
    # Folded figures are drawn when their fold opens; then all is as a reader finds it.
    page.evaluate("document.querySelectorAll('details:not([open]):has([data-draw])').forEach((fold) => {"
                  " fold.open = true; fold.dataset.closed = 'yes'; })")  # fmt: skip
    for box in page.locator("[data-draw]").all():
        # A figure is drawn when it comes near the window, so each is waited for where it is.
        box.scroll_into_view_if_needed()
        page.wait_for_function("box => box.dataset.drawn", arg=box.element_handle(), timeout=90_000)
    page.wait_for_timeout(300)
    page.evaluate("document.querySelectorAll('details[data-closed]').forEach((fold) => (fold.open = false))")
    page.evaluate("window.scrollTo(0, 0)")
    return seen

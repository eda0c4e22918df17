"""The same figures in JupyterLab, which has none of the book's scripts."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser

from tests.book import sample

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OFFLINE = ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]


@pytest.fixture
def laboratory(sample_site: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a JupyterLab that shows the executed sample."""
    with sample.built_under(sample_site.parent.parent):
        executed = sample.sample_run(sample_site.parent.parent).chapters[0].output
    (tmp_path / "sample.ipynb").write_bytes(executed.read_bytes())
    port = 18_000 + hash_of(tmp_path) % 2_000
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--allow-root"]
    command += [f"--notebook-dir={tmp_path}", "--IdentityProvider.token=", *OFFLINE]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        address = f"http://127.0.0.1:{port}/"
        wait_until_up(address + "api", tmp_path / "log")
        yield address
        server.terminate()


def hash_of(path: Path) -> int:
    return sum(ord(character) * (i + 1) for i, character in enumerate(str(path)))


def wait_until_up(address: str, log: Path) -> None:
    for _ in range(120):
        try:
            with urlopen(address, timeout=2) as answer:  # noqa: S310 (a server that this test started)
                json.load(answer)
                return
        except (URLError, OSError):
            time.sleep(0.5)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


def test_figures_and_viewers_show_in_jupyterlab(laboratory: str, chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": 1300, "height": 3600})
    page.goto(f"{laboratory}lab/tree/sample.ipynb")
    figures = page.locator(".jp-OutputArea-output.jp-RenderedPlotly")
    figures.nth(3).locator("svg.main-svg").first.wait_for(timeout=120_000)
    assert figures.count() == 4
    assert figures.nth(0).locator(".scatterlayer path.js-line").count() == 3
    assert figures.nth(1).locator(".heatmaplayer image").count() == 1
    assert figures.nth(2).locator(".heatmaplayer image").count() == 1
    assert figures.nth(3).locator(".heatmaplayer image").count() == 1
    figures.nth(3).locator(".nsewdrag").first.hover()
    hover = figures.nth(3).locator(".hoverlayer")
    assert "<img src=x onerror=alert(1)></script>" in (hover.text_content() or "")
    assert hover.locator("img").count() == 0
    assert (
        page.locator('span[title="1.2"]').evaluate("(e) => getComputedStyle(e).backgroundColor")
        != "rgba(0, 0, 0, 0)"
    )
    assert page.locator("table caption").first.inner_text().startswith("Counts")
    page.close()

"""Promises that every page of the rendered site keeps: small, self-contained, no dead link, no path of a machine."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from emotion_utils.core.paths import OUTPUT, PROJECT_ROOT, cache_folder

MAX_BYTES = 400_000
"""Of a page: with the 30 layers and 270 heads of a real model its figures hold several times what small ones need."""

# Elements that make a browser fetch something by themselves.
FETCHING = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "link": "href",
}
NOT_FETCHED = {"canonical", "next", "prev", "author", "search", "index", "genindex"}


class _Page(HTMLParser):
    """Collects what a page fetches, where its links lead, and the places that a link can lead to."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.paths = [path for path in _machine_paths() if path in text]
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value}
        if "id" in values:
            self.ids.add(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        address = values.get(FETCHING.get(tag, ""))
        if address and not (tag == "link" and set(values.get("rel", "").split()) & NOT_FETCHED):
            self.fetched.append(address)


def check_site(site: Path) -> list[str]:
    """One sentence per broken promise of the pages under `site`; empty if all is well."""
    paths = [path for path in sorted(site.rglob("*.html")) if not path.is_relative_to(site / "_static")]
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in paths}
    problems = []
    for path, page in pages.items():
        name = path.relative_to(site)
        size = path.stat().st_size
        if size >= MAX_BYTES:
            problems.append(f"{name} has {size:,} bytes; the limit is {MAX_BYTES:,}: show less data on it.")
        problems += [
            f"{name} names the folder {path} of this machine: show its last part." for path in page.paths
        ]
        problems += [f"{name} fetches {url} from another site." for url in page.fetched if _is_foreign(url)]
        inside = [url for url in (*page.fetched, *page.links) if not _is_foreign(url)]
        problems += [
            f"{name} links to {url}, which does not exist."
            for url in inside
            if not _exists(url, path, site, pages)
        ]
    return problems


def _machine_paths() -> list[str]:
    """How folders of this machine begin: the project's, and the reader's own, where models are kept."""
    folders = {PROJECT_ROOT, OUTPUT, Path.home(), cache_folder()}
    return [f"{folder}/" for folder in sorted(folders) if len(folder.parts) > 1]


def _is_foreign(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.netloc) or parts.scheme not in ("", "file")


def _exists(url: str, path: Path, site: Path, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(url)
    if not parts.path:
        return parts.fragment in ("", "top") or unquote(parts.fragment) in pages[path].ids
    base = site if parts.path.startswith("/") else path.parent
    target = (base / unquote(parts.path).lstrip("/")).resolve()
    if target.is_dir():
        target = target / "index.html"
    if target not in pages:
        return target.is_file()
    return parts.fragment == "" or unquote(parts.fragment) in pages[target].ids

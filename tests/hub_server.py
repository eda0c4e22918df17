"""A server on this machine that speaks the hub's protocol for small repositories, and can misbehave as hubs do."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "89abcdef0123456789abcdef0123456789abcdef"
FILE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
API = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(/(?P<what>revision|tree)/(?P<revision>[^/]+))?")


@dataclass
class Repository:
    """Files by commit.

    Attributes
    ----------
    commits
        Commit to names and contents.
    revisions
        Branches and tags.
    gated
        Whether files need a token that has been let in.
    sent
        What is sent in place of a file, of the same size: as if it were changed on the way.
    """

    commits: dict[str, dict[str, bytes]]
    revisions: dict[str, str] = field(default_factory=lambda: {"main": COMMIT})
    gated: bool = False
    sent: dict[str, bytes] = field(default_factory=dict)


class Hub(ThreadingHTTPServer):
    """The server with its repositories.

    Attributes
    ----------
    cuts
        Name of a file to the number of its bytes after which the connection breaks, once.
    asked
        Method, path and range of each request.
    known, let_in
        Tokens that are valid, and those with access to gated repositories.
    """

    daemon_threads = True

    def __init__(self, repositories: dict[str, Repository]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.repositories = repositories
        self.cuts: dict[str, int] = {}
        self.asked: list[tuple[str, str, str | None]] = []
        self.known, self.let_in = {"hf_known", "hf_let_in"}, {"hf_let_in"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(repositories: dict[str, Repository]) -> Iterator[Hub]:
    hub = Hub(repositories)
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()


class Refused(Exception):
    """An answer that is an error: status, code and message as the hub gives them."""


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path = urlsplit(self.path).path
        self.server.asked.append((self.command, path, self.headers.get("Range")))
        try:
            self.check_token()
            if found := FILE.fullmatch(path):
                self.file(found["repo"], unquote(found["revision"]), unquote(found["file"]), body)
            elif found := API.fullmatch(path):
                self.api(found["repo"], found["what"], unquote(found["revision"] or "main"))
            else:
                raise Refused(404, "", "Not found")
        except Refused as refused:
            status, code, message = refused.args
            self.reply(status, b"", {"X-Error-Code": code, "X-Error-Message": message})

    @property
    def token(self) -> str | None:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None

    def check_token(self) -> None:
        if self.token is not None and self.token not in self.server.known:
            raise Refused(401, "", "Invalid credentials in Authorization header")

    def found(self, name: str, revision: str) -> tuple[Repository, str]:
        if name not in self.server.repositories:
            raise Refused(401 if self.token is None else 404, "RepoNotFound", "Repository not found")
        repository = self.server.repositories[name]
        commit = repository.revisions.get(revision, revision)
        if commit not in repository.commits:
            raise Refused(404, "RevisionNotFound", "Invalid rev id")
        return repository, commit

    def api(self, name: str, what: str | None, revision: str) -> None:
        repository, commit = self.found(name, revision)
        files = repository.commits[commit]
        if what == "tree":
            told: object = [listed(path, content) for path, content in files.items()]
        else:
            told = {
                "id": name,
                "sha": commit,
                "private": False,
                "gated": "manual" if repository.gated else False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "siblings": [{"rfilename": path} for path in files],
            }
        self.reply(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def file(self, name: str, revision: str, path: str, body: bool) -> None:
        repository, commit = self.found(name, revision)
        if repository.gated and self.token not in self.server.let_in:
            raise Refused(
                401 if self.token is None else 403, "GatedRepo", "Access to this model is restricted"
            )
        if path not in repository.commits[commit]:
            raise Refused(404, "EntryNotFound", "Entry not found")
        content = repository.commits[commit][path]
        about = {"X-Repo-Commit": commit, "ETag": f'"{etag(path, content)}"', "Accept-Ranges": "bytes"}
        if is_large(path):
            about |= {"X-Linked-Etag": about["ETag"], "X-Linked-Size": str(len(content))}
        content, status = repository.sent.get(path, content), 200
        if asked := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start, status = int(asked[1]), 206
            about["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            content = content[start:]
        self.reply(status, content, about, body, self.server.cuts.pop(path, None) if body else None)

    def reply(
        self, status: int, content: bytes, headers: dict[str, str], body: bool = True, cut: int | None = None
    ) -> None:
        self.send_response(status)
        for header, value in headers.items():
            if value:
                self.send_header(header, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content[:cut])
        if cut is not None:
            self.close_connection = True


def is_large(path: str) -> bool:
    """Whether the hub keeps a file in its large file storage."""
    return path.endswith(".safetensors")


def etag(path: str, content: bytes) -> str:
    if is_large(path):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def listed(path: str, content: bytes) -> dict[str, object]:
    told: dict[str, object] = {
        "type": "file",
        "path": path,
        "size": len(content),
        "oid": etag(path, content),
    }
    if is_large(path):
        told["oid"] = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        told["lfs"] = {"oid": etag(path, content), "size": len(content), "pointerSize": 134}
    return told

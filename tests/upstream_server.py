"""A server on localhost that holds files, and misbehaves as real ones do when it is told to.

It speaks HTTP/1.1 with ranges, ETag and If-Range (RFC 9110), keeps a record of what was asked, and
takes faults: each answers one request for the file in place of the server, in their order.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest


@dataclass(frozen=True)
class Status:
    """An answer that is no file."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Drop:
    """The connection ends after so many bytes of the body."""

    after: int


@dataclass(frozen=True)
class Instead:
    """Another content, whole and well announced."""

    content: bytes


Fault = Status | Drop | Instead


@dataclass
class Upstreams:
    """What a server holds, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    """Path with its leading slash, unquoted, query and all -> content."""
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    everywhere: Callable[[str, int], Fault | None] = lambda path, times: None
    """Path and how often it was asked for before -> a fault, beside those of ``faults``."""
    validators: bool = True
    """Whether it sends an ETag and honours If-Range."""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path, Range."""
    address: str = ""

    def paths(self) -> list[str]:
        """The paths of the GET requests."""
        return [path for method, path, _ in self.asked if method == "GET"]


class _Handler(BaseHTTPRequestHandler):
    upstreams: Upstreams

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body_wanted=False)

    def do_GET(self) -> None:
        self._answer(body_wanted=True)

    def _answer(self, *, body_wanted: bool) -> None:
        held = self.upstreams
        path = unquote(self.path)
        before = sum(one[1] == path for one in held.asked)
        held.asked.append((self.command, path, self.headers.get("Range")))
        faults = held.faults.get(path)
        fault = faults.pop(0) if faults and body_wanted else held.everywhere(path, before)
        if isinstance(fault, Status):
            self._send(fault.code, dict(fault.headers), fault.body)
            return
        content = fault.content if isinstance(fault, Instead) else held.files.get(path)
        if content is None:
            self._send(404, {}, b"")
            return
        tag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        headers = {"ETag": tag} if held.validators else {}
        wanted, only_if = self.headers.get("Range"), self.headers.get("If-Range")
        start = 0
        if wanted and (only_if is None or (held.validators and only_if == tag)):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self._send(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
                return
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        body = content[start:] if body_wanted else b""
        cut = body[: fault.after] if isinstance(fault, Drop) else body
        self._send(206 if start else 200, headers, cut, announced=len(content) - start)

    def _send(
        self, code: int, headers: dict[str, str], body: bytes, announced: int | None = None
    ) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body)
        self.close_connection = True


@contextmanager
def serving(upstreams: Upstreams) -> Iterator[Upstreams]:
    """Serve on a free port of localhost; ``upstreams.address`` is where."""
    handler = type("Handler", (_Handler,), {"upstreams": upstreams})
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    upstreams.address = f"http://127.0.0.1:{httpd.server_port}"
    try:
        yield upstreams
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


@contextmanager
def mirrored(upstreams: Upstreams, monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstreams]:
    """Serve, as the mirror that downloads come from."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(upstreams):
        monkeypatch.setenv("CLIROT_MIRROR", upstreams.address)
        yield upstreams

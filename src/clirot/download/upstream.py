"""A file elsewhere: where it is, which version of it is meant, and under which terms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]+)?")


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A file elsewhere: its address names a revision, its digest, where known, what must arrive."""

    url: str
    """http(s), no query: the address at a fixed revision or version."""
    sha256: str | None
    """Of the file's bytes, 64 hexadecimal digits. None: nobody published it, and what arrives first
    is what must arrive from then on."""
    licence: str
    """SPDX identifier, or the terms in a few words."""
    size: int | None = None
    """Bytes, where known: lets a wrong answer be cut off early, and shows progress."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        # The host becomes a directory: no password, and nothing that leads elsewhere.
        tidy = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.netloc)
        stray = ".." in unquote(parts.path).split("/") or parts.path.endswith("/")
        if not tidy or parts.query or parts.fragment or stray or not parts.path:
            raise ValueError(f"not an address of a file: {self.url!r}")
        if self.sha256 is not None and not is_digest(self.sha256):
            raise ValueError(f"not a SHA-256 in hexadecimal: {self.sha256!r}")

    @property
    def host(self) -> str:
        """``raw.githubusercontent.com``."""
        return urlsplit(self.url).netloc

    @property
    def place(self) -> str:
        """``<host>/<path>``: where it lies in the cache and in a mirror."""
        return self.host + urlsplit(self.url).path

    @property
    def filename(self) -> str:
        """The last part of the address."""
        return self.place.rsplit("/", 1)[1]


def is_digest(text: str) -> bool:
    """Whether it is a SHA-256 in lower-case hexadecimal."""
    return re.fullmatch("[0-9a-f]{64}", text) is not None

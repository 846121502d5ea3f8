"""A file elsewhere: its address, its version and its terms; and where it is to be taken from.

A file is taken from the network, from a mirror that replaces the network (``CLIROT_MIRROR``), or,
where the network is forbidden (``CLIROT_OFFLINE``, :func:`without_network`), from the cache or a
mirror that is a directory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from clirot.digests import is_digest
from clirot.errors import DownloadError

MIRROR = "CLIROT_MIRROR"
OFFLINE = "CLIROT_OFFLINE"
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]+)?")
_forbidden: ContextVar[bool] = ContextVar("network forbidden", default=False)


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A file elsewhere. The address names a revision, and the digest, where known, the content."""

    url: str
    """http(s), no query: the address at a fixed revision or version."""
    sha256: str | None
    """Digest of the file, 64 hexadecimal digits. None: nobody published one, and every later copy
    must be equal to the first one that arrives."""
    licence: str
    """SPDX identifier, or the terms in a few words."""
    md5: str | None = None
    """Where no SHA-256 is known: another digest that somebody published, 32 hexadecimal digits. It
    is held against the file when that arrives; from then on its SHA-256 is known."""
    size: int | None = None
    """Bytes, where known: a wrong answer can then be cut off early, and progress has a total."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        # The host becomes a directory: it must hold no password and must not lead elsewhere.
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


@contextmanager
def without_network() -> Iterator[None]:
    """Forbid the network while the block runs, as ``CLIROT_OFFLINE`` does for a whole process."""
    token = _forbidden.set(True)
    try:
        yield
    finally:
        _forbidden.reset(token)


def offline() -> bool:
    """Whether the network is forbidden. A mirror that is a directory may be read even then."""
    by_environment = os.environ.get(OFFLINE, "").lower() not in ("", "0", "no", "false")
    return _forbidden.get() or by_environment


def mirror_directory() -> Path | None:
    """The directory that replaces the network, if one does.

    Raises:
        DownloadError: it is not a directory.
    """
    mirror = _mirror()
    if not mirror or mirror.startswith(("http://", "https://")):
        return None
    directory = Path(mirror).expanduser()
    if not directory.is_dir():
        raise DownloadError(
            f"{MIRROR} is not a directory: {mirror}",
            hint="set it to a directory or an http(s) address that holds <host>/<path>",
        )
    return directory


def in_mirror(directory: Path, upstream: Upstream) -> Path:
    """The file in a mirror directory.

    Raises:
        DownloadError: the mirror has no such file.
    """
    original = directory / upstream.place
    if not original.is_file():
        raise DownloadError(
            f"the mirror {directory} does not hold {upstream.place}",
            hint=f"put {upstream.url} there, or unset {MIRROR} to use the network",
        )
    return original


def address_of(upstream: Upstream, *, otherwise: str | None = None) -> str:
    """The address to ask: the mirror's, or the file's own (``otherwise``, where it differs).

    Raises:
        DownloadError: the network may not be used.
    """
    if offline():
        forbidden_by = "`offline`" if _forbidden.get() else OFFLINE
        raise DownloadError(
            f"{upstream.filename} is not here, and {forbidden_by} forbids the network",
            hint=f"allow the network, or set {MIRROR} to a directory that holds {upstream.place}",
        )
    mirror = _mirror()
    return f"{mirror}/{upstream.place}" if mirror else (otherwise or upstream.url)


def _mirror() -> str:
    return os.environ.get(MIRROR, "").rstrip("/")

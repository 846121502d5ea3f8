"""Where files come from: the network, a mirror that replaces it, or nowhere but the cache."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from clirot.download.upstream import Upstream
from clirot.errors import DownloadError

MIRROR = "CLIROT_MIRROR"
OFFLINE = "CLIROT_OFFLINE"
_forbidden: ContextVar[bool] = ContextVar("network forbidden", default=False)


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
        raise DownloadError(
            f"{upstream.filename} is not here, and {_who_forbids()} the network",
            hint=f"allow the network, or set {MIRROR} to a directory that holds {upstream.place}",
        )
    mirror = _mirror()
    return f"{mirror}/{upstream.place}" if mirror else (otherwise or upstream.url)


def _mirror() -> str:
    return os.environ.get(MIRROR, "").rstrip("/")


def _who_forbids() -> str:
    return "`offline` forbids" if _forbidden.get() else f"{OFFLINE} forbids"

"""A server's answers to queries, each kept for a time when the server cannot be reached.

An answer is not pinned, because it changes when the server's data change. It is asked for each
time; where the server cannot be reached, the last answer is used, and the caller is told so. In the
cache and in a mirror an answer lies at ``<host>/<path>/<query>.json``, the query as in the address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from clirot.download.transfer import Transfer, download, shown
from clirot.download.upstream import Upstream, address_of, in_mirror, mirror_directory
from clirot.errors import DownloadError
from clirot.records import silent


@dataclass(frozen=True)
class Answer:
    """A JSON document from a server."""

    document: Any
    origin: str
    """Where it is from: an address or a file."""
    stale: str | None = None
    """None, or why this is an earlier answer, and of when."""


def ask(url: str, query: Mapping[str, str], *, home: Path) -> Answer:
    """A server's answer to a query, or its last one where it cannot be reached.

    Args:
        url: http(s), without the query; a slash at its end is kept.
        query: names and values, in the order they are to stand in the address.
        home: ``CLIROT_HOME``; the last answer is kept below ``downloads``.

    Raises:
        DownloadError: there is no answer, not even an earlier one, or it is not JSON.
    """
    written = urlencode(query)
    base = url.rstrip("/")
    upstream = Upstream(url=f"{base}/{written}.json", sha256=None, licence="-")
    kept = home / "downloads" / upstream.place
    try:
        document, origin = _asked(upstream, f"{url}?{written}", kept)
    except DownloadError as error:
        if not kept.is_file():
            raise
        when = datetime.fromtimestamp(kept.stat().st_mtime, UTC).date()
        stale = f"{error.message}; this is its answer of {when}"
        return Answer(_parsed(kept.read_bytes(), str(kept)), str(kept), stale)
    return Answer(document, origin)


def _asked(upstream: Upstream, address: str, kept: Path) -> tuple[Any, str]:
    import filelock

    try:
        mirror = mirror_directory()
        if mirror is not None:
            original = in_mirror(mirror, upstream)
            return _parsed(original.read_bytes(), str(original)), str(original)
        address = address_of(upstream, otherwise=address)
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_name(f".{kept.name}.part")
        with filelock.FileLock(kept.with_name(f".{kept.name}.lock")):
            part.unlink(missing_ok=True)  # half of an older answer cannot be continued
            download(Transfer(upstream, address, part, None, silent))
            document = _parsed(part.read_bytes(), shown(address))
            part.replace(kept)
    except OSError as error:
        raise DownloadError(
            f"cannot write {error.filename or kept}: {error.strerror or error}",
            hint="choose another directory with CLIROT_HOME",
        ) from error
    return document, shown(address)


def _parsed(content: bytes, origin: str) -> Any:
    try:
        return json.loads(content)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DownloadError(
            f"{origin} did not answer in JSON: {content[:40]!r}",
            hint="a proxy or a login page may have answered instead",
        ) from error

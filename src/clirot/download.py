"""The one downloader: a pinned upstream file, whole and verified, in a local cache.

``fetch`` gives the path of a file whose SHA-256 is the pinned one. It resumes what was interrupted
(HTTP Range), tries again after transient failures, lets one process at a time write a file, and
checks the digest on every use, so a damaged cache mends itself. ``CLIROT_MIRROR``, a directory or
an http(s) address that holds ``<host>/<path>``, replaces the network.

It knows nothing of what is in the files, and accepts no file without a digest.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from clirot.errors import DownloadError
from clirot.records import ProgressSink, Step, silent

if TYPE_CHECKING:
    from requests import Response

MIRROR = "CLIROT_MIRROR"

_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""Seconds to wait before each further try. A try that got further than any before it starts this
row again, so a slow line that breaks often still arrives."""
_PAUSES_UNREACHABLE_S = (0.5, 1.0)
"""The same where nothing answers at all: an offline machine should not be kept waiting."""
_LONGEST_RETRY_AFTER_S = 60.0
_TIMEOUT_S = (10.0, 30.0)  # to connect, between two pieces of the answer
_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHUNK = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A file elsewhere, pinned: its address names a revision, its digest says what must arrive."""

    url: str
    """http(s), no query: the address at a fixed revision."""
    sha256: str
    """Of the file's bytes, 64 hexadecimal digits."""
    licence: str
    """SPDX identifier, or the terms in a few words."""
    size: int | None = None
    """Bytes, where known: lets a wrong answer be cut off early, and shows progress."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        tidy = parts.scheme in ("http", "https") and parts.netloc and "@" not in parts.netloc
        if not tidy or parts.query or parts.fragment or ".." in parts.path.split("/"):
            raise ValueError(f"not an address of a file: {self.url!r}")
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
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


def fetch(upstream: Upstream, *, home: Path, progress: ProgressSink = silent) -> Path:
    """The local copy of an upstream file, downloaded unless it is there already.

    Args:
        upstream: which file, with the digest it must have.
        home: ``CLIROT_HOME``; the copy lies at ``downloads/<host>/<path>`` below it.
        progress: told of the kilobytes as they arrive.

    Returns:
        The path of a file whose digest is ``upstream.sha256``.

    Raises:
        DownloadError: it could not be had, or what arrived is not the pinned file, or it could not
            be written. What had arrived of the right file is kept and continued next time.
    """
    import filelock

    target = home / "downloads" / upstream.place
    try:
        if _is_pinned(target, upstream):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        # Waits: the process that holds the lock is fetching this very file for us.
        with filelock.FileLock(target.with_name(f".{target.name}.lock")):
            if not _is_pinned(target, upstream):
                part = target.with_name(f".{target.name}.part")
                _obtain(upstream, part, progress)
                part.replace(target)
    except OSError as error:
        raise DownloadError(
            f"cannot write {error.filename or target}: {error.strerror or error}",
            hint="free some space or choose another directory with CLIROT_HOME, and run the same "
            "command again; it resumes",
        ) from error
    return target


def _obtain(upstream: Upstream, part: Path, progress: ProgressSink) -> None:
    """Fill ``part`` with the pinned bytes, or raise and leave only what may be continued."""
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    if mirror and not mirror.startswith(("http://", "https://")):
        _copy(upstream, Path(mirror).expanduser(), part)
        _verify(upstream, part, origin=f"the mirror {mirror}")
        return
    address = f"{mirror}/{upstream.place}" if mirror else upstream.url
    continued = part.exists()
    _download(upstream, address, part, progress)
    try:
        _verify(upstream, part, origin=_shown(address))
    except DownloadError:
        # What an earlier attempt left may be the part that is wrong: once more from the start.
        if not continued:
            raise
        _download(upstream, address, part, progress)
        _verify(upstream, part, origin=_shown(address))


def _copy(upstream: Upstream, mirror: Path, part: Path) -> None:
    import shutil

    original = mirror / upstream.place
    if not mirror.is_dir():
        raise DownloadError(
            f"{MIRROR} is not a directory: {mirror}",
            hint="set it to a directory or an http(s) address that holds <host>/<path>",
        )
    if not original.is_file():
        raise DownloadError(
            f"the mirror {mirror} does not hold {upstream.place}",
            hint=f"put {upstream.url} there, or unset {MIRROR} to use the network",
        )
    shutil.copyfile(original, part)


def _verify(upstream: Upstream, part: Path, *, origin: str) -> None:
    arrived = _digest(part)
    if arrived == upstream.sha256:
        return
    size = part.stat().st_size
    part.unlink()
    expected = upstream.sha256 + (f" ({upstream.size} bytes)" if upstream.size is not None else "")
    raise DownloadError(
        f"{upstream.filename} from {origin} is not the pinned file: "
        f"expected sha256 {expected}, {arrived} ({size} bytes) arrived",
        hint="a proxy or a login page may have answered instead; otherwise the file has changed at "
        f"its origin: put the pinned one into a mirror and set {MIRROR}",
    )


class _TransientError(Exception):
    """Worth another try; ``after_s`` is what the server asked us to wait."""

    def __init__(self, reason: str, *, after_s: float = 0.0, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.after_s = after_s
        self.unreachable = unreachable


def _download(upstream: Upstream, address: str, part: Path, progress: ProgressSink) -> None:
    """Append to ``part`` until the server has no more to give."""
    furthest = _size(part)
    failures = 0
    while True:
        try:
            _transfer(upstream, address, part, progress)
            return
        except _TransientError as error:
            reached = _size(part)
            failures = 1 if reached > furthest else failures + 1
            furthest = max(furthest, reached)
            pauses = _PAUSES_UNREACHABLE_S if error.unreachable else _PAUSES_S
            if failures > len(pauses):
                raise DownloadError(
                    f"cannot download {_shown(address)}: {error} ({failures} tries)",
                    hint=f"run the same command again, it resumes; without a network, set {MIRROR} "
                    f"to a directory or an address that holds {upstream.place}",
                ) from error
            time.sleep(max(pauses[failures - 1], error.after_s))


def _transfer(upstream: Upstream, address: str, part: Path, progress: ProgressSink) -> None:
    """One request. Raises _TransientError where another may do better, DownloadError where not."""
    import requests
    import urllib3

    start = _size(part)
    # identity: a range of a compressed answer would be a range of other bytes.
    headers = {"Accept-Encoding": "identity", "User-Agent": "clirot"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        with requests.get(address, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
            start = _accepted(upstream, address, response, start, part)
            _receive(upstream, response, start, part, progress)
    except (requests.exceptions.SSLError, requests.exceptions.InvalidURL) as error:
        raise DownloadError(
            f"cannot download {_shown(address)}: {_reason(error)}",
            hint=f"if the network cannot be trusted, use a mirror: {MIRROR}",
        ) from error
    except requests.exceptions.ConnectionError as error:
        unreachable = _has_cause(error, urllib3.exceptions.NewConnectionError)
        raise _TransientError(_reason(error), unreachable=unreachable) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _TransientError(_reason(error)) from error


def _accepted(upstream: Upstream, address: str, response: Response, start: int, part: Path) -> int:
    """The offset at which the answer's body starts."""
    status = response.status_code
    if status == 206:
        got = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if got is not None and int(got[1]) == start:
            return start
        part.unlink(missing_ok=True)
        raise _TransientError("the server sent another range than the one asked for")
    if status == 200:
        return 0
    if status == 416:
        # We have all there is, or more: the digest of what is there decides, or a fresh start.
        if not _is_pinned(part, upstream):
            part.unlink(missing_ok=True)
            raise _TransientError("the server has fewer bytes than were kept of an earlier attempt")
        return start
    said = f"HTTP {status} {response.reason or ''}".rstrip()
    if status in _TRANSIENT_STATUS:
        raise _TransientError(said, after_s=_retry_after(response))
    raise DownloadError(
        f"cannot download {_shown(address)}: {said}",
        hint=f"if the file is gone, put it into a mirror at {upstream.place} and set {MIRROR}",
    )


def _receive(
    upstream: Upstream, response: Response, start: int, part: Path, progress: ProgressSink
) -> None:
    if response.status_code == 416:
        return
    length = response.headers.get("Content-Length", "")
    total = upstream.size
    if total is None and length.isdigit():
        total = start + int(length)
    label = f"download {upstream.filename}"
    done = start
    with part.open("r+b" if start else "wb") as stream:
        stream.seek(start)
        # The bytes as sent: a server that calls a .gz file "Content-Encoding: gzip" means the file.
        for chunk in response.raw.stream(_CHUNK, decode_content=False):
            stream.write(chunk)
            done += len(chunk)
            progress(Step(label, done // 1024, _kilobytes(total), unit="kB"))
            if upstream.size is not None and done > upstream.size:
                return  # not our file: the digest will say so, without filling the disk first
    if total is not None and done < total:
        raise _TransientError(f"the connection ended after {done} of {total} bytes")


def _kilobytes(total: int | None) -> int | None:
    return None if total is None else total // 1024


def _retry_after(response: Response) -> float:
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_RETRY_AFTER_S) if asked.isdigit() else 0.0


def _has_cause(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether ``error`` wraps one of that kind (requests keeps urllib3's as an argument)."""
    seen: list[object] = [error]
    while seen:
        one = seen.pop()
        if isinstance(one, kind):
            return True
        if isinstance(one, BaseException):
            seen += [getattr(one, "reason", None), *one.args]
    return False


def _reason(error: BaseException) -> str:
    """The innermost words of a chain of wrapped network errors."""
    inner: object = error
    while isinstance(inner, BaseException):
        error = inner
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
    words = inner if isinstance(inner, str) else str(error)
    return re.sub(r"^<[^>]*>: |^\w+\([^)]*\): ", "", words) or type(error).__name__


def _shown(address: str) -> str:
    """An address without the password that a mirror's may hold."""
    return re.sub(r"//[^/@]*@", "//", address)


def _is_pinned(path: Path, upstream: Upstream) -> bool:
    return path.is_file() and _digest(path) == upstream.sha256


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0

"""One file over HTTP into a part file: continued, tried again, and refused where it must be wrong.

Where the digest is known, what an earlier attempt left is always continued: in the end the digest
shows whether the pieces belong together. Where it is not known, it is continued only if the server
says that the file has not changed since (``If-Range`` with the validator that it gave then), and a
file whose length is not stated is refused, because half of it would look like the whole.

Source: RFC 9110, sections 10.2.3 (Retry-After), 13.1.5 (If-Range) and 14 (ranges).
"""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from clirot.digests import file_digest
from clirot.download.upstream import MIRROR, Upstream
from clirot.errors import DownloadError
from clirot.records import ProgressSink, Step

if TYPE_CHECKING:
    from requests import Response

_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""Seconds to wait before each further try. A try that gets further than any before it starts the
row anew, so that a file arrives even over a line that often breaks."""
_PAUSES_UNREACHABLE_S = (0.5, 1.0)
"""The same where no server can be reached: a machine without a network should not wait long."""
_LONGEST_RETRY_AFTER_S = 120.0
"""Where a server asks for a longer pause, the command ends instead of waiting."""
_TIMEOUT_S = (10.0, 30.0)  # to connect, between two pieces of the answer
_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHUNK = 1 << 16
_SPARE = 64 << 20
"""Bytes that stay free: a full disk stops other programs too."""


@dataclass(frozen=True)
class Transfer:
    """What to fetch, from where, into which file."""

    upstream: Upstream
    address: str
    """Of the file, or of its copy in a mirror, or a query that it is the answer to."""
    part: Path
    expected: str | None
    """SHA-256 of what must arrive; None where it is not known yet."""
    progress: ProgressSink

    @property
    def validator(self) -> Path:
        """Where the server's name for this version of the file is kept beside the part."""
        return self.part.with_name(f"{self.part.name}.version")


class _TransientError(Exception):
    """Worth another try; ``after_s`` is what the server asked us to wait."""

    def __init__(self, reason: str, *, after_s: float = 0.0, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.after_s = after_s
        self.unreachable = unreachable


def download(transfer: Transfer) -> None:
    """Append to the part file until the server has no more to give.

    Raises:
        DownloadError: the server refuses, cannot be reached, asks for too long a pause, or there is
            no room for the file.
        OSError: the part file cannot be written.
    """
    part = transfer.part
    furthest = size_of(part)
    failures = 0
    while True:
        try:
            _transfer(transfer)
        except _TransientError as error:
            reached = size_of(part)
            failures = 1 if reached > furthest else failures + 1
            furthest = max(furthest, reached)
            pauses = _PAUSES_UNREACHABLE_S if error.unreachable else _PAUSES_S
            if failures > len(pauses):
                raise DownloadError(
                    f"cannot download {shown(transfer.address)}: {error} ({failures} tries)",
                    hint=f"run the same command again, it resumes; without a network, set {MIRROR} "
                    f"to a directory or an address that holds {transfer.upstream.place}",
                ) from error
            _wait(transfer, error, pauses[failures - 1])
        else:
            transfer.validator.unlink(missing_ok=True)
            return


def _wait(transfer: Transfer, error: _TransientError, pause: float) -> None:
    if error.after_s > _LONGEST_RETRY_AFTER_S:
        minutes = round(error.after_s / 60)
        raise DownloadError(
            f"cannot download {shown(transfer.address)} now: {error}, and the server asks to come "
            f"back in {minutes} minutes",
            hint="run the same command again then; it resumes",
        ) from error
    if error.after_s > pause:
        transfer.progress(Step(f"{error}: wait {error.after_s:.0f} s, as the server asks", 0))
    time.sleep(max(pause, error.after_s))


def _transfer(transfer: Transfer) -> None:
    """One request. Raises _TransientError where another may do better, DownloadError where not."""
    import requests
    import urllib3

    address = transfer.address
    start = _resumable(transfer)
    # identity: a range of a compressed answer would be a range of other bytes.
    headers = {"Accept-Encoding": "identity", "User-Agent": "clirot"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if transfer.expected is None:
            headers["If-Range"] = transfer.validator.read_text(encoding="latin-1")
    try:
        with requests.get(address, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
            start = _accepted(transfer, response, start)
            _receive(transfer, response, start)
    except (requests.exceptions.SSLError, requests.exceptions.InvalidURL) as error:
        raise DownloadError(
            f"cannot download {shown(address)}: {_reason(error)}",
            hint=f"if the network cannot be trusted, use a mirror: {MIRROR}",
        ) from error
    except requests.exceptions.ConnectionError as error:
        unreachable = _has_cause(
            error, urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError
        )
        raise _TransientError(_reason(error), unreachable=unreachable) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _TransientError(_reason(error)) from error


def _resumable(transfer: Transfer) -> int:
    """How many bytes of an earlier attempt may be kept."""
    kept = size_of(transfer.part)
    if kept and transfer.expected is None and not transfer.validator.exists():
        transfer.part.unlink()
        return 0
    return kept


def _accepted(transfer: Transfer, response: Response, start: int) -> int:
    """The offset at which the answer's body starts."""
    status = response.status_code
    part = transfer.part
    if status == 206:
        got = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if got is not None and int(got[1]) == start:
            return start
        part.unlink(missing_ok=True)
        raise _TransientError("the server sent another range than the one asked for")
    if status == 200:
        return 0
    if status == 416:
        # The part file is as long as the server's file, or longer. It is complete if it has the
        # digest or, where there is none, the length that the server states.
        whole = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
        if transfer.expected is None:
            complete = whole is not None and int(whole[1]) == start
        else:
            complete = file_digest(part) == transfer.expected
        if not complete:
            part.unlink(missing_ok=True)
            raise _TransientError("the server has fewer bytes than were kept of an earlier attempt")
        return start
    said = f"HTTP {status} {response.reason or ''}".rstrip()
    if status in _TRANSIENT_STATUS:
        raise _TransientError(said, after_s=_retry_after(response))
    raise DownloadError(
        f"cannot download {shown(transfer.address)}: {said}",
        hint=f"if the file is gone, put it into a mirror at {transfer.upstream.place} and set "
        f"{MIRROR}",
    )


def _receive(transfer: Transfer, response: Response, start: int) -> None:
    if response.status_code == 416:
        return
    upstream = transfer.upstream
    total = _total(transfer, response, start)
    kilobytes = None if total is None else total // 1024
    if total is not None:
        what = f"the rest of {upstream.filename}" if start else f"downloading {upstream.filename}"
        require_space(transfer.part.parent, total - start, what=what)
    if start == 0 and transfer.expected is None:
        _keep_validator(transfer, response)
    label = f"download {upstream.filename}"
    done = start
    with transfer.part.open("r+b" if start else "wb") as stream:
        stream.seek(start)
        # Not decoded: some servers call a .gz file "Content-Encoding: gzip", and the file is meant.
        for chunk in response.raw.stream(_CHUNK, decode_content=False):
            stream.write(chunk)
            done += len(chunk)
            transfer.progress(Step(label, done // 1024, kilobytes, unit="kB"))
            if upstream.size is not None and done > upstream.size:
                return  # too long: the digest will not match, and the disk is not filled
    if total is not None and done < total:
        raise _TransientError(f"the connection ended after {done} of {total} bytes")


def _total(transfer: Transfer, response: Response, start: int) -> int | None:
    """Bytes of the whole file, as pinned or as the server says."""
    upstream = transfer.upstream
    length = response.headers.get("Content-Length", "")
    stated = start + int(length) if length.isdigit() else None
    if transfer.expected is not None:
        return stated if upstream.size is None else upstream.size
    # A chunked answer marks its end, and urllib3 raises an error where the mark is missing.
    if stated is None and response.headers.get("Transfer-Encoding", "").lower() != "chunked":
        raise DownloadError(
            f"{shown(transfer.address)}: the server does not say how long the file is, and no "
            "digest is known: half of it would look whole",
            hint=f"give the file's SHA-256, or put the file into a mirror at {upstream.place} and "
            f"set {MIRROR}",
        )
    if stated is not None and upstream.size is not None and stated != upstream.size:
        raise DownloadError(
            f"{shown(transfer.address)} is {stated} bytes long, and {upstream.size} were expected",
            hint="the file has changed at its origin, or something else answered in its place",
        )
    return stated


def _keep_validator(transfer: Transfer, response: Response) -> None:
    """Keep the name of this version of the file: a strong ETag, or else the time of its change."""
    tag = response.headers.get("ETag", "")
    name = tag if tag.startswith('"') else response.headers.get("Last-Modified", "")
    if name:
        transfer.validator.write_text(name, encoding="latin-1")
    else:
        transfer.validator.unlink(missing_ok=True)


def _retry_after(response: Response) -> float:
    """Seconds that the server asks us to wait; it may give them, or a date."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isdigit():
        return float(asked)
    try:
        moment = parsedate_to_datetime(asked)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:  # "-0000": UTC, of no stated place
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - _now()).total_seconds())


def _now() -> datetime:
    return datetime.now(UTC)


def _has_cause(error: BaseException, *kinds: type[BaseException]) -> bool:
    """Whether ``error`` wraps one of those kinds (requests keeps urllib3's as an argument)."""
    seen: list[object] = [error]
    while seen:
        one = seen.pop()
        if isinstance(one, kinds):
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


def shown(address: str) -> str:
    """An address without the password that a mirror's may hold."""
    return re.sub(r"//[^/@]*@", "//", address)


def size_of(path: Path) -> int:
    """Bytes; 0 where there is no such file."""
    return path.stat().st_size if path.exists() else 0


def free_bytes(directory: Path) -> int:
    """Bytes free where ``directory`` is or will be."""
    while not directory.exists() and directory != directory.parent:
        directory = directory.parent
    return shutil.disk_usage(directory).free


def require_space(directory: Path, needed: int, *, what: str) -> None:
    """Make sure that a file system has room for ``needed`` bytes.

    Raises:
        DownloadError: it has not; the message says how much is needed and how much is free.
    """
    free = free_bytes(directory)
    if needed + _SPARE > free:
        raise DownloadError(
            f"{what} needs {readable(needed)}, and {readable(free)} are free at {directory}",
            hint="free some space (64 MB more than that), or choose another directory with "
            "CLIROT_HOME",
        )


def readable(count: int) -> str:
    """Bytes as people write them: ``3.2 GB``, ``417 kB``."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"

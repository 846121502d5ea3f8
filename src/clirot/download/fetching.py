"""A verified local copy of an upstream file, and what there is of it already.

The digest of a file for which none was published is recorded on first use and compared ever after:
``CLIROT_HOME/downloads.sha256`` has a line ``<sha256>  <host>/<path>`` for each. This is the format
of ``sha256sum``, so that ``cd downloads && sha256sum -c ../downloads.sha256`` checks them without
clirot, and a copy of the file makes another machine expect the same bytes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from clirot.digests import file_digest, is_digest
from clirot.download.transfer import Transfer, download, require_space, shown, size_of
from clirot.download.upstream import MIRROR, Upstream, address_of, in_mirror, mirror_directory
from clirot.errors import DownloadError, InputError
from clirot.records import ProgressSink, silent

LOCK = "downloads.sha256"
_HEAD_TIMEOUT_S = 5.0


def fetch(upstream: Upstream, *, home: Path, progress: ProgressSink = silent) -> Path:
    """The local copy of an upstream file, downloaded unless it is there already.

    Args:
        upstream: which file, with the digest it must have, if one is known.
        home: ``CLIROT_HOME``; the copy lies at ``downloads/<host>/<path>`` below it.
        progress: told of the kilobytes as they arrive.

    Returns:
        The path of a file whose digest is ``upstream.sha256``; where that is None, the digest the
        file had when it first arrived here.

    Raises:
        DownloadError: it could not be had, or what arrived is not the expected file, or it could
            not be written. What had arrived of the right file is kept and continued next time.
        InputError: the file of digests is damaged.
    """
    return _fetched(upstream, home, progress)[0]


def identified(upstream: Upstream, *, home: Path, progress: ProgressSink = silent) -> Upstream:
    """The file with its digest: the pinned one, or the one it had when it first arrived here.

    Downloads only a file that has neither.

    Raises:
        DownloadError, InputError: as :func:`fetch`.
    """
    if upstream.sha256 is not None:
        return upstream
    digest = _locked_digest(home, upstream.place)
    if digest is None:
        digest = _fetched(upstream, home, progress)[1]
    return dataclasses.replace(upstream, sha256=digest)


@dataclass(frozen=True)
class Presence:
    """What is here of an upstream file, without reading it."""

    whole: bool
    """It is in the cache, or in a mirror directory."""
    arrived: int
    """Bytes of it that are in the cache."""


def presence(upstream: Upstream, *, home: Path) -> Presence:
    """What is here already of a file that may have to be downloaded."""
    target = _target(upstream, home)
    if target.is_file():
        return Presence(True, target.stat().st_size)
    return Presence(False, size_of(_part(target)))


def stated_size(upstream: Upstream) -> int | None:
    """Bytes that the mirror or the server says a file has; None where nobody says."""
    import requests

    try:
        mirror = mirror_directory()
        if mirror is not None:
            return size_of(in_mirror(mirror, upstream))
        response = requests.head(
            address_of(upstream),
            headers={"Accept-Encoding": "identity", "User-Agent": "clirot"},
            timeout=_HEAD_TIMEOUT_S,
            allow_redirects=True,
        )
    except (DownloadError, requests.RequestException):
        return None
    length = response.headers.get("Content-Length", "")
    return int(length) if response.status_code == 200 and length.isdigit() else None


def _target(upstream: Upstream, home: Path) -> Path:
    return home / "downloads" / upstream.place


def _part(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def _fetched(upstream: Upstream, home: Path, progress: ProgressSink) -> tuple[Path, str]:
    import filelock

    target = _target(upstream, home)
    try:
        expected = upstream.sha256 or _locked_digest(home, upstream.place)
        if expected is not None and _holds(target, expected):
            return target, expected
        target.parent.mkdir(parents=True, exist_ok=True)
        # Waits, because the process that holds the lock is fetching this file.
        with filelock.FileLock(target.with_name(f".{target.name}.lock")):
            expected = upstream.sha256 or _locked_digest(home, upstream.place)
            if expected is not None and _holds(target, expected):
                return target, expected
            if expected is None and target.is_file():  # copied here from another machine
                arrived = file_digest(target)
            else:
                part = _part(target)
                arrived = _obtain(Transfer(upstream, "", part, expected, progress), home)
            if expected is None:
                _lock_digest(home, upstream.place, arrived)
            if not _holds(target, arrived):
                part.replace(target)
    except OSError as error:
        raise DownloadError(
            f"cannot write {error.filename or target}: {error.strerror or error}",
            hint="free some space or choose another directory with CLIROT_HOME, and run the same "
            "command again; it resumes",
        ) from error
    return target, arrived


def _obtain(transfer: Transfer, home: Path) -> str:
    """Fill the part file and give its digest, or raise and leave only what may be continued."""
    upstream, part = transfer.upstream, transfer.part
    mirror = mirror_directory()
    if mirror is not None:
        original = in_mirror(mirror, upstream)
        require_space(part.parent, size_of(original), what=f"a copy of {upstream.filename}")
        shutil.copyfile(original, part)
        return _verified(transfer, home, origin=f"the mirror {mirror}")
    transfer = dataclasses.replace(transfer, address=address_of(upstream))
    origin = shown(transfer.address)
    continued = part.exists()
    download(transfer)
    try:
        return _verified(transfer, home, origin=origin)
    except DownloadError:
        # The wrong bytes may be those of an earlier attempt: once more from the start.
        if not continued:
            raise
        download(transfer)
        return _verified(transfer, home, origin=origin)


def _verified(transfer: Transfer, home: Path, *, origin: str) -> str:
    """The digest of what arrived. Raises where it is not the expected one; see :func:`_plausible`
    where none is expected.
    """
    upstream, part, expected = transfer.upstream, transfer.part, transfer.expected
    arrived = file_digest(part)
    if expected is None:
        _plausible(upstream, part, origin)
    if expected in (None, arrived):
        return arrived
    size = part.stat().st_size
    part.unlink()
    wrong = "pinned file"
    hint = (
        "a proxy or a login page may have answered instead; otherwise the file has changed at "
        f"its origin: put the pinned one into a mirror and set {MIRROR}"
    )
    if _locked_digest(home, upstream.place) == expected:
        wrong = "file that arrived the first time"
        hint = (
            "it has changed at its origin, though its version has not. To accept it, remove "
            f"its line from {LOCK} in CLIROT_HOME and its copy from downloads; to keep the first "
            f"one, put that into a mirror and set {MIRROR}"
        )
    bytes_ = f" ({upstream.size} bytes)" if upstream.size is not None else ""
    raise DownloadError(
        f"{upstream.filename} from {origin} is not the {wrong}: "
        f"expected sha256 {expected}{bytes_}, {arrived} ({size} bytes) arrived",
        hint=hint,
    )


def _plausible(upstream: Upstream, part: Path, origin: str) -> None:
    """Refuse what cannot be the file: another digest of it is known, or it is a login page, half of
    a zip archive, an empty answer.
    """
    import zipfile

    with part.open("rb") as stream:
        head = stream.read(512)
    name = upstream.filename.lower()
    if name.endswith(".zip"):
        # is_zipfile looks for the directory of the archive, which is at its end.
        wrong = None if zipfile.is_zipfile(part) else "a zip archive"
    elif name.endswith((".gz", ".tgz")):
        wrong = None if _whole_gzip(part) else "whole gzip data"
    elif not head:
        wrong = "anything: it is empty"
    else:
        page = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html"))
        wrong = "a data file but a web page" if page else None
    if wrong is None and upstream.md5 is not None:
        arrived = _md5(part)
        if arrived != upstream.md5:
            wrong = f"the published file: expected md5 {upstream.md5}, {arrived} arrived"
    if wrong is not None:
        size = part.stat().st_size
        part.unlink()
        raise DownloadError(
            f"{upstream.filename} from {origin} is not {wrong} ({size} bytes: {head[:24]!r})",
            hint="a proxy or a login page may have answered instead; nothing was kept",
        )


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _whole_gzip(path: Path) -> bool:
    import gzip
    import zlib

    try:
        with gzip.open(path) as stream:
            while stream.read(1 << 20):
                pass
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False
    return True


def _holds(path: Path, digest: str) -> bool:
    return path.is_file() and file_digest(path) == digest


def _locked_digest(home: Path, place: str) -> str | None:
    """The digest a file had when it first arrived; None where it never has.

    Raises:
        InputError: a line of the lock file is not one.
    """
    return _digests(home / LOCK).get(place)


def _lock_digest(home: Path, place: str, sha256: str) -> None:
    """Record the digest of what arrived; the file of digests appears whole or not at all."""
    import filelock

    path = home / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.with_name(f".{path.name}.lock")):
        digests = _digests(path)
        digests[place] = sha256
        lines = [f"{digest}  {one}\n" for one, digest in sorted(digests.items())]
        part = path.with_name(f".{path.name}.part")
        with part.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(lines)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)


def _digests(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    digests: dict[str, str] = {}
    with path.open(encoding="utf-8", newline="\n") as stream:
        for number, line in enumerate(stream, start=1):
            digest, gap, place = line.rstrip("\r\n").partition("  ")
            if not line.strip():
                continue
            if not gap or not is_digest(digest) or not place:
                raise InputError(
                    f"not a digest and a place: {line.strip()!r}",
                    path=path,
                    line=number,
                    hint="a line is as sha256sum writes it: 64 hexadecimal digits, two spaces, "
                    "<host>/<path>",
                )
            digests[place] = digest
    return digests

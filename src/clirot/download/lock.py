"""Digests of files for which none was published: recorded on first use, compared ever after.

``CLIROT_HOME/downloads.sha256`` has a line ``<sha256>  <host>/<path>`` for each: the format of
``sha256sum``, so that ``cd downloads && sha256sum -c ../downloads.sha256`` checks them without
clirot, and a copy of the file makes another machine expect the same bytes.
"""

from __future__ import annotations

import os
from pathlib import Path

from clirot.download.upstream import is_digest
from clirot.errors import InputError

LOCK = "downloads.sha256"


def locked_digest(home: Path, place: str) -> str | None:
    """The digest a file had when it first arrived; None where it never has.

    Raises:
        InputError: a line of the lock file is not one.
    """
    return _read(home / LOCK).get(place)


def lock_digest(home: Path, place: str, sha256: str) -> None:
    """Record the digest of what arrived; the file of digests appears whole or not at all."""
    import filelock

    path = home / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.with_name(f".{path.name}.lock")):
        digests = _read(path)
        digests[place] = sha256
        lines = [f"{digest}  {one}\n" for one, digest in sorted(digests.items())]
        part = path.with_name(f".{path.name}.part")
        with part.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(lines)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)


def _read(path: Path) -> dict[str, str]:
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

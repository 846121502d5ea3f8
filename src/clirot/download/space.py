"""Room on the disk, checked before anything is written."""

from __future__ import annotations

import shutil
from pathlib import Path

from clirot.errors import DownloadError

_SPARE = 64 << 20
"""Bytes that stay free: a full disk stops other programs too."""


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

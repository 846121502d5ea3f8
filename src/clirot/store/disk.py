"""Writing so that a crash leaves the old or the new, and saying in words why a disk refused."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from clirot.errors import ArtefactError

DISK_HINTS = {
    errno.ENOSPC: "the disk is full: free some space and run the same command again; it resumes",
    errno.EDQUOT: "the disk quota is used up: free some and run the same command again; it resumes",
    errno.EFBIG: "files may not grow further here (see ulimit -f)",
    errno.EACCES: "choose another directory with CLIROT_HOME",
    errno.EROFS: "choose another directory with CLIROT_HOME",
}
"""What to do about each system error that a disk, not clirot, is to blame for."""


def write_text(path: Path, text: str) -> None:
    """Write a small file so that it is either the old one or the new one, never half of either."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def disk_error(error: OSError, target: Path) -> ArtefactError:
    """A full or forbidden disk, in words."""
    hint = DISK_HINTS.get(error.errno or 0)
    place = error.filename or target
    return ArtefactError(f"cannot write {place}: {error.strerror or error}", hint=hint)


def clear(path: Path) -> None:
    """Remove a file or a directory with all in it; nothing there is well too."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def flush_tree(directory: Path) -> None:
    """Have all below a directory on the disk, not only in the system's memory."""
    for path in directory.rglob("*"):
        if path.is_dir():
            flush_directory(path)
        else:
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    flush_directory(directory)


def flush_directory(directory: Path) -> None:
    """Have the names in a directory, as renamed, on the disk."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

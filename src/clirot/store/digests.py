"""Digests of files and of directories, by which artefacts and what they are made of are known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from clirot.store.manifest import MANIFEST


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tree_digest(directory: Path, files: Iterable[Path] | None = None) -> str:
    """SHA-256 over the relative names and contents of the files below ``directory``.

    The manifest is left out: it holds the time and the command line, which are not content.

    Args:
        directory: what the names are relative to.
        files: which files of it; default all.
    """
    whole = hashlib.sha256()
    for path in sorted(directory.rglob("*") if files is None else files):
        if not path.is_file():
            continue
        relative = path.relative_to(directory).as_posix()
        if relative != MANIFEST:
            whole.update(f"{relative}\0{file_digest(path)}\n".encode())
    return whole.hexdigest()

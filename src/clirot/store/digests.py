"""Digests of files and of directories, by which artefacts and what they are made of are known."""

from __future__ import annotations

import hashlib
from pathlib import Path

from clirot.store.manifest import MANIFEST


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tree_digest(directory: Path) -> str:
    """SHA-256 over the relative names and contents of the files below ``directory``.

    The manifest is left out: it holds the time and the command line, which are not content.
    """
    whole = hashlib.sha256()
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    for path in files:
        relative = path.relative_to(directory).as_posix()
        if relative != MANIFEST:
            whole.update(f"{relative}\0{file_digest(path)}\n".encode())
    return whole.hexdigest()

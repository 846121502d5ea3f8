"""The files of an artefact or a checkpoint: their sizes and digests, and the digest of them all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from clirot.digests import file_digest

MANIFEST = "clirot.json"


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """What a file was when it was written."""

    bytes: int
    sha256: str
    """Of its content, hexadecimal."""

    @classmethod
    def of(cls, path: Path) -> FileRecord:
        """The record of the file as it is now."""
        return cls(bytes=path.stat().st_size, sha256=file_digest(path))


def files_below(directory: Path) -> dict[str, Path]:
    """The files below a directory by their relative names, directory by directory.

    The manifest is left out: it holds the time and the command line, which are not content.
    """
    found = {
        path.relative_to(directory).as_posix(): path
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    found.pop(MANIFEST, None)
    return found


def file_records(directory: Path) -> dict[str, FileRecord]:
    """The records of the files below a directory (the manifest excluded), by relative name."""
    return {name: FileRecord.of(path) for name, path in files_below(directory).items()}


def records_digest(records: Mapping[str, FileRecord]) -> str:
    """SHA-256 over the relative names and contents of files; see :func:`tree_digest`."""
    # In the order of paths: `a/b` before `a-c`, which strings would have the other way.
    ordered = sorted(records, key=lambda name: name.split("/"))
    return _digest((name, records[name].sha256) for name in ordered)


def tree_digest(directory: Path, files: Iterable[Path] | None = None) -> str:
    """SHA-256 over the relative names and contents of the files below ``directory``.

    Args:
        directory: what the names are relative to.
        files: which files of it; default all but the manifest.
    """
    chosen = (
        files_below(directory)
        if files is None
        else {path.relative_to(directory).as_posix(): path for path in sorted(files)}
    )
    return _digest(
        (name, file_digest(path))
        for name, path in chosen.items()
        if path.is_file() and name != MANIFEST
    )


def _digest(digests: Iterable[tuple[str, str]]) -> str:
    whole = hashlib.sha256()
    for name, digest in digests:
        whole.update(os.fsencode(name) + f"\0{digest}\n".encode())
    return whole.hexdigest()

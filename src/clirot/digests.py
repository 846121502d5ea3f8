"""SHA-256 digests, by which files, texts and artefacts are told apart; CRC-32 for damage."""

from __future__ import annotations

import hashlib
import re
import zlib
from pathlib import Path


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_digest(text: str) -> bool:
    """Whether it is a SHA-256 in lower-case hexadecimal."""
    return re.fullmatch("[0-9a-f]{64}", text) is not None


def crc_of_beginning(path: Path, size: int) -> int:
    """CRC-32 of the first bytes of a file.

    Raises:
        ValueError: it has fewer.
    """
    found = 0
    with path.open("rb") as stream:
        while size:
            block = stream.read(min(size, 1 << 20))
            if not block:
                raise ValueError(f"{path.name} is shorter than it was")
            found = zlib.crc32(block, found)
            size -= len(block)
    return found

"""A part of what the user named: a file, or a file in a zip archive; either may be compressed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from clirot.bitext.formats import zipped
from clirot.bitext.formats.compressed import ENDINGS, kind_of, open_bytes, open_raw


@dataclass(frozen=True)
class Part:
    """Bytes with a name."""

    path: Path
    """The file on disk."""
    member: str | None = None
    """The name in the archive, where ``path`` is one."""

    @property
    def label(self) -> Path:
        """What errors call it: ``corpus.zip/train.en``."""
        if self.member is None:
            return self.path
        return Path(f"{self.path}/{zipped.listed([self.member])}")

    @property
    def name(self) -> str:
        """Its own name in small letters, without directories and the ending of a compression."""
        own = PurePosixPath(self.member).name if self.member is not None else self.path.name
        return without_compression(own.lower())

    def packed(self) -> bool:
        """Whether the bytes on disk are others than those of :meth:`open`."""
        raw, _ = open_raw(self.path)
        with raw:
            return self.member is not None or kind_of(raw.peek(16)) is not None

    def open(self) -> io.BufferedReader:
        """The bytes, unpacked.

        Raises:
            InputError: it cannot be read.
        """
        if self.member is None:
            return open_bytes(self.path)
        return zipped.open_named(self.path, self.member)


def without_compression(name: str) -> str:
    """``train.en.gz`` without its ``.gz``."""
    for ending in ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name

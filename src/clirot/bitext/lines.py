"""Lines of a UTF-8 text file, gzipped or not, one at a time.

Only a line feed ends a line: ``str.splitlines`` would also cut at the Unicode separators that occur
inside sentences, and shift everything after them.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from clirot.errors import InputError

_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file, looking through gzip by its first bytes, not its name.

    Raises:
        InputError: there is no such file, it is a directory, or it may not be read.
    """
    try:
        with path.open("rb") as stream:
            gzipped = stream.read(2) == _GZIP
        return cast("IO[bytes]", gzip.open(path)) if gzipped else path.open("rb")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=path) from error


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a text file without their ends; a byte order mark at the start is dropped.

    Raises:
        InputError: with the line, where the bytes are not UTF-8, or gzip data is damaged or short.
    """
    number = 0
    with open_bytes(path) as stream:
        try:
            for number, raw in enumerate(stream, start=1):
                if number == 1:
                    if raw.startswith(_UTF16):
                        raise InputError("UTF-16, not UTF-8", path=path, hint=_CONVERT)
                    raw = raw.removeprefix(b"\xef\xbb\xbf")
                yield _decoded(raw, path, number)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(
                f"damaged gzip data: {error}", path=path, line=number + 1, hint="copy it again"
            ) from error


_CONVERT = "convert it, for example with: iconv -f UTF-16 -t UTF-8"


def _decoded(raw: bytes, path: Path, number: int) -> str:
    try:
        return raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8: byte 0x{raw[error.start]:02x} at column {error.start + 1}",
            path=path,
            line=number,
            hint="convert the file, for example with: iconv -f WINDOWS-1252 -t UTF-8",
        ) from error

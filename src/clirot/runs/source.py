"""The bytes of an input: a path or standard input, gzipped or not."""

from __future__ import annotations

import gzip
import sys
import zlib
from os import PathLike
from pathlib import Path

from clirot.errors import InputError

_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_bytes(path: str | PathLike[str], *, what: str) -> bytes:
    """The whole content of ``path`` (``-``: standard input), decompressed where it is gzip.

    Gzip is recognised by the content, not by the name, so that a compressed stream can be read.

    Args:
        path: a file, or ``-``.
        what: what the file should be ("run", "qrels"), for messages.

    Raises:
        InputError: it cannot be read, is empty, or is damaged gzip.
    """
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"there is no such {what} file", path=path) from None
    except IsADirectoryError:
        raise InputError(f"is a directory, not a {what} file", path=path) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=path) from None
    if data.startswith(_GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(
                f"damaged gzip: {error}", path=path, hint="the file was cut off; copy it again"
            ) from None
    data = data.removeprefix(_BYTE_ORDER_MARK)
    if not data.strip():
        hint = (
            "the command before the pipe wrote nothing; look at its messages"
            if str(path) == "-"
            else f"a {what} has at least one line"
        )
        raise InputError(f"the {what} is empty", path=path, hint=hint)
    return data


def check_utf8(data: bytes, path: str | PathLike[str]) -> None:
    """Raise with the line of the first byte that is not UTF-8."""
    if data.isascii():
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"not UTF-8: byte 0x{data[error.start]:02x} ({error.reason})",
            path=path,
            line=line,
            hint="convert it, for example with iconv -f latin1 -t utf-8",
        ) from None


def is_json(data: bytes) -> bool:
    """Whether the content is JSON or JSON lines rather than TREC columns."""
    return data.lstrip()[:1] in (b"{", b"[")


def show(line: bytes) -> str:
    """A line for a message: readable and short."""
    text = line.decode("utf-8", "replace").strip()
    return repr(text if len(text) <= 60 else text[:57] + "...")

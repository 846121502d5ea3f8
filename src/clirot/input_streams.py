"""An input as bytes: a file, a pipe or standard input, unpacked where it is compressed.

Whatever reads runs, judgements, topics, documents, labels or answers opens it here, so that one
bound holds for all of them (:mod:`clirot.bounds`).
"""

from __future__ import annotations

import io
import os
import stat
import sys
import warnings
from os import PathLike
from pathlib import Path
from typing import Any, cast

from clirot.bounds import SMALL, raised, too_long
from clirot.compressed import decompressed
from clirot.errors import InputError, ReadingNotice

_BUFFER = 1 << 17
_BLOCK = 1 << 20
_PATIENCE_MS = 2000
"""Waiting for a pipe that nothing writes to, before it is said."""


def open_input(path: str | PathLike[str]) -> io.BufferedReader:
    """The unpacked bytes of ``path`` (``-``: standard input). Compression is recognised by the
    content, not by the name, so that a stream may be compressed as well.

    Raises:
        OSError: it cannot be opened or read.
        InputError: standard input is closed, or it is compressed twice. Reading raises
            :class:`~clirot.compressed.DamagedError`.
    """
    if str(path) == "-":
        if sys.stdin is None:
            raise InputError("standard input is closed", path=path)
        counted = _Counted(cast("io.BufferedReader", sys.stdin.buffer), keep=True)
    else:
        try:
            file = io.FileIO(os.fspath(path), opener=_opened)
        except ValueError as error:  # a NUL in the name
            raise InputError(f"not a name of a file: {error}", path=path) from error
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            size = os.fstat(file.fileno()).st_size
            return decompressed(io.BufferedReader(file, _BUFFER), path=Path(path), size=size)
        counted = _Counted(file, keep=False)
    stream: io.BufferedReader = io.BufferedReader(counted, _BUFFER)
    return decompressed(stream, path=Path(path), size=lambda: counted.bytes)


def read_whole(
    stream: io.BufferedReader, most: int, *, what: str, path: str | PathLike[str]
) -> bytes:
    """The rest of a stream.

    Raises:
        InputError: it has more than ``most`` bytes.
    """
    try:
        state = os.fstat(stream.fileno())
    except (OSError, ValueError):  # unpacked, or a pipe: its size is not known
        pass
    else:
        if stat.S_ISREG(state.st_mode):  # into memory that is taken once, not grown and copied
            data = stream.read(min(state.st_size, most) + 1)
            if len(data) > most:
                raise too_long(f"a {what}", most, path=path)
            return data
    blocks = io.BytesIO()
    while block := stream.read(_BLOCK):
        if blocks.tell() + len(block) > most:
            raise too_long(f"a {what}", most, path=path)
        blocks.write(block)
    return blocks.getvalue()


def read_small_text(path: Path, *, what: str) -> str:
    """A text in UTF-8 that a person writes, such as a plan, without its byte order mark.

    Raises:
        OSError: it cannot be opened or read.
        UnicodeDecodeError: it is not UTF-8.
        InputError: it has more than :data:`~clirot.bounds.SMALL` bytes.
    """
    with open_input(path) as stream:
        data = read_whole(stream, raised(SMALL), what=what, path=path)
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig").read()


def _opened(path: str, flags: int) -> int:
    """Open a file; for a named pipe say that nothing writes to it before waiting for ever."""
    try:
        is_pipe = Path(path).is_fifo()
    except OSError:
        is_pipe = False
    if not is_pipe:
        return os.open(path, flags)
    import select

    handle = os.open(path, flags | os.O_NONBLOCK)  # without, it would wait here without a word
    try:
        ready = select.poll()
        ready.register(handle, select.POLLIN)
        if not ready.poll(_PATIENCE_MS):
            warnings.warn(
                f"{path} is a pipe that nothing has been written to yet; waiting for it",
                ReadingNotice,
                stacklevel=2,
            )
            ready.poll()
        os.set_blocking(handle, True)
    except BaseException:
        os.close(handle)
        raise
    return handle


class _Counted(io.RawIOBase):
    """A stream that counts its bytes.

    Args:
        stream: the bytes.
        keep: leave the stream open when this one is closed.
    """

    def __init__(self, stream: io.BufferedReader | io.FileIO, *, keep: bool) -> None:
        self._stream = stream
        self._keep = keep
        self.bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        # Not readinto: it would wait for a full buffer where a pipe has some bytes only.
        read = getattr(self._stream, "read1", self._stream.read)
        data = read(len(buffer))
        if data is None:
            return None
        buffer[: len(data)] = data
        self.bytes += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed and not self._keep:
            self._stream.close()
        super().close()

"""Compressed bytes as a stream: gzip, bzip2, xz and zstd, recognised by their first bytes.

Nothing is unpacked to disk, and no whole file is held in memory. A stream that grows far more than
text does (a "zip bomb") is refused, and so is one that was cut off. Every reader of files that may
be compressed opens them here.

zstd is read by pyarrow, because it notices a file that was cut off; the ``zstandard`` package does
not. Several members or frames one after the other, as ``gzip``, ``xz``, ``pzstd`` and ``cat`` write
them, are one stream.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, cast

from clirot.bounds import STREAM, VARIABLE, raised
from clirot.errors import InputError

MAX_RATIO = 200
"""A stream may be this many times as large as its compressed form. Text is 3 to 20 times."""
FREE_BYTES = 1 << 26
"""Bytes that a stream may have whatever its ratio, because they do no harm: 64 MiB."""

XZ_MEMORY = 1 << 29
"""Bytes of memory that an xz file may ask for: 512 MiB; ``xz -9`` needs 65."""

ENDINGS = (".gz", ".bz2", ".xz", ".zst", ".zstd")
"""Endings of names of compressed files. They are removed to find the ending of the format."""

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second begins an archive that holds nothing
_BUFFER = 1 << 17
_Decompressor = bz2.BZ2Decompressor | lzma.LZMADecompressor
_BROKEN = (
    OSError,  # gzip.BadGzipFile, and what pyarrow and bz2 raise
    EOFError,
    ValueError,  # pyarrow.ArrowInvalid
    MemoryError,  # an xz or zstd header that asks for gigabytes
    RuntimeError,  # zipfile: encrypted
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


class DamagedError(InputError):
    """Compressed data that is broken, cut short, or far too large once it is unpacked."""

    def at_line(self, line: int) -> DamagedError:
        """The same with the line of text that would have come next."""
        what = self.message.removeprefix(f"{self.path}: ")
        return DamagedError(what, path=self.path, line=line, hint=self.hint)


def without_compression(name: str) -> str:
    """``train.en.gz`` without its ``.gz``."""
    for ending in ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def kind_of(head: bytes) -> str | None:
    """The compression that bytes begin with (``gzip``, ``bzip2``, ``xz``, ``zstd``), or None."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    # Text may begin with "BZh", but not go on with a block or the end of a stream.
    if head[:3] == b"BZh" and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    # pzstd begins with a skippable frame, which has one of 16 numbers.
    skippable = len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50
    return "zstd" if skippable or head.startswith(b"\x28\xb5\x2f\xfd") else None


def is_zip(head: bytes) -> bool:
    """Whether bytes begin a zip archive."""
    return head.startswith(_ZIP)


def open_bytes(path: Path) -> io.BufferedReader:
    """Open a file and unpack it, by its first bytes and not by its name.

    Raises:
        InputError: there is no such file, it is not a regular file, or it may not be read. Reading
            raises :class:`DamagedError`.
    """
    raw, size = open_raw(path)
    return decompressed(raw, path=path, size=size)


def open_raw(path: Path) -> tuple[io.BufferedReader, int]:
    """The bytes of a file as they are, and their number.

    Raises:
        InputError: there is no such file, it is not a regular file, or it may not be read.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            # A pipe can be read once only, and its digest is taken before the pairs are read.
            raise InputError("not a regular file", path=path, hint="save it to a file first")
        stream: io.BufferedReader = io.BufferedReader(path.open("rb", buffering=0), _BUFFER)
        return stream, path.stat().st_size
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        why = error.strerror if isinstance(error, OSError) else None
        raise InputError(f"cannot be read: {why or error}", path=path) from error


def decompressed(
    stream: io.BufferedReader, *, path: Path, size: int | Callable[[], int]
) -> io.BufferedReader:
    """A stream of the unpacked bytes, or the stream itself where it is not compressed.

    Args:
        stream: the bytes; closed with what is given back.
        path: their name in errors.
        size: bytes on disk, which limits how many bytes may come out; of a pipe what tells how many
            have come.

    Raises:
        InputError: compressed twice. Reading raises :class:`DamagedError`.
    """
    kind = kind_of(stream.peek(16))
    if kind is None:
        return stream
    try:
        decoder = _decoder(kind, stream)
    except BaseException:
        stream.close()
        raise
    unpacked = guarded(
        decoder,
        path=path,
        size=size,
        wrong=f"damaged {kind} data",
        hint="copy it again",
        also=stream.close,
    )
    try:
        again = kind_of(unpacked.peek(16))
        if again is not None:
            raise InputError(
                f"{again} in {kind}: compressed twice", path=path, hint="unpack it once"
            )
    except InputError:
        unpacked.close()
        raise
    return unpacked


def guarded(
    inner: IO[bytes],
    *,
    path: Path,
    size: int | Callable[[], int],
    wrong: str,
    hint: str | None,
    also: Callable[[], None] | None = None,
) -> io.BufferedReader:
    """A stream that turns the errors of its decoder into :class:`DamagedError`, and stops bombs.

    Args:
        inner: the decoder.
        path: its name in errors.
        size: compressed size in bytes, or what tells it.
        wrong: the beginning of an error.
        hint: what the user can do about it.
        also: called when the stream is closed.
    """
    return io.BufferedReader(_Guard(inner, path, size, wrong, hint, also), _BUFFER)


def _decoder(kind: str, stream: io.BufferedReader) -> IO[bytes]:
    if kind == "gzip":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream, mode="rb"))
    if kind == "bzip2":
        return cast("IO[bytes]", _Members(stream, bz2.BZ2Decompressor))
    if kind == "xz":
        xz = partial(lzma.LZMADecompressor, lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
        return cast("IO[bytes]", _Members(stream, xz))
    import pyarrow as pa

    return cast("IO[bytes]", pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd"))


class _Members:
    """bzip2 or xz streams one after the other.

    ``BZ2File`` and ``LZMAFile`` ignore a second stream that is damaged, and end without an error
    after half of a corpus.
    """

    def __init__(self, stream: io.BufferedReader, make: Callable[[], _Decompressor]) -> None:
        self._stream = stream
        self._make = make
        self._member = make()

    def read(self, size: int) -> bytes:
        while True:
            data = b""
            if self._member.eof:
                # xz may be padded with zeros to a multiple of four bytes.
                data = self._member.unused_data.lstrip(b"\0")
                while not data:
                    data = self._stream.read(_BUFFER)
                    if not data:
                        return b""
                    data = data.lstrip(b"\0")
                self._member = self._make()
            elif self._member.needs_input:
                data = self._stream.read(_BUFFER)
                if not data:
                    raise EOFError("it ends before the end of its data")
            unpacked = self._member.decompress(data, size)
            if unpacked:
                return unpacked

    def close(self) -> None:
        self._stream.close()


class _Guard(io.RawIOBase):
    def __init__(
        self,
        inner: IO[bytes],
        path: Path,
        size: int | Callable[[], int],
        wrong: str,
        hint: str | None,
        also: Callable[[], None] | None,
    ) -> None:
        self._inner, self._also = inner, also
        self._path = path
        self._size: Callable[[], int] = size if callable(size) else lambda: size
        self._wrong, self._hint = wrong, hint
        self._out = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._inner.read(len(buffer))
        except _BROKEN as error:
            raise DamagedError(
                f"{self._wrong}: {str(error).strip() or 'too large'}",
                path=self._path,
                hint=self._hint,
            ) from error
        self._out += len(data)
        size = self._size()
        allowed = raised(min(max(FREE_BYTES, MAX_RATIO * size), STREAM))
        if self._out > allowed:
            raise DamagedError(
                f"{size:,} bytes unpack to more than {allowed:,}: refused as a zip bomb",
                path=self._path,
                hint=f"text that repeats itself more than {MAX_RATIO} times: unpack it first, or "
                f"set {VARIABLE} in the environment to the bytes that it has",
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            try:
                self._inner.close()
            except _BROKEN:
                pass  # reading has raised the same
            finally:
                if self._also is not None:
                    self._also()
        super().close()

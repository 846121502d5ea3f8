"""stdout and stderr that raise clirot's errors: for closed pipes, full disks and closed files.

Typer, rich and Python each handle a failed write in their own way, with exit code 1 or 120 and with
or without a message. So the error is raised where the bytes are written, as an exception that none
of them handles. Later writes are ignored: the command has ended, and what is still buffered must
not fail again when Python exits.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, TextIO


class ClosedPipe(Exception):  # noqa: N818
    """The reader of a pipe has gone, which is not a failure."""


def guard_streams() -> None:
    """Put guards before stdin, stdout and stderr. A stream that is not a file (in a test) stays as
    it is.

    Writing to stdout raises :class:`ClosedPipe` or :class:`clirot.errors.ArtefactError`. A message
    on stderr that cannot be written is lost, and the command goes on.
    """
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_ClosedInput()), encoding="utf-8")
    sys.stdout = _guarded(sys.stdout, "stdout", lossy=False)
    sys.stderr = _guarded(sys.stderr, "stderr", lossy=True)


class _ClosedInput(io.RawIOBase):
    """Standard input that was closed before clirot started: reading it is an error of the system,
    which every reader words.
    """

    def readable(self) -> bool:
        return True

    def readinto(self, _: Any, /) -> int:
        raise OSError(errno.EBADF, "it is closed")


class _Guard(io.RawIOBase):
    """Passes bytes on to a file; None: the file was closed before clirot started."""

    def __init__(self, file: io.RawIOBase | None, name: str, *, lossy: bool) -> None:
        self._file = file
        self._name = name
        self._lossy = lossy
        self._failed = False

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._file is not None and self._file.isatty()

    def fileno(self) -> int:
        return super().fileno() if self._file is None else self._file.fileno()

    def write(self, data: Any, /) -> int | None:
        size = memoryview(data).nbytes
        # Typer writes zero bytes to learn what kind of stream this is; that must not fail.
        if size and not self._failed:
            try:
                if self._file is None:
                    raise OSError(errno.EBADF, "it is closed")
                return self._file.write(data)
            except OSError as error:
                self._failed = True
                if not self._lossy:
                    if isinstance(error, BrokenPipeError):
                        raise ClosedPipe from error
                    from clirot.store import output_error  # here, for a quick start

                    raise output_error(error, self._name) from error
        return size


def _guarded(stream: TextIO | None, name: str, *, lossy: bool) -> TextIO:
    if stream is None:
        return _text(io.BufferedWriter(_Guard(None, name, lossy=lossy)), errors="backslashreplace")
    buffer = getattr(stream, "buffer", None)
    file = getattr(buffer, "raw", buffer)
    if not isinstance(stream, io.TextIOWrapper) or not isinstance(file, io.FileIO):
        return stream
    guard = _Guard(file, name, lossy=lossy)
    stream.flush()
    return _text(
        guard if file is buffer else io.BufferedWriter(guard),  # PYTHONUNBUFFERED: no buffer
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _text(buffer: Any, *, encoding: str = "utf-8", **settings: Any) -> TextIO:
    # Lines end as stdout's do: what an empty newline leaves alone, None would translate.
    return io.TextIOWrapper(buffer, encoding=encoding, newline=os.linesep, **settings)

"""Translation by another program, which gets lines and gives lines: Apertium, Moses, a script.

The program is started once and reads all texts, a line each, from its standard input. The texts are
never part of a command line, so no text can be taken for a command. A command that holds characters
which only a shell understands (a pipe, a redirection, a variable) is given to ``sh -c``; any other
is split into words as a shell would, and started without one.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import BufferedReader
from threading import Thread
from typing import BinaryIO, cast

from clirot.errors import CommandError, UsageError
from clirot.retrieval.translation.translator import Order, Rendering

_FOR_A_SHELL = frozenset("|&;<>()$`*?[]{}~#\n")
_LAST_WORDS_S = 5.0
_BLOCK = 1 << 16
_LEAST_ALLOWED, _GROWTH = 1 << 26, 100
"""Bytes that any program may write, and that it may write for each byte it gets: far more than any
translation."""
_TOLD_LINES = 5
"""Lines of what the program wrote to stderr that an error shows."""


class CommandTranslator:
    """A :class:`~clirot.retrieval.translation.translator.Translator` that runs a program.

    Args:
        command: as a person would type it.
        timeout: seconds after which the program is ended; 0: never.

    Raises:
        UsageError: the command is empty, or a quotation mark in it is not closed.
    """

    identity = None  # the program may be another one tomorrow, under the same name
    window = None

    def __init__(self, command: str, *, timeout: float = 0) -> None:
        self.name = command
        self._timeout = timeout or None
        self._words = words_of(command)

    def translate(self, texts: Sequence[str]) -> Iterator[dict[int, Rendering]]:
        """See :meth:`~clirot.retrieval.translation.translator.Translator.translate`.

        Raises:
            CommandError: the program is not there, failed, did not end in time, or wrote another
                number of lines than it got.
        """
        lines = self._run("".join(f"{text}\n" for text in texts), len(texts))
        yield {place: Rendering((" ".join(line.split()),)) for place, line in enumerate(lines)}

    def _run(self, given: str, count: int) -> list[str]:
        try:
            # A session of its own, so that what a shell started ends with it.
            process = subprocess.Popen(
                self._words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise CommandError(
                f"cannot run {self._words[0]!r}: {error.strerror or error}",
                hint="check `command`: the program must be on the PATH, or be named by its path",
            ) from error
        talk = _Conversation(process, given.encode(), most_lines=2 * count + 1000)
        try:
            talk.wait(self._timeout)
        except TimeoutError as error:
            raise CommandError(
                f"{self.name!r} had not ended after {self._timeout:g} seconds, and was stopped",
                hint="it must end when its input ends; `timeout` gives it more time, 0 any time",
            ) from error
        finally:
            talk.end()
        said = _beginning(bytes(talk.told))
        if talk.too_much:
            raise CommandError(
                f"{self.name!r} wrote far more than {count:,} lines for {count:,} texts, and was "
                f"stopped{said}",
                hint="it must write one line for every line that it reads, in the same order",
            )
        out = bytes(talk.written)
        if process.returncode:
            raise CommandError(
                f"{self.name!r} failed with exit status {process.returncode}{said}",
                hint="run it by hand on one of the texts",
            )
        return self._lines(out, count, said)

    def _lines(self, out: bytes, count: int, said: str) -> list[str]:
        try:
            text = out.decode()
        except UnicodeDecodeError as error:
            line = out[: error.start].count(b"\n") + 1
            raise CommandError(
                f"line {line} of what {self.name!r} wrote is not UTF-8",
                hint="let it write UTF-8, for example with LC_ALL=C.UTF-8",
            ) from error
        lines = text.removesuffix("\n").split("\n") if text else []
        if len(lines) != count:
            raise CommandError(
                f"{self.name!r} wrote {len(lines):,} lines for {count:,} texts{said}",
                hint="it must write one line for every line that it reads, in the same order",
            )
        return lines


def open_command(order: Order) -> CommandTranslator:
    """The translator of an order that names a command."""
    return CommandTranslator(order.command or "", timeout=order.timeout)


def words_of(command: str) -> list[str]:
    """What is started for a command: its words, or a shell with the command.

    Raises:
        UsageError: there is none, or a quotation mark in it is not closed.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"not a command: {command!r}: {error}") from error
    if not words:
        raise UsageError("`command` is empty", hint="name a program, with its arguments")
    if _FOR_A_SHELL & set(command) or "=" in words[0]:
        return ["sh", "-c", command]
    return words


class _Conversation:
    """What is written to a program and what it writes, at the same time, so that neither waits.

    No more is kept than is wanted: a program that writes without end is stopped.

    Args:
        process: with pipes, the leader of a session of its own.
        given: for its standard input.
        most_lines: after these, what it writes is too much.
    """

    def __init__(self, process: subprocess.Popen[bytes], given: bytes, *, most_lines: int) -> None:
        self._process, self._given = process, given
        self._most_lines, self._most_bytes = most_lines, _LEAST_ALLOWED + _GROWTH * len(given)
        self.written = bytearray()
        self.told = bytearray()
        """The beginning of what it wrote to stderr."""
        self.too_much = False
        self._done = False
        work = (self._write, self._read, self._listen)
        self._threads = [Thread(target=one, daemon=True) for one in work]
        for thread in self._threads:
            thread.start()

    def wait(self, timeout: float | None) -> None:
        """Wait for the end of the program and of all that it writes.

        Raises:
            TimeoutError: it takes longer than ``timeout`` seconds; None: any time.
        """
        until = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if until is None else max(0.0, until - time.monotonic()))
            if thread.is_alive():
                raise TimeoutError
        try:
            self._process.wait(None if until is None else max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        self._done = True

    def end(self) -> None:
        """Stop the program, with all that it started, unless it has ended by itself."""
        if not self._done or self.too_much:
            # Its leader may be gone already, and what it started is there still.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=_LAST_WORDS_S)

    def _write(self) -> None:
        stream = cast(BinaryIO, self._process.stdin)
        with suppress(OSError), stream:  # it may end without reading all, which its output shows
            stream.write(self._given)

    def _read(self) -> None:
        lines = 0
        with cast(BufferedReader, self._process.stdout) as stream:
            while block := stream.read1(_BLOCK):
                lines += block.count(b"\n")
                self.written += block
                if lines > self._most_lines or len(self.written) > self._most_bytes:
                    self.too_much = True
                    self.end()
                    return

    def _listen(self) -> None:
        with cast(BufferedReader, self._process.stderr) as stream:
            while block := stream.read1(_BLOCK):
                self.told += block[: _BLOCK - len(self.told)]


def _beginning(err: bytes) -> str:
    """What a program wrote to stderr, as the end of a message."""
    lines = [line for line in err.decode(errors="replace").splitlines() if line.strip()]
    if not lines:
        return ""
    more = "\n  ..." if len(lines) > _TOLD_LINES else ""
    return ":\n  " + "\n  ".join(lines[:_TOLD_LINES]) + more

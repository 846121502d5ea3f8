"""Commands of clirot in children that are forked from a process with everything imported."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 120.0
"""Seconds after which a command is said to hang; the longest takes some three alone."""
_UNFORESEEN = "something that clirot did not foresee"


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    """Its exit code; negative: the signal that ended it."""
    out: bytes
    err: str
    hung: bool

    @property
    def traceback(self) -> bool:
        """Whether it ended by an error that nobody had foreseen."""
        return "Traceback (most recent" in self.err or _UNFORESEEN in self.err

    @property
    def in_words(self) -> bool:
        """Whether it failed, and said what was wrong: an unknown name is code 2."""
        return self.code in (1, 2, 3) and "error: " in self.err and not self.traceback

    @property
    def last_words(self) -> str:
        """What it said at its end, for a report."""
        return " / ".join(self.err.strip().splitlines()[-3:])[-400:]


class Child:
    """A forked process that does something; what it writes is kept."""

    def __init__(self, action: Callable[[], object], folder: Path, limit_s: float) -> None:
        self._until = time.monotonic() + limit_s
        self._streams = [os.memfd_create(name) for name in ("out", "err")]
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if self._pid == 0:
            code = 1
            try:
                os.setpgid(0, 0)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(self._streams[0], 1)
                os.dup2(self._streams[1], 2)
                os.chdir(folder)
                action()
                code = 0
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
            except BaseException:
                os.write(2, traceback.format_exc().encode())
            finally:
                sys.stdout.flush()
                os._exit(code)
        self._handle = os.pidfd_open(self._pid)

    def wait(self) -> Outcome:
        """How it ended; a child that has not ended in time is killed."""
        left = max(0.0, self._until - time.monotonic())
        hung = not select.select([self._handle], [], [], left)[0]
        if hung:
            os.kill(self._pid, signal.SIGKILL)
        _, status = os.waitpid(self._pid, 0)
        os.close(self._handle)
        said = []
        for stream in self._streams:
            os.lseek(stream, 0, os.SEEK_SET)
            with os.fdopen(stream, "rb") as read:
                said.append(read.read())
        err = said[1].decode(errors="replace")
        return Outcome(os.waitstatus_to_exitcode(status), said[0], err, hung)


def started(
    words: Sequence[str],
    folder: Path,
    home: Path,
    prepare: Callable[[], object] = lambda: None,
    limit_s: float = LIMIT_S,
) -> Child:
    """Start a command.

    Args:
        words: without ``clirot``.
        folder: where it runs.
        home: its ``CLIROT_HOME``.
        prepare: called in the child before the command.
        limit_s: seconds.
    """

    def action() -> None:
        from clirot.cli import main

        os.environ |= {"CLIROT_HOME": str(home), "HF_HUB_CACHE": str(folder / "hub")}
        sys.argv = ["clirot", *words]
        prepare()
        main()

    return Child(action, folder, limit_s)


def ran(
    words: Sequence[str],
    folder: Path,
    home: Path,
    prepare: Callable[[], object] = lambda: None,
    limit_s: float = LIMIT_S,
) -> Outcome:
    """Run a command to its end; see :func:`started`."""
    return started(words, folder, home, prepare, limit_s).wait()

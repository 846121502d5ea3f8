"""Rows of text on stdout or into a file: what `translate`, `perturb` and `answer` give out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from clirot.cli import console
from clirot.records import ProgressSink


class Ready(Protocol):
    """Work that is ready to be done."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should read before it is done."""
        ...

    def remarks(self) -> Iterable[str]:
        """What a person should read afterwards."""
        ...


R = TypeVar("R", bound=Ready)


@contextmanager
def given_out(
    start: Callable[[ProgressSink], R],
    rows: Callable[[R, ProgressSink], Iterable[tuple[str, ...]]],
    out: Path | None,
) -> Iterator[R]:
    """Do the work and give out its rows; the block says what came of it, and remarks follow.

    Args:
        start: makes it ready.
        rows: its rows, whose columns are put beside each other with tabs.
        out: the file that has them when all is done; None: stdout.
    """
    from clirot.store import written

    with ExitStack() as stack:
        progress = stack.enter_context(console.progress())
        ready = start(progress)
        for note in ready.notes:
            console.warn(note)
        file = stack.enter_context(written(out))[0] if out is not None else None
        for row in rows(ready, progress):
            line = "\t".join(row)
            if file is None:
                console.emit(line)
            else:
                file.write(f"{line}\n".encode())
    yield ready
    for remark in ready.remarks():
        console.warn(remark)

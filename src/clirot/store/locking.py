"""The lock of an artefact, and what a process that died between two renames left.

The system releases the lock of a process that dies. Its file stays: to remove it would let two
processes hold the lock at once, each with a file of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from clirot.errors import BusyError
from clirot.store.writing import between_renames, sibling

_SWAP_TIME_S = 10.0  # longer than the two renames of a replacement take


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock of one artefact.

    Args:
        target: the artefact's directory, whose parent exists.

    Raises:
        BusyError: another process holds it.
    """
    import filelock

    lock = filelock.FileLock(sibling(target, "lock"))
    try:
        with lock.acquire(timeout=0):
            _mend(target)
            yield
    except filelock.Timeout:
        raise BusyError(
            f"another process is writing {target.parent.name}/{target.name}",
            hint="wait for it",
        ) from None


def mend_abandoned(target: Path) -> None:
    """Put the old artefact back if a process died between the two renames of a replacement.

    For readers: they wait for a running writer, and may lack write access.
    """
    import filelock

    if between_renames(target):
        lock = filelock.FileLock(sibling(target, "lock"))
        with suppress(filelock.Timeout, OSError), lock.acquire(timeout=_SWAP_TIME_S):
            _mend(target)


def _mend(target: Path) -> None:
    """Under the lock only: without it, a running writer may be about to put the new one there."""
    if between_renames(target):
        sibling(target, "replaced").rename(target)

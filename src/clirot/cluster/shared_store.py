"""Whether the nodes of a cluster share the store's directory, and whether its locks hold there.

What one node writes the others must see, and two processes must never write one artefact. The first
process keeps a lock on a file of the directory for as long as the work takes. A node that does not
find the file has another directory. One that gets the lock has another directory as well, or a file
system on which locks do not hold between machines (some network file systems, as they are mounted).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clirot.errors import ClusterError

_FILE = ".cluster.lock"
_WAYS = (
    "all nodes must share CLIROT_HOME, on a file system whose locks (flock) hold between machines"
)


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Keep the lock that nodes look for.

    Raises:
        ClusterError: the directory's file system has no locks, or may not be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        handle = os.open(home / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise ClusterError(f"the store {home} cannot be used: {error.strerror}") from error
    try:
        try:
            # Shared: several commands may use a cluster at a time.
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            raise ClusterError(
                f"the file system of {home} has no locks: {error.strerror}", hint=_WAYS
            ) from error
        yield
    finally:
        os.close(handle)


def fault(home: Path) -> str | None:
    """What is wrong with the store's directory as this node sees it; None: nothing."""
    try:
        handle = os.open(home / _FILE, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        return f"it does not see the store {home}: {error.strerror} ({_WAYS})"
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    except OSError as error:
        return f"its file system has no locks in {home}: {error.strerror} ({_WAYS})"
    finally:
        os.close(handle)
    return f"it has another store in {home}, or its locks do not hold there ({_WAYS})"

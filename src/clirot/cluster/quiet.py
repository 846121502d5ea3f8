"""What Ray would print while a cluster is used: kept, and said only where something failed.

Ray tells the first process of lost nodes and the like from a thread of its own, on stdout, which is
for data.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any, TextIO, cast

from clirot.errors import ClusterError

_THREAD = "ray_listen_error_messages"
_SAID = 300
"""Characters of it that an error quotes."""


class _WithoutRay:
    """A stream to which that thread does not get through."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.said: list[str] = []

    def write(self, text: str) -> int:
        if threading.current_thread().name != _THREAD:
            return self._stream.write(text)
        self.said.append(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def shut_down(ray: Any) -> None:
    """Disconnect from a cluster, and stop one that was started here. Ray then prints, from this
    thread, what it had held back because it had printed the like.
    """
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        ray.shutdown()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what Ray says of a cluster to itself. A ClusterError that leaves the block quotes it."""
    stream = _WithoutRay(sys.stdout)
    try:
        with redirect_stdout(cast("TextIO", stream)):
            yield
    except ClusterError as error:
        said = " ".join("".join(stream.said).split())
        if said:
            error.message += f"; Ray said: {said[:_SAID]}"
        raise

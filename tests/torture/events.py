"""The operations on files of a process, each a moment at which it may be killed or fail."""

from __future__ import annotations

import builtins
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CHANGING = {
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "os.link",
    "os.symlink",
    "shutil.rmtree",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def on_each(happens: Callable[[str], None], home: Path) -> None:
    """Call ``happens`` before each operation of this process that changes a store.

    Opening for writing, renaming, removing, making directories (Python's audit events), and each
    write and flush of a file that Python opened. What libraries in C write between is not seen.

    Args:
        happens: is given the operation's name; what it raises is what the operation raises.
        home: of the store; operations elsewhere do not count.
    """

    def counts(path: Any) -> bool:
        if isinstance(path, int):
            return False
        # A name relative to an open directory is one that rmtree removes.
        place = Path(os.fsdecode(path))
        return not place.is_absolute() or place.is_relative_to(home)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = flags & _WRITING if isinstance(flags, int) else set(mode or "") & set("wax+")
            if writes and path is not None and counts(path):
                happens("open")
        elif event in _CHANGING and counts(arguments[0]):
            happens(event)

    sys.addaudithook(hook)
    _on_writes(happens, counts)


def _on_writes(happens: Callable[[str], None], counts: Callable[[Any], bool]) -> None:
    flushed, opened = os.fsync, io.open

    def fsync(handle: Any) -> None:
        happens("fsync")
        flushed(handle)

    class File(io.FileIO):
        def write(self, data: Any) -> int:
            happens("write")
            return super().write(data)

    def seen(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any) -> Any:
        plain = set(mode) - set("bt")
        if not (plain in ({"w"}, {"x"}, {"a"}) and not isinstance(file, int) and counts(file)):
            return opened(file, mode, buffering, *rest, **named)
        if rest or buffering == 0 or named.get("opener") is not None:
            return opened(file, mode, buffering, *rest, **named)
        stream = io.BufferedWriter(File(file, mode.replace("b", "").replace("t", "")))
        if "b" in mode:
            return stream
        named = {key: one for key, one in named.items() if key in ("encoding", "errors", "newline")}
        return io.TextIOWrapper(stream, **named)

    os.fsync = fsync  # type: ignore[assignment]
    io.open = builtins.open = seen  # type: ignore[assignment]

"""Files that a person names to be written: whole or not at all.

Only what is a file, or will be one, is replaced. A symbolic link stays, and what it leads to is
replaced; a pipe or a device is written to as it is. What clirot names itself is a draft
(:mod:`clirot.store.drafts`).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from clirot.errors import ArtefactError

_HINTS = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some",
    errno.EFBIG: "files may not grow further here (see ulimit -f)",
    errno.ENOENT: "make its directory first",
    errno.EEXIST: "its directory is a file",
    errno.ENOTDIR: "its directory is a file",
}


@contextmanager
def written(*targets: Path, parents: bool = False) -> Iterator[list[BinaryIO]]:
    """Streams that become ``targets`` when the block ends well: all of them or none.

    Args:
        targets: what to write.
        parents: make the directories that are missing.

    Raises:
        ArtefactError: one cannot be written.
        BrokenPipeError: one is a pipe whose reader has gone.
    """
    parts: list[tuple[Path, Path]] = []  # what is written, and the file it becomes
    target = targets[0]
    try:
        with ExitStack() as stack:
            streams: list[BinaryIO] = []
            for target in targets:
                if parents:
                    target.parent.mkdir(parents=True, exist_ok=True)
                path = target
                if _is_file(target):
                    place = Path(os.path.realpath(target))
                    path = place.with_name(f".{place.name}.part")
                    parts.append((path, place))
                streams.append(stack.enter_context(path.open("wb")))
            yield streams
        for part, place in parts:
            part.replace(place)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise output_error(error, target) from error
    finally:
        for part, _ in parts:
            part.unlink(missing_ok=True)


def output_error(error: OSError, target: Path | str) -> ArtefactError:
    """What a person named cannot be written, in words."""
    hint = _HINTS.get(error.errno or 0)
    return ArtefactError(f"cannot write {target}: {error.strerror or error}", hint=hint)


def _is_file(target: Path) -> bool:
    """Whether it is a file, or nothing is there yet: else it must not be replaced."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(mode):  # before anything is written
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    return stat.S_ISREG(mode)

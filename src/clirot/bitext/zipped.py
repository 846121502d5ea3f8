"""One file out of a zip archive, as a stream."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from clirot.errors import InputError


@contextmanager
def open_member(path: Path, *, suffix: str) -> Iterator[IO[bytes]]:
    """Open the only file in an archive whose name ends with ``suffix``.

    Nothing is unpacked to disk, so no name in the archive can lead anywhere.

    Raises:
        InputError: not a zip archive, a damaged one, or not exactly one such file in it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
            matching = [name for name in names if name.endswith(suffix)]
            if len(matching) != 1:
                raise InputError(
                    f"{len(matching)} files ending in {suffix} where one was expected; "
                    f"it holds: {', '.join(names[:8]) or 'nothing'}",
                    path=path,
                )
            with archive.open(matching[0]) as stream:
                yield stream
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(f"not a readable zip archive: {error}", path=path) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=path) from error


def unpacked_size(path: Path, *, suffixes: Sequence[str]) -> int:
    """Bytes that the files with one of these endings have unpacked, as the archive states it.

    Raises:
        InputError: not a readable zip archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"not a readable zip archive: {error}", path=path) from error
    return sum(info.file_size for info in infos if info.filename.endswith(tuple(suffixes)))

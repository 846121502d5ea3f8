"""The files in a zip archive, each of which may be compressed itself.

Nothing is unpacked to disk, so a name in an archive cannot lead out of a directory. How much comes
out is limited by the size of the archive (:mod:`clirot.compressed`). An archive in
an archive is not opened.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

from clirot.compressed import decompressed, guarded, is_zip, open_raw
from clirot.errors import InputError

_ONCE = "unpack it once"
_BROKEN = (
    zipfile.BadZipFile,
    EOFError,
    IndexError,
    KeyError,  # the name was there when the archive was listed
    NotImplementedError,  # a compression method of its own
    OSError,
    RuntimeError,  # encrypted
    ValueError,  # a name that is not the UTF-8 that it says it is
    struct.error,
)


def member_names(path: Path) -> list[str]:
    """The names of the files in an archive, directories and what macOS adds left out.

    Raises:
        InputError: not a zip archive, a damaged one, or it cannot be read.
    """
    with _opened(path) as archive:
        names = [info.filename for info in archive.infolist()]
    # Not ZipInfo.is_dir(), which fails for a member without a name.
    return [name for name in names if name[-1:] not in ("", "/") and name[:9] != "__MACOSX/"]


def only_member(path: Path, *, suffix: str) -> str:
    """The name of the only file in an archive whose name ends with ``suffix``.

    Raises:
        InputError: not a zip archive, a damaged one, or not exactly one such file in it.
    """
    names = member_names(path)
    matching = [name for name in names if name.endswith(suffix)]
    if len(matching) != 1:
        raise InputError(
            f"{len(matching)} files ending in {suffix} where one was expected; "
            f"it holds: {listed(names)}",
            path=path,
        )
    return matching[0]


def open_member(path: Path, *, suffix: str) -> io.BufferedReader:
    """Open the only file in an archive whose name ends with ``suffix``.

    Raises:
        InputError: not a zip archive, a damaged one, or not exactly one such file in it.
    """
    return open_named(path, only_member(path, suffix=suffix))


def unpacked_size(path: Path, names: Sequence[str]) -> int:
    """Bytes that some files of an archive have unpacked, as the archive states it.

    Raises:
        InputError: not a zip archive, a damaged one, or it cannot be read.
    """
    with _opened(path) as archive:
        return sum(info.file_size for info in archive.infolist() if info.filename in names)


def open_named(path: Path, name: str) -> io.BufferedReader:
    """Open the file of that name in an archive, unpacked also where it is compressed itself.

    Raises:
        InputError: the archive is damaged, encrypted or holds no such file. Reading raises
            :class:`~clirot.compressed.DamagedError`.
    """
    archive = _opened(path)
    try:
        stream = archive.open(name)
    except _BROKEN as error:
        archive.close()
        raise _unreadable(path, error) from error
    size = path.stat().st_size
    member = guarded(
        stream,
        path=path,
        size=size,
        wrong="not a readable zip archive",
        hint=None,
        also=archive.close,
    )
    try:
        unpacked = decompressed(member, path=path, size=size)
        if is_zip(unpacked.peek(4)):
            raise InputError(f"{listed([name])} is an archive in an archive", path=path, hint=_ONCE)
    except InputError:
        member.close()
        raise
    return unpacked


def listed(names: list[str], most: int = 8) -> str:
    """The first names for an error message; what cannot be printed is a question mark."""
    shown = ["".join(c if c.isprintable() else "?" for c in name)[:80] for name in names[:most]]
    more = [f"and {len(names) - most} more"] if len(names) > most else []
    return ", ".join(shown + more) or "nothing"


def _opened(path: Path) -> zipfile.ZipFile:
    open_raw(path)[0].close()  # says in words what is wrong with a path
    try:
        return zipfile.ZipFile(path)
    except _BROKEN as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: BaseException) -> InputError:
    return InputError(f"not a readable zip archive: {error}", path=path)

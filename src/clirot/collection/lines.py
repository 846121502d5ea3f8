"""Lines of a text file with their numbers: UTF-8, gz or not, a path or standard input.

Only a line feed ends a line, as it does for every tool that counts lines: the Unicode separators
that ``str.splitlines`` also honours occur inside real documents.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from io import BufferedReader
from os import PathLike
from pathlib import Path
from typing import cast

from clirot.errors import InputError

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"


def numbered_lines(path: str | PathLike[str]) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, without their line ends, each with its 1-based number.

    Args:
        path: a file, gzip-compressed or not (its first bytes tell), or ``-`` for standard input.

    Raises:
        InputError: no such file, not readable, a damaged gzip, or not UTF-8 (file and line).
    """
    number = 0
    try:
        with ExitStack() as stack:
            if str(path) == "-":
                raw = cast(BufferedReader, sys.stdin.buffer)
            else:
                raw = stack.enter_context(Path(path).open("rb"))
            lines: Iterable[bytes] = raw
            if raw.peek(2)[:2] == _GZIP:  # peek, since a pipe cannot be rewound
                lines = stack.enter_context(gzip.GzipFile(fileobj=raw))
            for number, line in enumerate(lines, start=1):
                if number == 1:
                    line = line.removeprefix(_BOM)
                text = line.decode("utf-8").rstrip("\r\n")
                if text.strip():
                    yield number, text
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8: byte 0x{error.object[error.start]:02x} at column {error.start + 1}",
            path=path,
            line=number,
            hint="convert it, for example with iconv -f WINDOWS-1252 -t UTF-8",
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"damaged gzip file: {error}", path=path, line=number + 1, hint="fetch it again"
        ) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=path) from error


def two_columns(path: str | PathLike[str], *, what: str) -> Iterator[tuple[int, str, str]]:
    """Rows ``id TAB text`` with their line numbers.

    Raises:
        InputError: a row with another number of columns, or an id that is empty, holds white space
            (a TREC run could not carry it) or occurs twice (file and line).
    """
    first_seen: dict[str, int] = {}
    for number, line in numbered_lines(path):
        columns = line.split("\t")
        if len(columns) != 2:
            raise InputError(
                f"{len(columns)} column{'s' * (len(columns) != 1)} where id TAB text was expected: "
                + excerpt(line),
                path=path,
                line=number,
                hint="one row a line, exactly one tab",
            )
        yield number, take_id(columns[0], first_seen, what, path, number), columns[1].strip()


def take_id(
    written: str,
    first_seen: dict[str, int],
    what: str,
    path: str | PathLike[str],
    number: int,
) -> str:
    """Check an id and remember where it was first seen.

    Raises:
        InputError: it is empty, holds white space or was seen before.
    """
    identifier = written.strip()
    if not identifier or any(character.isspace() for character in identifier):
        raise InputError(
            f"not an id for a {what}: {written!r}",
            path=path,
            line=number,
            hint="an id is one word: TREC files separate their columns by white space",
        )
    if identifier in first_seen:
        raise InputError(
            f"{what} {identifier!r} occurs twice (first in line {first_seen[identifier]})",
            path=path,
            line=number,
            hint="give every one its own id",
        )
    first_seen[identifier] = number
    return identifier


def excerpt(text: str, longest: int = 60) -> str:
    """A text as an error message quotes it: ``longest`` characters at most."""
    return repr(text if len(text) <= longest else text[: longest - 3] + "...")

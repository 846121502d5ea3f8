"""Rows of a text file: its lines with their numbers, and the id and text that a line gives.

A file is UTF-8, compressed or not, and is read line by line: documents may be many. Only a
line feed ends a line, as it does for every tool that counts lines: the Unicode separators that
``str.splitlines`` also honours occur inside real documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import Any, NamedTuple

from clirot.bounds import LINE, TOPICS, raised, too_long
from clirot.compressed import DamagedError
from clirot.errors import InputError
from clirot.input_streams import open_input
from clirot.json_values import json_value

Source = str | PathLike[str]
"""A path, or ``-`` for standard input."""
Lines = Iterable[tuple[int, str]]
"""Lines with their numbers, from 1."""
Row = tuple[int, str, str]
"""The number of a line, and the id and the text that the line gives."""

_BOM = b"\xef\xbb\xbf"


def numbered_lines(path: Source, *, most: int = TOPICS) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, without their line ends, each with its number.

    Args:
        path: a file, compressed or not, or ``-``.
        most: the bytes that all lines may have together.

    Raises:
        InputError: no such file, not readable, damaged compressed data, not UTF-8, a line that is
            too long, or too much altogether (file and line).
    """
    number = have = 0
    try:
        with open_input(path) as stream:
            longest, most = raised(LINE), raised(most)
            while line := stream.readline(longest + 1):
                number += 1
                have += len(line)
                if len(line) > longest:
                    raise too_long("a line", longest, path=path, line=number)
                if have > most:
                    raise too_long("an input", most, path=path, line=number)
                if number == 1:
                    line = line.removeprefix(_BOM)
                text = line.decode("utf-8").rstrip("\r\n")
                if text.strip():
                    yield number, text
    except UnicodeDecodeError as error:
        wide = number == 1 and error.object[:2] in (b"\xff\xfe", b"\xfe\xff")
        raise InputError(
            f"not UTF-8: byte 0x{error.object[error.start]:02x} at column {error.start + 1}",
            path=path,
            line=number,
            hint="convert it, for example with iconv -f "
            f"{'UTF-16' if wide else 'WINDOWS-1252'} -t UTF-8",
        ) from error
    except DamagedError as error:
        raise error.at_line(number + 1) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=path) from error


def json_records(lines: Lines, path: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    """JSON objects, one a line, with the numbers of their lines.

    Raises:
        InputError: a line is not a JSON object.
    """
    for number, line in lines:
        try:
            record = json_value(line)
        except ValueError as error:
            raise InputError(f"not JSON: {error}", path=path, line=number) from error
        if not isinstance(record, dict):
            raise InputError(f"not a JSON object: {excerpt(line)}", path=path, line=number)
        yield number, record


def json_rows(
    lines: Lines, path: Source, *, ids: tuple[str, ...], texts: tuple[str, ...], title: bool = False
) -> Iterator[Row]:
    """Rows that are written as JSON objects, one a line.

    Args:
        lines: the lines.
        path: where they are from, for messages.
        ids: the names that the field with the id may have.
        texts: the names that the field with the text may have.
        title: put what the field ``title`` holds before the text.

    Raises:
        InputError: a line is not a JSON object, or has no such fields.
    """
    for number, record in json_records(lines, path):
        yield record_row(record, Place(path, number), ids=ids, texts=texts, title=title)


class Place(NamedTuple):
    """Where something stands, for messages."""

    path: Source
    line: int | None


def record_row(
    record: Mapping[str, Any],
    place: Place,
    *,
    ids: tuple[str, ...],
    texts: tuple[str, ...],
    title: bool = False,
) -> Row:
    """The row that a record gives; see :func:`json_rows`."""
    text = field_text(record, texts, place)
    # As BEIR does; a title alone is a document whose body is empty.
    if title and record.get("title"):
        text = f"{field_text(record, ('title',), place)} {text}"
    return place.line or 0, field_text(record, ids, place), " ".join(text.split())


def field_text(record: Mapping[str, Any], names: tuple[str, ...], place: Place) -> str:
    """The first of several fields that a record has, as text.

    Raises:
        InputError: it has none of them, or what it has is not text.
    """
    name = next((name for name in names if name in record), None)
    if name is None:
        there = ", ".join(map(str, record)) or "none"
        raise InputError(
            f"none of the fields {', '.join(names)}; it has {there}",
            path=place.path,
            line=place.line,
        )
    value = record[name]
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise InputError(
            f"field {name!r} is not text: {value!r:.60}", path=place.path, line=place.line
        )
    try:
        str(value).encode()
    except UnicodeEncodeError as error:  # JSON can write one, and UTF-8 cannot
        raise InputError(
            f"field {name!r} holds half a surrogate pair at character {error.start + 1}",
            path=place.path,
            line=place.line,
            hint="write the character itself, or both halves of the pair",
        ) from error
    return str(value)


def with_distinct_ids(rows: Iterable[Row], what: str, path: Source) -> Iterator[Row]:
    """The rows, with white space around their ids removed.

    Args:
        rows: the rows.
        what: "document" or "topic", for messages.
        path: where they are from, for messages.

    Raises:
        InputError: an id is empty, occurs twice, holds a byte order mark, or white space, which a
            TREC run could not carry.
    """
    first_seen: dict[str, int] = {}
    for number, written, text in rows:
        identifier = written.strip()
        if not identifier or any(character.isspace() for character in identifier):
            raise InputError(
                f"not an id for a {what}: {written!r}",
                path=path,
                line=number,
                hint="an id is one word: TREC files separate their columns by white space",
            )
        if "\ufeff" in identifier:  # nobody sees it, and no judgement has it
            raise InputError(
                f"the id of a {what} holds a byte order mark: {identifier!r}",
                path=path,
                line=number,
                hint="files were put together; remove the mark at the start of each",
            )
        if identifier in first_seen:
            raise InputError(
                f"{what} {identifier!r} occurs twice (first in line {first_seen[identifier]})",
                path=path,
                line=number,
                hint="give every one its own id",
            )
        first_seen[identifier] = number
        yield number, identifier, text


def excerpt(text: str, longest: int = 60) -> str:
    """A text as an error message quotes it: ``longest`` characters at most."""
    return repr(text if len(text) <= longest else text[: longest - 3] + "...")
